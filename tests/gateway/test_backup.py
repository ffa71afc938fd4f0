"""A copy made while the gateway serves, the gateway killed, its journal gone, the copy put back: what was in
it is there, nothing is used twice, and terminals find their way back by themselves."""

import asyncio
import json
import os
import signal
import sqlite3
import stat

import pytest

from protocol import coap
from tests.gateway.bench import ROOT, call_cli, config_text, enroll
from tests.gateway.initiator import Asker, Ours, body, made, third
from tests.gateway.served import Served
from tests.gateway.terminal import Client, Terminal


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "gateway.toml").write_text(config_text())
    return tmp_path


def wipe(folder):
    for ending in ("", "-wal", "-shm"):
        (folder / f"patrola.sqlite{ending}").unlink(missing_ok=True)


async def shake(address, terminal, key):
    """A handshake with a gateway in a process of its own."""
    asker = await Asker.at(address)
    initiator = Ours(terminal, key)
    c_r, message_3 = await asker.begin(initiator)
    terminal.context = made(initiator, c_r, body(await asker.ask(third(c_r, message_3))))
    asker.close()


async def known(client):
    """Enrolled a moment ago; the service looks four times a second."""
    while (await client.post(client.terminal.frame(seq=0))).code != coap.CHANGED:
        pass
    client.terminal.seq = 1


async def test_killed_wiped_restored_and_serving_again(folder):
    served = Served(folder)
    terminal = enroll(folder, Terminal())
    key = bytes.fromhex(call_cli(folder, "key")["gateway_key"])
    client = await Client.open(terminal, served.address)
    await known(client)
    captured, stop = [], asyncio.Event()
    some, more = asyncio.Event(), asyncio.Event()

    async def traffic():
        while not stop.is_set():
            protected = terminal.post(terminal.frame())
            captured.append(protected[0])
            assert (await client.exchange(protected)).code == coap.CHANGED
            if len(captured) >= 20:
                some.set()
            if len(captured) >= 40:
                more.set()

    sending = asyncio.create_task(traffic())
    await asyncio.wait_for(some.wait(), 20)
    before = terminal.seq
    copy = folder / "copy.sqlite"
    told = await asyncio.to_thread(call_cli, folder, "backup", str(copy))
    await asyncio.wait_for(more.wait(), 20)
    stop.set()
    await sending
    client.close()
    served.end(signal.SIGKILL)
    wipe(folder)
    back = call_cli(folder, "restore", str(copy))
    assert (back["frames"], back["as_of"]) == (told["frames"], told["as_of"])
    assert before - 1 <= back["frames"] < terminal.seq
    assert call_cli(folder, "list")["terminals"][0]["context"] is None

    served = Served(folder)
    client = await Client.open(terminal, served.address)
    for datagram in captured[-10:]:
        client.socket.send(datagram)
        assert coap.decode(await client.socket.get()).code == coap.UNAUTHORIZED
    await shake(served.address, terminal, key)
    assert (await client.post(terminal.frame())).code == coap.CHANGED
    client.close()
    assert served.end() == 0
    frames = call_cli(folder, "journal", "--limit", "1000")["frames"]
    assert [row["seq"] for row in frames[:-1]] == list(range(back["frames"]))
    # Ids that consumers may have seen name other frames for ever.
    assert frames[-1]["id"] > frames[-2]["id"] + terminal.seq
    assert [row["action"] for row in call_cli(folder, "audit")["audit"]][-1] == "journal.restored"


async def test_a_copy_holds_no_secret_and_is_for_its_owner_only(folder):
    enroll(folder, Terminal())
    with sqlite3.connect(folder / "patrola.sqlite") as source:
        secrets = [row[0] for row in source.execute("SELECT secret FROM contexts")]
    assert len(secrets) == 1
    call_cli(folder, "backup", str(folder / "copy.sqlite"))
    data = (folder / "copy.sqlite").read_bytes()
    assert secrets[0] not in data
    assert secrets[0] in b"".join(path.read_bytes() for path in folder.glob("patrola.sqlite*"))
    assert stat.S_IMODE(os.stat(folder / "copy.sqlite").st_mode) == 0o600
    left = {path.name for path in folder.iterdir()} - {"gateway.toml", "gateway.key", "copy.sqlite"}
    assert left <= {"patrola.sqlite", "patrola.sqlite-wal", "patrola.sqlite-shm"}
    assert "there already" in call_cli(folder, "backup", str(folder / "copy.sqlite"), code=1)["error"]


async def test_restore_refuses_what_would_do_harm(folder):
    terminal = enroll(folder, Terminal())
    copy = str(folder / "copy.sqlite")
    call_cli(folder, "backup", copy)
    assert "--replace" in call_cli(folder, "restore", copy, code=1)["error"]
    (folder / "text").write_text("no journal")
    assert "not a database" in call_cli(folder, "restore", str(folder / "text"), "--replace", code=1)["error"]
    with sqlite3.connect(folder / "other.sqlite") as other:
        other.execute("CREATE TABLE x (y)")
    error = call_cli(folder, "restore", str(folder / "other.sqlite"), "--replace", code=1)["error"]
    assert "no journal of ours" in error
    damaged = bytearray((folder / "copy.sqlite").read_bytes())
    damaged[4096 * 3 : 4096 * 5] = os.urandom(8192)
    (folder / "damaged").write_bytes(damaged)
    error = call_cli(folder, "restore", str(folder / "damaged"), "--replace", code=1)["error"]
    assert "is damaged" in error
    served = Served(folder)
    assert "stop it first" in call_cli(folder, "restore", copy, "--replace", code=1)["error"]
    assert "stop it first" in call_cli(folder, "restore", "--in-place", code=1)["error"]
    served.end()
    # After all that: the journal that was there is untouched.
    assert call_cli(folder, "list")["terminals"][0]["kid"] == terminal.kid.hex()


async def test_who_was_revoked_since_stays_revoked(folder):
    gone, stays = enroll(folder, Terminal(), "vr-1"), enroll(folder, Terminal(), "vr-2")
    call_cli(folder, "backup", str(folder / "copy.sqlite"))
    call_cli(folder, "revoke", gone.kid.hex())
    back = call_cli(folder, "restore", str(folder / "copy.sqlite"), "--replace")
    assert back["revoked"] == [gone.kid.hex()]
    states = {row["kid"]: row["state"] for row in call_cli(folder, "list")["terminals"]}
    assert states == {gone.kid.hex(): "revoked", stays.kid.hex(): "enrolled"}
    assert sqlite3.connect(back["away"]).execute("SELECT count(*) FROM terminals").fetchone() == (2,)


async def test_who_lost_his_office_since_gets_it_back_by_no_copy(folder):
    """Nor a terminal that the copy does not know: what enrolled it can be brought once more."""
    first = enroll(folder, Terminal(), "vr-1")
    for name, role in (("duty", "operator"), ("workshop", "technician"), ("chief", "operator")):
        key = str(folder / f"{name}.pem")
        call_cli(folder, "operator", name, "--role", role, "--area", "vranje", "--make-key", key)
    call_cli(folder, "backup", str(folder / "copy.sqlite"))
    call_cli(folder, "operator", "duty", "--revoke")
    call_cli(folder, "operator", "workshop", "--revoke")
    call_cli(folder, "revoke", first.kid.hex())
    stolen = enroll(folder, Terminal(), "vr-1")
    call_cli(folder, "revoke", stolen.kid.hex())
    back = call_cli(folder, "restore", str(folder / "copy.sqlite"), "--replace")
    assert back["revoked"] == [first.kid.hex(), stolen.kid.hex(), "duty", "workshop"]
    offices = {row["name"]: row["state"] for row in call_cli(folder, "operator")["operators"]}
    assert offices == {"chief": "active", "duty": "revoked", "workshop": "revoked"}
    states = {row["kid"]: row["state"] for row in call_cli(folder, "list")["terminals"]}
    assert states == {first.kid.hex(): "revoked", stolen.kid.hex(): "revoked"}


async def test_in_place_makes_a_snapshot_fit_to_serve(folder):
    enroll(folder, Terminal())
    assert call_cli(folder, "restore", "--in-place")["contexts"] == 1
    assert call_cli(folder, "list")["terminals"][0]["context"] is None


def test_what_a_person_reads(folder, capsys):
    from gateway.cli import main

    enroll(folder, Terminal())
    config = ["--config", str(folder / "gateway.toml")]
    assert main(["backup", str(folder / "copy.sqlite"), *config]) == 0
    said = capsys.readouterr().out
    assert "0 frames, 1 terminals" in said and "gateway.key" in said and str(ROOT) not in said
    (folder / "gateway.key").unlink()
    assert main(["restore", str(folder / "copy.sqlite"), "--replace", *config]) == 0
    said = capsys.readouterr().out
    assert "MISSING" in said and "Revoke" in said
    json.dumps(said)


def test_what_cannot_be_read_or_written_is_said_for_people(tmp_path):
    """Each once, and without the names of files of ours."""
    (tmp_path / "gateway.toml").write_text(config_text())
    error = call_cli(tmp_path, "restore", str(tmp_path / "none.sqlite"), code=1)["error"]
    assert error == f"{tmp_path}/none.sqlite: No such file or directory"
    enroll(tmp_path, Terminal())
    error = call_cli(tmp_path, "backup", str(tmp_path / "none/copy"), code=1)["error"]
    assert error == f"{tmp_path}/none/copy: No such file or directory"
