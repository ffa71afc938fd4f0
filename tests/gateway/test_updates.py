"""Updates at the gateway: releases, and the blocks that terminals fetch of them."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.journal.updates import StoredRelease
from protocol import cbor, coap, suit, update
from tests.gateway.bench import call_cli
from tests.gateway.update_bench import IMAGE, PUBLIC, block, offered, release, says, send, sha256, whole


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
