"""Updates at the gateway: releases, roll-outs, blocks, and what terminals say of them."""

import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from gateway.journal.updates import Rollout, StoredRelease, Update
from protocol import cbor, coap, suit, update
from tests.gateway.bench import UNIT, Bench, call_cli

KEY = ec.derive_private_key(0xBEEF, ec.SECP256R1())
NUMBERS = KEY.public_key().public_numbers()
PUBLIC = NUMBERS.x.to_bytes(32, "big") + NUMBERS.y.to_bytes(32, "big")
KID = hashlib.sha256(PUBLIC).digest()[:8]
IMAGE = bytes(range(256)) * 20 + b"end"


def sign(data):
    r, s = decode_dss_signature(KEY.sign(data, ec.ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def sha256(data):
    return hashlib.sha256(data).digest()


def release(folder, version="0.2.0", image=IMAGE, board="SIM", name=None):
    """Files as `flash.py release` makes them; the manifest's path."""
    number = update.version_number(version)
    uri = "/u/" + (name or update.image_name(board, number))
    said = suit.Release(number, bytes(16), bytes(16), sha256(image), len(image), uri)
    path = folder / update.manifest_name(board, number)
    path.write_bytes(suit.envelope(said, KID, sha256, sign))
    (folder / update.image_name(board, number)).write_bytes(image)
    return path


def offered(bench, version="0.2.0", **parts):
    path = release(bench.folder, version, **parts)
    return call_cli(bench.folder, "release", "add", str(path))


def send(bench, target, *more, version="0.2.0", code=0):
    return call_cli(bench.folder, "send", target, "update", "--release", version, *more, code=code)


def listed(bench, unit="vr-101"):
    (row,) = [r for r in call_cli(bench.folder, "list")["terminals"] if r["unit"] == unit]
    return row["update"]


async def block(client, name, number=0, szx=6, more=()):
    options = [(update.BLOCK2, update.block_option(number, False, szx)), *more]
    return await client.exchange(client.terminal.protect(coap.GET, f"/u/{name}", options=options))


async def whole(client, name, szx=6):
    data, number = b"", 0
    while True:
        answer = await block(client, name, number, szx)
        assert answer.code == coap.CONTENT, coap.code_text(answer.code)
        data += answer.payload
        got, more, exponent = update.read_block(answer.option(update.BLOCK2))
        assert (got, exponent) == (number, szx)
        if not more:
            return data
        number += 1


async def says(client, state, reason="", version=0x000200):
    payload = update.encode_progress(version, state, reason)
    return (await client.exchange(client.terminal.protect(coap.POST, "/u", payload))).code


# --- the journal's part, over both kinds


async def test_releases_in_the_journal(journal):
    row = StoredRelease("SIM", 512, 3, b"d" * 32, b"manifest", 1000)

    def work(tx):
        tx.add_release(row, b"abc")
        tx.add_release(row, b"abc")  # the same again
        tx.add_release(StoredRelease("SIM", 256, 3, b"e" * 32, b"older", 1000), b"abd")
        with pytest.raises(ValueError, match="higher version"):
            tx.add_release(StoredRelease("SIM", 512, 3, b"f" * 32, b"other", 1000), b"xyz")

    await journal.write(work)
    read = journal.read
    assert [r.version for r in await read(lambda tx: tx.releases())] == [256, 512]
    assert await read(lambda tx: tx.release("SIM", 512)) == row
    assert await read(lambda tx: tx.release("TBEAM", 512)) is None
    assert await read(lambda tx: tx.release_image("SIM", 512)) == b"abc"
    assert await read(lambda tx: tx.release_image("SIM", 1)) is None
    assert await journal.write(lambda tx: tx.withdraw_release("SIM", 512, 2000))
    assert not await journal.write(lambda tx: tx.withdraw_release("SIM", 512, 3000))
    assert (await read(lambda tx: tx.release("SIM", 512))).withdrawn_ms == 2000
    await journal.write(lambda tx: tx.add_release(row, b"abc"))
    assert (await read(lambda tx: tx.release("SIM", 512))).withdrawn_ms is None


async def test_rollouts_in_the_journal(journal):
    kids = [bytes([n]) * 8 for n in range(3)]

    def work(tx):
        number = tx.add_rollout(Rollout(0, 512, "*", 10, 2, "running", "", "desk", 1, 1))
        other = tx.add_rollout(Rollout(0, 768, "*", 10, 2, "running", "", "desk", 1, 1))
        for kid, state in zip(kids, (update.ASKED, update.REFUSED, update.FELL_BACK), strict=True):
            tx.put_update(Update(kid, number, 512, state, 0, 0, "", 1))
        return number, other

    number, other = await journal.write(work)
    assert await journal.read(lambda tx: tx.failed_updates(number)) == 2
    assert await journal.read(lambda tx: tx.failed_updates(other)) == 0
    await journal.write(lambda tx: tx.put_update(Update(kids[1], other, 768, update.DONE, 7, 9, "x", 5)))
    assert await journal.read(lambda tx: tx.update_of(kids[1])) == Update(
        kids[1], other, 768, update.DONE, 7, 9, "x", 5
    )
    assert await journal.read(lambda tx: tx.update_of(b"nobody..")) is None
    assert [u.kid for u in await journal.read(lambda tx: tx.updates(number))] == [kids[0], kids[2]]
    assert len(await journal.read(lambda tx: tx.updates())) == 3
    await journal.write(lambda tx: tx.set_rollout(number, "paused", "why", 9))
    (row, _) = await journal.read(lambda tx: tx.rollouts())
    assert (row.state, row.reason, row.changed_ms) == ("paused", "why", 9)
    assert await journal.read(lambda tx: tx.rollout(number)) == row


# --- releases


async def test_a_release_is_taken_as_it_was_made(bench):
    answer = offered(bench)
    assert (answer["name"], answer["bytes"]) == ("SIM-0.2.0", len(IMAGE))
    assert call_cli(bench.folder, "release")["releases"] == [answer]
    key = bench.folder / "release.pub"
    path = release(bench.folder)
    call_cli(bench.folder, "release", "add", str(path), "--public-key", PUBLIC.hex())
    other = ec.derive_private_key(7, ec.SECP256R1()).public_key().public_numbers()
    wrong = other.x.to_bytes(32, "big") + other.y.to_bytes(32, "big")
    said = call_cli(bench.folder, "release", "add", str(path), "--public-key", wrong.hex(), code=1)
    assert "not signed by this release key" in said["error"]
    assert not key.exists()


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda f: (f / "SIM-0.2.0.romfs").write_bytes(IMAGE[:-1]), "copy both files again"),
        (lambda f: (f / "SIM-0.2.0.romfs").write_bytes(b"x" + IMAGE[1:]), "copy both files again"),
        (lambda f: (f / "SIM-0.2.0.romfs").unlink(), "No such file"),
        (lambda f: (f / "SIM-0.2.0.suit").write_bytes(b"x"), "no manifest of a release"),
        (lambda f: release(f, name="SIM-0.3.0.romfs"), "not at /u/<board>-<version>.romfs"),
    ],
)
async def test_a_release_with_something_wrong_is_not(bench, spoil, word):
    path = release(bench.folder)
    spoil(bench.folder)
    assert word in call_cli(bench.folder, "release", "add", str(path), code=1)["error"]
    assert call_cli(bench.folder, "release")["releases"] == []


async def test_another_image_of_the_same_version_is_refused(bench):
    offered(bench)
    path = release(bench.folder, image=IMAGE + b"other")
    assert "higher version" in call_cli(bench.folder, "release", "add", str(path), code=1)["error"]


# --- blocks


@pytest.mark.parametrize("szx", [2, 5, 6])
async def test_manifest_and_image_come_in_blocks(bench, szx):
    offered(bench)
    client = await bench.terminal()
    send(bench, "vranje/ps-vranje/vr-101")
    assert await whole(client, "SIM-0.2.0.romfs", szx) == IMAGE
    manifest = await whole(client, "SIM-0.2.0.suit", szx)
    assert suit.Envelope(manifest).peek().digest == sha256(IMAGE)


async def test_a_block_says_which_representation_it_is_of(bench):
    offered(bench)
    client = await bench.terminal()
    first = await block(client, "SIM-0.2.0.romfs")
    last = await block(client, "SIM-0.2.0.romfs", len(IMAGE) // 1024)
    assert first.uint(update.SIZE2) == len(IMAGE) and last.option(update.SIZE2) is None
    assert first.option(update.ETAG) == last.option(update.ETAG) == sha256(IMAGE)[:4]
    assert (await block(client, "SIM-0.2.0.suit")).option(update.ETAG) != first.option(update.ETAG)


async def test_what_is_not_there_is_refused(bench):
    offered(bench)
    client = await bench.terminal()
    for name in ("SIM-0.2.1.suit", "OTHER-0.2.0.suit", "SIM-0.2.0.txt", "SIM-0.2.suit", "x", "-0.2.0.suit"):
        assert (await block(client, name)).code == coap.NOT_FOUND, name
    assert (await block(client, "SIM-0.2.0.romfs", 6)).code == coap.BAD_REQUEST
    wrong = [(update.BLOCK2, b"\x07")]
    protect = client.terminal.protect
    answer = await client.exchange(protect(coap.GET, "/u/SIM-0.2.0.suit", options=wrong))
    assert answer.code == coap.BAD_REQUEST
    answer = await client.exchange(protect(coap.POST, "/u/SIM-0.2.0.suit"))
    assert answer.code == coap.METHOD_NOT_ALLOWED
    assert (await client.exchange(protect(coap.GET, "/u"))).code == coap.METHOD_NOT_ALLOWED
    for payload in (b"", b"\xa0", cbor.encode({0: 512, 1: 9})):
        assert (await client.exchange(protect(coap.POST, "/u", payload))).code == coap.BAD_REQUEST
    # Block options belong to /u alone.
    options = [(update.BLOCK2, b"\x06")]
    answer = await client.exchange(protect(coap.GET, "/c", options=options))
    assert answer.code == coap.BAD_OPTION


async def test_texts_of_a_terminal_gone_bad_are_only_texts(bench):
    """Escape sequences for the screen of whoever looks at the roll-out, and what PostgreSQL cannot store."""
    offered(bench)
    client = await bench.terminal()
    number = send(bench, "vranje")["rollout"]
    names = ("a\x00b-0.2.0.suit", "a\x00b-0.2.0.romfs", "a\x1b[2J-0.2.0.suit")
    for name in names:
        assert (await block(client, name)).code == coap.NOT_FOUND
    assert bench.app.refusals.counts["path"] == len(names), "none of them was looked for"
    assert await says(client, update.REFUSED, "\x00no\x1b[2J\n link") == coap.CHANGED
    (row,) = call_cli(bench.folder, "rollout", str(number))["terminals"]
    assert row["reason"] == "?no?[2J? link"


async def test_a_withdrawn_release_is_served_no_more(bench):
    offered(bench)
    client = await bench.terminal()
    send(bench, "vranje")
    assert (await block(client, "SIM-0.2.0.romfs")).code == coap.CONTENT
    call_cli(bench.folder, "release", "withdraw", "SIM-0.2.0")
    assert (await block(client, "SIM-0.2.0.romfs", 1)).code == coap.NOT_FOUND
    assert await says(client, update.READY) == coap.NOT_FOUND
    assert "was withdrawn" in call_cli(bench.folder, "release", "withdraw", "SIM-0.2.0", code=1)["error"]
    assert "no such release" in call_cli(bench.folder, "release", "withdraw", "SIM-9.0.0", code=1)["error"]


async def test_blocks_wait_while_frames_do(bench, monkeypatch):
    """Bulk of bulk: what terminals report goes first."""
    offered(bench)
    client = await bench.terminal()
    waiting = [64]
    monkeypatch.setattr(bench.app.resources.updater, "_waiting", lambda: waiting[0])
    answer = await block(client, "SIM-0.2.0.romfs")
    assert (answer.code, answer.uint(coap.MAX_AGE)) == (coap.SERVICE_UNAVAILABLE, 30)
    waiting[0] = 63
    assert (await block(client, "SIM-0.2.0.romfs")).code == coap.CONTENT


# --- roll-outs


async def test_the_way_of_an_update(relayed):
    bench, consumer = relayed
    client = await bench.terminal()
    await client.observe()
    offered(bench)
    answer = send(bench, "vranje/ps-vranje/vr-101", "--operator", "workshop")
    assert (answer["asked"], answer["meant"]) == (1, 1)
    (command,) = await client.notification()
    assert (command[1], command[3]) == (update.COMMAND, {0: 0x000200})
    await client.answer(command[0])
    assert await says(client, update.FETCHING) == coap.CHANGED
    await whole(client, "SIM-0.2.0.romfs")
    for state in (update.READY, update.READY, update.TRYING, update.DONE):
        assert await says(client, state) == coap.CHANGED
    done = listed(bench)
    assert (done["state"], done["version"], done["bytes"]) == ("done", "0.2.0", len(IMAGE))
    topic = f"{UNIT}/update"
    await bench.until(lambda: consumer.json("/update") and consumer.json("/update")[-1]["state"] == "done")
    told = [row["state"] for row in consumer.json("/update")]
    assert [s for n, s in enumerate(told) if told[n - 1] != s or n == 0] == [
        *("asked", "fetching", "ready", "trying", "done")
    ]
    assert told.count("fetching") == 5  # begun, its size known, each quarter
    assert told.count("ready") == 1  # said twice
    assert {m[0] for m in consumer.messages if m[0].endswith("/update")} == {topic}
    (row,) = call_cli(bench.folder, "rollout")["rollouts"]
    assert (row["counts"], row["operator"], row["state"]) == ({"done": 1}, "workshop", "running")
    audit = call_cli(bench.folder, "audit")["audit"]
    assert [r["action"] for r in audit if r["action"] != "terminal.enrolled"][-2:] == [
        *("release.added", "command.update")
    ]


async def test_who_comes_later_sees_how_far_it_is(relayed, consumers, broker):
    bench, consumer = relayed
    await bench.terminal()
    offered(bench)
    send(bench, "*")
    await bench.until(lambda: consumer.json("/update"))
    later = await consumers(broker.port_v5, (f"{UNIT}/update",))
    await bench.until(lambda: later.json("/update", retained=True))
    assert later.json("/update", retained=True)[0]["state"] == "asked"


async def test_who_is_meant(bench):
    offered(bench)
    for unit, station, directorate in (
        *(("vr-101", "ps-vranje", "vranje"), ("vr-102", "ps-vranje", "vranje")),
        *(("vr-201", "ps-bujanovac", "vranje"), ("le-101", "ps-leskovac", "leskovac")),
    ):
        await bench.terminal(unit, station=station, directorate=directorate)
    assert send(bench, "vranje/ps-vranje")["asked"] == 2
    answer = send(bench, "vranje")
    assert (answer["asked"], answer["skipped"]) == (1, {"were asked already": 2})
    assert send(bench, "*")["asked"] == 1
    assert send(bench, "*", code=1)["asked"] == 0
    assert send(bench, "*", "--again")["asked"] == 4
    assert "no such terminal" in send(bench, "nowhere", code=1)["error"]
    assert "--release: which" in call_cli(bench.folder, "send", "*", "update", code=1)["error"]
    assert "no such release" in send(bench, "*", version="0.9.0", code=1)["error"]
    assert "--share" in send(bench, "*", "--share", "0%", code=1)["error"]


async def test_a_share_is_the_same_cars_each_time_and_grows(bench):
    offered(bench)
    for number in range(20):
        await bench.terminal(f"vr-{number}")
    answers = [send(bench, "vranje", "--share", share) for share in ("30%", "60%", "100")]
    asked = [answer["asked"] for answer in answers]
    assert sum(asked) == 20 and all(0 < number < 20 for number in asked)
    for before, answer in zip(asked, answers[1:], strict=False):
        assert answer["skipped"]["were asked already"] >= before


async def test_failures_pause_a_rollout_and_it_goes_on(bench):
    offered(bench)
    clients = [await bench.terminal(f"vr-{number}") for number in range(5)]
    number = send(bench, "vranje", "--most-failures", "1")["rollout"]
    for client in clients[:4]:
        await says(client, update.FETCHING)
    assert await says(clients[0], update.REFUSED, "wrongly signed") == coap.CHANGED
    # One may fail.
    assert (await block(clients[2], "SIM-0.2.0.romfs")).code == coap.CONTENT
    assert await says(clients[1], update.FELL_BACK, "no link") == coap.CHANGED
    row = call_cli(bench.folder, "rollout", str(number))
    assert (row["state"], row["reason"]) == ("paused", "2 terminals failed, 1 may")
    assert [event["rollout"] for event in bench.events("rollout.paused")] == [number]
    # Nobody fetches, nobody starts what is ready, nobody is told any more.
    assert (await block(clients[2], "SIM-0.2.0.romfs", 1)).code == coap.SERVICE_UNAVAILABLE
    assert await says(clients[3], update.READY) == coap.SERVICE_UNAVAILABLE
    assert await clients[4].observe() == []
    # Who tries it already goes on telling.
    assert await says(clients[3], update.TRYING) == coap.CHANGED
    call_cli(bench.folder, "rollout", str(number), "--resume")
    assert (await block(clients[2], "SIM-0.2.0.romfs", 1)).code == coap.CONTENT
    (command,) = await clients[4].observe()
    assert command[1] == update.COMMAND
    assert "is running" in call_cli(bench.folder, "rollout", str(number), "--resume", code=1)["error"]
    states = {one["unit"].split("/")[-1]: one["state"] for one in row["terminals"]}
    assert states["vr-0"] == "refused" and states["vr-1"] == "fell_back" and states["vr-4"] == "asked"
    # Those that failed are left alone until somebody says so.
    call_cli(bench.folder, "rollout", str(number), "--end")
    answer = send(bench, "vranje", code=1)
    assert answer["skipped"]["failed with it before (--again asks them once more)"] == 2


async def test_an_old_program_that_knows_no_updates_counts_as_a_failure(bench):
    offered(bench)
    client = await bench.terminal()
    send(bench, "vranje")
    (command,) = await client.observe()
    await client.answer(command[0], 2)
    got = listed(bench)
    assert (got["state"], got["reason"]) == ("refused", "not supported by the terminal")


async def test_what_nobody_asked_for_changes_nothing(bench):
    offered(bench)
    client = await bench.terminal()
    assert await says(client, update.DONE) == coap.CHANGED
    assert await says(client, update.READY) == coap.NOT_FOUND
    assert listed(bench) is None
    # It may be fetched all the same: only its terminal's key opens it.
    assert await whole(client, "SIM-0.2.0.romfs") == IMAGE


async def test_a_gateway_that_starts_again_goes_on_where_it_was(tmp_path):
    bench = await Bench(tmp_path).start()
    client = await bench.terminal()
    offered(bench)
    send(bench, "vranje")
    assert (await block(client, "SIM-0.2.0.romfs", 3)).code == coap.CONTENT
    await bench.stop()
    await bench.start()
    client = await bench.client(client.terminal)
    answer = await block(client, "SIM-0.2.0.romfs", 4)
    assert answer.code == coap.CONTENT and answer.payload == IMAGE[4096:5120]
    assert json.dumps(listed(bench))
    await bench.stop()
