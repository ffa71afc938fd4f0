"""`gateway doctor`: each trouble is made, found, and said what to do about; a sound gateway is called so."""

import io
import json
import os
import socket
import sqlite3

import pytest

from gateway import examinations
from gateway.cli import main
from tests.gateway.bench import Bench, call_cli, config_text, enroll
from tests.gateway.terminal import Terminal


@pytest.fixture
def folder(tmp_path):
    configure(tmp_path)
    return tmp_path


def configure(folder, **sections):
    sections = {"metrics": {"host": "127.0.0.1", "port": 0}, **sections}
    (folder / "gateway.toml").write_text(config_text(**sections))


def found(folder, code=0):
    """{what: (state, said, do)} of the worst finding of each kind."""
    rank = {"ok": 0, "warning": 1, "failed": 2}
    worst = {}
    body = call_cli(folder, "doctor", code=code)
    assert body["fit"] == (code == 0)
    for row in body["findings"]:
        known = worst.get(row["what"])
        if known is None or rank[row["state"]] > rank[known[0]]:
            worst[row["what"]] = (row["state"], row["said"], row["do"])
        assert bool(row["do"]) == (row["state"] != "ok"), row
    return worst


async def test_a_sound_gateway_is_fit_before_while_and_after_it_serves(tmp_path, broker):
    configure(tmp_path, broker={"host": "127.0.0.1", "port": broker.port_v5})
    call = {name: state for name, (state, _, _) in found(tmp_path).items()}
    assert call["journal"] == call["broker"] == call["configuration"] == "ok"
    enroll(tmp_path, Terminal())
    bench = Bench.__new__(Bench)
    bench.folder, bench.app, bench._clients = tmp_path, None, []
    bench.log = io.StringIO()
    await bench.start()
    states = found(tmp_path)
    assert states["service"][0] == "ok" and states["registry"][1] == "1 terminal may speak"
    assert states["journal"][0] == states["gateway's key"][0] == "ok"
    await bench.stop()
    assert "service" not in found(tmp_path)


def test_a_wrong_configuration_is_a_finding(folder):
    (folder / "gateway.toml").write_text("[listen]\nport = 70000\n")
    state, said, do = found(folder, 1)["configuration"]
    assert state == "failed" and "listen.port = 70000" in said and "CoAP" in do


def test_files_that_others_can_read(folder):
    enroll(folder, Terminal())
    (folder / "tls.pem").write_text("a key")
    files = {"certificate_file": "tls.pem", "key_file": "tls.pem"}
    (folder / "gateway.toml").write_text(config_text(enrolment={"host": "127.0.0.1", "port": 0, **files}))
    for name in ("gateway.key", "patrola.sqlite", "tls.pem"):
        os.chmod(folder / name, 0o644)
    states = found(folder, 1)
    assert states["technicians' port's key"][2] == f"chmod 600 {folder / 'tls.pem'}"
    assert states["journal"][2] == f"chmod 600 {folder / 'patrola.sqlite'}"
    assert "others of this machine" in states["gateway's key"][1]


def test_a_damaged_journal_and_one_of_a_newer_gateway(folder):
    enroll(folder, Terminal())
    path = folder / "patrola.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + os.urandom(8192) + whole[16384:])
    state, said, do = found(folder, 1)["journal"]
    assert state == "failed" and ("restore" in do or "lost" in do), (said, do)
    path.write_bytes(whole)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert "newer" in found(folder, 1)["journal"][1]


def test_a_key_that_is_missing_or_another(folder):
    enroll(folder, Terminal())
    key = (folder / "gateway.key").read_bytes()
    (folder / "gateway.key").unlink()
    assert "missing" in found(folder, 1)["gateway's key"][1]
    (folder / "other").mkdir()
    configure(folder / "other")
    call_cli(folder / "other", "key")
    os.replace(folder / "other" / "gateway.key", folder / "gateway.key")
    assert "not the key that terminals were given" in found(folder, 1)["gateway's key"][1]
    (folder / "gateway.key").write_bytes(key)
    assert found(folder)["gateway's key"][0] == "ok"


def test_secrets(folder):
    enroll(folder, Terminal())
    assert found(folder)["secrets"][0] == "warning"
    configure(folder, security={"secrets_key_file": "secrets.key"})
    assert "does not start" in found(folder, 1)["key of the secrets"][2]
    call_cli(folder, "secrets", "--create")
    assert found(folder)["secrets"] == (
        "warning",
        "1 are not sealed yet",
        "python -m gateway secrets --encrypt",
    )
    call_cli(folder, "secrets", "--encrypt")
    assert found(folder)["secrets"][0] == "ok"
    (folder / "secrets.key").write_text("00" * 32)
    assert "not given" in found(folder, 1)["secrets"][1]


def test_ports_and_brokers_that_are_not_there(folder):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken, socket.socket() as listening:
        taken.bind(("127.0.0.1", 0))
        listening.bind(("127.0.0.1", 0))  # bound, and nobody listens
        configure(
            folder,
            listen={"port": taken.getsockname()[1]},
            broker={"host": "127.0.0.1", "port": listening.getsockname()[1]},
        )
        states = found(folder, 1)
    assert states["terminals' port"][0] == "failed" and "ss -ulpn" in states["terminals' port"][2]
    assert states["broker"][0] == "failed" and "refused" in states["broker"][1]
    configure(folder, listen={"host": "203.0.113.7"})
    assert "address of this machine" in found(folder, 1)["terminals' port"][2]
    configure(folder, metrics={"host": "0.0.0.0"})
    assert "from elsewhere" in found(folder)["metrics' port"][1]


def test_a_broker_that_says_nothing_is_not_waited_for(folder, monkeypatch):
    monkeypatch.setattr("gateway.asking.TIMEOUT_S", 0.2)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        configure(folder, broker={"host": "127.0.0.1", "port": deaf.getsockname()[1], "protocol": "5"})
        assert "does not answer" in found(folder, 1)["broker"][1]


@pytest.mark.parametrize(("free", "state"), [(1 << 20, "failed"), (1 << 30, "warning"), (1 << 40, "ok")])
def test_a_disk_that_is_full(folder, monkeypatch, free, state):
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr(examinations.shutil, "disk_usage", lambda path: usage)
    assert found(folder, int(state == "failed"))["disk"][0] == state


@pytest.mark.parametrize(
    ("seconds", "kept", "state"),
    [(0, True, "failed"), (2e9, False, "warning"), (2e9, True, "ok"), (2e9, None, "ok")],
)
def test_a_clock_that_is_wrong(folder, monkeypatch, seconds, kept, state):
    monkeypatch.setattr(examinations.time, "time", lambda: seconds)
    monkeypatch.setattr(examinations, "_synchronised", lambda: kept)
    assert found(folder, int(state == "failed"))["clock"][0] == state


def test_what_breaks_an_examination_hides_no_other(folder, monkeypatch):
    def broken(config):
        raise RuntimeError("no such luck")

    monkeypatch.setattr(examinations, "ALL", [broken, *examinations.ALL])
    states = found(folder, 1)
    assert "no such luck" in states["broken"][1] and states["disk"][0] == "ok"


def test_what_a_person_reads(folder, capsys):
    assert main(["doctor", "--config", str(folder / "gateway.toml")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("[  ok   ] configuration:")
    assert lines[-1].startswith("fit to serve, ")
    assert [line for line in lines if line.startswith("          -> ")]
    json.dumps(lines)


def test_whose_port_it_is_cannot_be_known_without_the_journal(folder):
    """PostgreSQL is away: that is what must be mended, and no port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        configure(folder, journal={"url": f"postgresql://nobody@/x?host={folder}"}, listen={"port": port})
        states = found(folder, 1)
    assert states["journal"][0] == "failed"
    assert states["terminals' port"][0] == "warning" and "is in use" in states["terminals' port"][1]
