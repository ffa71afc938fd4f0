"""The command line as a technician and an auditor use it: processes, exit codes, JSON."""

import asyncio
import json
import signal
import socket
import sqlite3
import subprocess
import sys

import pytest

from gateway.cli import main
from gateway.security import load_public_key
from protocol import cbor, coap, cose
from tests.gateway.bench import ROOT, Bench, call_cli, config_text, enroll, run_cli
from tests.gateway.served import Served
from tests.gateway.terminal import Client, Terminal


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "gateway.toml").write_text(config_text())
    return tmp_path


def test_enroll_list_suspend_revoke(folder):
    terminal = Terminal()
    place = ["--directorate", "vranje", "--station", "ps-vranje", "--unit", "vr-101", "--vehicle", "Škoda"]
    answer = run_cli(folder, "enroll", "--public-key", terminal.public_key.hex(), *place)
    assert answer["kid"] == terminal.kid.hex()
    assert set(answer) == {"kid", "gateway_key"}
    assert answer["gateway_key"] == run_cli(folder, "key")["gateway_key"]
    load_public_key(bytes.fromhex(answer["gateway_key"]))
    (row,) = run_cli(folder, "list")["terminals"]
    assert row["context"] is None
    assert (row["kid"], row["state"], row["call_sign"]) == (terminal.kid.hex(), "enrolled", "vr-101")
    again = call_cli(folder, "enroll", "--public-key", terminal.public_key.hex(), *place, code=1)
    assert "known already" in again["error"]
    other = call_cli(folder, "enroll", "--public-key", Terminal().public_key.hex(), *place, code=1)
    assert "belongs to terminal" in other["error"]
    assert call_cli(folder, "suspend", "vranje/ps-vranje/vr-101")["state"] == "suspended"
    assert call_cli(folder, "list", "--state", "enrolled")["terminals"] == []
    assert call_cli(folder, "revoke", terminal.kid.hex())["state"] == "revoked"
    assert "no such terminal" in call_cli(folder, "revoke", "00" * 8, code=1)["error"]
    call_cli(folder, "enroll", "--public-key", Terminal().public_key.hex(), *place)
    unit = "vranje/ps-vranje/vr-101"
    assert call_cli(folder, "send", unit, "clear", code=1)["error"].startswith("--panic: missing")
    # A short name is asked back and not taken: another directorate may have a car of that name.
    assert call_cli(folder, "revoke", "vr-101", code=1)["error"].endswith("is it vranje/ps-vranje/vr-101?")


P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("zz", "hex"),
        ("00" * 63, "63 bytes"),
        ("00" * 64, "128 hex digits"),
        ("ff" * 64, "not reduced"),
        (f"{5 + P:064x}" + "00" * 32, "not reduced"),
    ],
)
def test_a_public_key_that_is_no_point_is_refused(folder, key, words):
    place = ["--directorate", "a", "--station", "b", "--unit", "c", "--vehicle", "v"]
    assert words in call_cli(folder, "enroll", "--public-key", key, *place, code=1)["error"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("unit", "VR 101"), ("unit", "a/b"), ("station", "+"), ("vehicle", ""), ("vehicle", "a\nb")],
)
def test_what_would_break_a_topic_is_refused(folder, name, value):
    values = {"directorate": "a", "station": "b", "unit": "c", "vehicle": "v"} | {name: value}
    place = [part for key, text in values.items() for part in (f"--{key}", text)]
    error = call_cli(folder, "enroll", "--public-key", Terminal().public_key.hex(), *place, code=1)["error"]
    assert f"--{name}" in error


def test_usage_and_configuration_errors_have_code_2(folder):
    for arguments in (["sing"], [], ["verify"], ["send", "x", "dance"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2, arguments
    (folder / "gateway.toml").write_text("[listen]\nport = -1\n")
    assert "listen.port = -1" in run_cli(folder, "list", code=2)["error"]


@pytest.mark.parametrize(
    "name",
    ["serve", "enroll", "key", "suspend", "revoke", "list", "journal", "verify", "send"]
    + ["doctor", "backup", "restore", "secrets", "audit"],
)
def test_every_help_has_an_example(capsys, name):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"python -m gateway {name}" in capsys.readouterr().out.split("example:")[1]


async def test_serve_journal_verify_and_terminate(folder):
    served = Served(folder)
    try:
        terminal = enroll(folder, Terminal())
        client = await Client.open(terminal, served.address)
        frame = terminal.frame()
        while (await client.post(frame)).code != coap.CHANGED:
            pass  # enrolled a moment ago; the service looks four times a second
        await client.post(terminal.panic())
        client.close()
        found = call_cli(folder, "journal")
        assert [(row["seq"], row["kind"], row["panic"]) for row in found["frames"]] == [
            (0, "position", None), (1, "panic", 65537)
        ]  # fmt: skip
        assert found["counts"]["frames"] == 2
        assert [
            r["seq"] for r in call_cli(folder, "journal", "--kind", "panic", "--unrelayed")["frames"]
        ] == [1]
        assert call_cli(folder, "journal", "--from", "2")["frames"][0]["seq"] == 1
        assert (
            call_cli(folder, "journal", "--terminal", "vranje/ps-vranje/vr-101", "--count")["counts"][
                "frames"
            ]
            == 2
        )
        good = call_cli(folder, "verify", "--id", "1")
        assert (good["verified"], good["kid"], good["report"]["kind"]) == (
            True,
            terminal.kid.hex(),
            "position",
        )
        assert found["frames"][0]["frame"] == frame.hex()
    finally:
        code = served.end()
    assert code == 0
    events = [json.loads(line)["event"] for line in (folder / "log").read_text().splitlines()]
    assert events[0] == "gateway.ready"
    assert "gateway.stopping" in events[-3:]  # refusals not told yet may come between
    assert events[-1] == "gateway.stopped"


def test_verify_needs_only_the_public_key(tmp_path):
    terminal = Terminal()
    frame = terminal.frame()
    (tmp_path / "frame.cose").write_bytes(frame)

    def verify(source, key, code):
        done = subprocess.run(
            [sys.executable, "-m", "gateway", "verify", "--json", "--frame", source, "--public-key", key],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done
        return json.loads(done.stdout)

    key = terminal.public_key.hex()
    assert verify(str(tmp_path / "frame.cose"), key, 0)["verified"]
    assert verify(frame.hex(), key, 0)["seq"] == 0
    flipped = bytearray(frame)
    flipped[40] ^= 4
    assert not verify(flipped.hex(), key, 1)["verified"]
    assert not verify(frame.hex(), Terminal().public_key.hex(), 1)["verified"]
    assert not verify(frame.hex()[:-2], key, 1)["verified"]


async def test_send_reaches_a_terminal_of_the_running_service(folder):
    bench = await Bench(folder).start()
    client = await bench.terminal()
    await client.observe()
    answer = await asyncio.to_thread(
        run_cli, folder, "send", "vranje/ps-vranje/vr-101", "message", "--text", "hello"
    )
    assert answer["result"] == "queued"
    (command,) = await client.notification()
    assert command[3] == {0: "hello"}
    await client.post(client.terminal.panic())
    call_cli(
        folder, "send", client.terminal.kid.hex(), "acknowledge", "--panic", "65537", "--operator", "desk"
    )
    await client.answer(command[0])
    async with asyncio.timeout(60):
        while [c[3] for c in await client.notification()] != [{0: 65537, 1: 5}]:
            pass
    refused = call_cli(folder, "send", client.terminal.kid.hex(), "acknowledge", "--panic", "9", code=1)
    assert refused["reason"] == "no alarm 9 of this unit"
    assert "--text" in call_cli(folder, "send", client.terminal.kid.hex(), "message", code=1)["error"]
    await bench.stop()


async def test_kill_9_and_start_again(folder):
    """Every answered frame is there once; a datagram from before the kill is refused after it."""
    served = Served(folder)
    terminal = enroll(folder, Terminal())
    capture, answered = [], 0
    for _ in range(3):
        client = await Client.open(terminal, served.address)
        for _ in range(20):
            protected = terminal.post(terminal.frame())
            while (await client.exchange(protected)).code != coap.CHANGED:
                protected = terminal.post(terminal.frame(seq=terminal.seq - 1))
            capture.append(protected[0])
            answered += 1
        client.close()
        assert served.end(signal.SIGKILL) == -signal.SIGKILL
        served = Served(folder)
    client = await Client.open(terminal, served.address)
    for data in capture:
        client.socket.send(data)
        assert coap.decode(await client.socket.get()).code == coap.UNAUTHORIZED
    assert (await client.post(terminal.frame())).code == coap.CHANGED
    client.close()
    assert served.end() == 0
    database = sqlite3.connect(folder / "patrola.sqlite")
    rows = database.execute("SELECT seq FROM frames ORDER BY seq").fetchall()
    assert [seq for (seq,) in rows] == list(range(answered + 1))


def test_a_port_that_is_taken_is_named(folder):
    served = Served(folder)
    try:
        text, other = (folder / "gateway.toml").read_text(), '[journal]\npath = "other.sqlite"\n'
        (folder / "gateway.toml").write_text(
            text.replace("port = 0", f"port = {served.address[1]}", 1) + other
        )
        done = subprocess.run(
            [sys.executable, "-m", "gateway", "serve", "--config", str(folder / "gateway.toml")],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 2
        assert "listen.port: cannot listen on 127.0.0.1" in done.stderr and "-ulpn" in done.stderr
    finally:
        served.end()


@pytest.mark.parametrize("section", ["metrics", "enrolment"])
def test_it_says_which_port_is_taken(folder, section, capsys):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        (folder / "gateway.toml").write_text(config_text(**{section: {"host": "127.0.0.1", "port": port}}))
        assert main(["serve", "--config", str(folder / "gateway.toml")]) == 2
    said = capsys.readouterr().err
    assert f"{section}.port: cannot listen on 127.0.0.1:{port}" in said
    assert "listen.host" not in said and "ss -tlpn" in said


def test_a_certificate_that_is_none_is_no_port_that_is_taken(folder, capsys):
    (folder / "x.pem").write_text("no certificate")
    files = {"certificate_file": "x.pem", "key_file": "x.pem"}
    (folder / "gateway.toml").write_text(config_text(enrolment={"host": "127.0.0.1", "port": 0, **files}))
    assert main(["serve", "--config", str(folder / "gateway.toml")]) == 2
    said = capsys.readouterr().err
    assert "enrolment.certificate_file" in said and "PEM" in said and "ss -" not in said


def test_nobody_who_reads_on_is_no_mistake_of_ours(folder):
    """`list | head` ended in a traceback."""
    call_cli(folder, "key")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gateway", "list", "--config", str(folder / "gateway.toml")],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            check=False,
        )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("gateway: standard output: No space left")


def test_verify_shows_a_newer_terminals_fields(tmp_path):
    terminal = Terminal()
    body = {0: 1, 1: 0, 3: 1, 11: b"later", 12: {b"k": cbor.Tag(3, "x"), 5: [True, None, 1]}}
    frame = cose.sign1_encode(terminal.kid, cbor.encode(body), terminal.sign)
    got = call_cli(tmp_path, "verify", "--frame", frame.hex(), "--public-key", terminal.public_key.hex())
    assert got["report"]["11"] == b"later".hex()
    assert got["report"]["12"]["5"] == [True, None, 1]


def test_numbers_beyond_every_journal_are_refused(tmp_path):
    (tmp_path / "gateway.toml").write_text(config_text())
    answer = call_cli(tmp_path, "verify", "--id", "9" * 30, code=1)
    assert "no such frame" in answer["error"]
    assert main(["serve", "--ready-fd", "9999", "--config", str(tmp_path / "gateway.toml")]) == 2
    assert main(["serve", "--ready-fd", "9" * 30, "--config", str(tmp_path / "gateway.toml")]) == 2
    call_cli(tmp_path, "key")  # there is a journal
    assert "larger than any" in call_cli(tmp_path, "rollout", "9" * 30, code=1)["error"]
