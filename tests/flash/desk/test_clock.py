"""A computer whose clock is wrong: the gateway refuses, or its certificate seems to have expired."""

import datetime
import shlex
import socket
import ssl
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from flashing.desk import enrolment
from flashing.errors import FlashError

_DAY_NS = 86400 * 10**9


def test_what_is_told_names_both_clocks_and_sets_this_one(bench, stand, monkeypatch):
    board = stand()
    real = time.time_ns
    here = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 400 * 86400))
    with monkeypatch.context() as patch:
        patch.setattr(enrolment.time, "time_ns", lambda: real() - 400 * _DAY_NS)
        patch.setattr(enrolment, "_now", lambda: f"{here} 12:00")
        code, _, err = bench.provision(board)
    assert code == 1
    first = next(line for line in err.splitlines() if line.startswith("flash.py:"))
    assert first.startswith(
        f"flash.py: this computer's clock is wrong: it says {here} 12:00, the gateway's 20"
    )
    assert "run:    sudo timedatectl set-ntp true\n" in err
    again = next(line for line in err.splitlines() if line.startswith("  again:")).split(":", 1)[1]
    code, _, err = bench.run(*shlex.split(again)[1:])
    assert code == 0, err


@pytest.fixture
def expired(tmp_path):
    """(port, certificate) of somebody on this computer whose certificate was good until yesterday."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - datetime.timedelta(9))
    made = made.not_valid_after(now - datetime.timedelta(1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), True)
    file = tmp_path / "both.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(secret + made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            one, _ = server.accept()
            with one, pytest.raises(ssl.SSLError):
                context.wrap_socket(one, server_side=True)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], file
        thread.join()


def test_a_certificate_out_of_its_time_may_be_the_clock(expired):
    port, file = expired
    with pytest.raises(FlashError) as wrong:
        enrolment.post(f"https://localhost:{port}", file, b"", b"")
    assert wrong.value.what.startswith("the gateway's certificate is not valid by this computer's clock (20")
    assert wrong.value.what.endswith("): certificate has expired")
    assert wrong.value.command == "sudo timedatectl set-ntp true"
