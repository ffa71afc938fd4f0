"""The gateway's own key: made once, backed up or missed, never silently another."""

import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.gateway.bench import ROOT, Bench, call_cli, config_text, enroll
from tests.gateway.terminal import Terminal


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "gateway.toml").write_text(config_text())
    return tmp_path


def enrolling(terminal, unit):
    place = ["--directorate", "vranje", "--station", "ps-vranje", "--unit", unit, "--vehicle", "v"]
    return ["enroll", "--public-key", terminal.public_key.hex(), *place]


def test_every_terminal_is_given_the_same_key(folder):
    first = call_cli(folder, *enrolling(Terminal(), "one"))
    second = call_cli(folder, *enrolling(Terminal(), "two"))
    assert first["gateway_key"] == second["gateway_key"] == call_cli(folder, "key")["gateway_key"]
    assert len(first["gateway_key"]) == 128
    assert first["kid"] != second["kid"]
    assert (folder / "gateway.key").stat().st_mode & 0o777 == 0o600


def test_a_lost_file_is_not_made_anew(folder):
    """Silently another key would shut out every car at its next handshake."""
    given = call_cli(folder, *enrolling(Terminal(), "one"))["gateway_key"]
    (folder / "gateway.key").rename(folder / "backup")
    for command in (["key"], enrolling(Terminal(), "two")):
        assert "missing" in call_cli(folder, *command, code=1)["error"]
    assert not (folder / "gateway.key").exists()
    assert len(call_cli(folder, "list")["terminals"]) == 1
    (folder / "backup").rename(folder / "gateway.key")
    assert call_cli(folder, *enrolling(Terminal(), "two"))["gateway_key"] == given


def test_lost_for_good(folder):
    given = call_cli(folder, "key")["gateway_key"]
    assert "put it away first" in call_cli(folder, "key", "--replace", code=1)["error"]
    (folder / "gateway.key").unlink()
    replaced = call_cli(folder, "key", "--replace")["gateway_key"]
    assert replaced != given
    assert call_cli(folder, *enrolling(Terminal(), "one"))["gateway_key"] == replaced


def test_another_gateways_file_is_refused(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "gateway.toml").write_text(config_text())
    call_cli(other, "key")
    call_cli(folder, "key")
    (folder / "gateway.key").write_bytes((other / "gateway.key").read_bytes())
    assert "terminals were given" in call_cli(folder, "key", code=1)["error"]


def pem(private):
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no private key"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "not a key of P-256"),
        (pem(ed25519.Ed25519PrivateKey.generate()), "not a key of P-256"),
    ],
    ids=["empty", "broken", "P-384", "Ed25519"],
)
def test_a_file_that_is_no_key_is_named(folder, content, words):
    (folder / "gateway.key").write_bytes(content)
    assert words in call_cli(folder, "key", code=1)["error"]
    assert (folder / "gateway.key").read_bytes() == content


def test_a_new_journal_takes_the_key_that_is_there(folder):
    given = call_cli(folder, "key")["gateway_key"]
    (folder / "patrola.sqlite").unlink()
    assert call_cli(folder, "key")["gateway_key"] == given


def test_several_processes_at_once_make_one_key(folder):
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "gateway", "key", "--config", str(folder / "gateway.toml")],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        for _ in range(4)
    ]
    said = {process.communicate()[0] for process in processes}
    assert len(said) == 1 and all(process.returncode == 0 for process in processes)


async def test_serve_makes_it_too(folder):
    bench = await Bench(folder).start()
    assert (folder / "gateway.key").exists()
    assert not bench.events("edhoc.keyless")
    await bench.stop()


def test_the_gateways_own_key_is_no_terminals(folder):
    """Somebody copied the wrong line."""
    own = Terminal()
    own.public_key = bytes.fromhex(call_cli(folder, "key")["gateway_key"])
    assert "gateway's own" in call_cli(folder, *enrolling(own, "one"), code=1)["error"]
    enroll(folder, Terminal())
