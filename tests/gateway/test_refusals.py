"""Whoever cannot prove himself: right code, counted, told once, nothing stored, nothing amplified."""

import asyncio
import json

import pytest

from gateway.clock import Clock
from gateway.log import Log
from gateway.refusals import MAX_PEERS, Refusals
from protocol import cbor, coap, report
from protocol.coap import Message
from protocol.limits import MAX_DATAGRAM
from protocol.oscore import Context
from tests.gateway.bench import Bench, call_cli, enroll
from tests.gateway.terminal import Ccm, Client, Socket, Terminal


def stranger(sender_id=b"strange"):
    """A terminal that was never enrolled, with a context of its own making."""
    terminal = Terminal()
    terminal.context = Context(b"s" * 16, b"salt", sender_id, b"\x01", Ccm())
    return terminal


async def wrong(bench, datagram, code):
    """Send it from a new socket; the answer must have this code, be unprotected and no larger than the
    request."""
    socket = await Socket.open(bench.app.address)
    try:
        socket.send(datagram)
        if code is None:
            assert await socket.silent()
            return None
        answer = await socket.get()
        assert len(answer) <= len(datagram)
        message = coap.decode(answer)
        shown = "reset" if message.type == coap.RST else coap.code_text(message.code)
        assert shown == code, (shown, code)
        assert message.payload == b"" and message.options == []
        assert await socket.silent(0.05), "more than one answer"
        return message
    finally:
        socket.close()


async def stored_nothing(bench):
    counts = await bench.count()
    assert {name: n for name, n in counts.items() if n and name != "terminals"} == {}


async def test_unknown_terminal(bench):
    await wrong(bench, stranger().post(b"x" * 200)[0], "4.01")
    assert bench.app.refusals.counts == {"unknown": 1}
    assert len(bench.app.peers) == 0
    await stored_nothing(bench)


async def test_wrong_key(bench):
    client = await bench.terminal()
    forger = stranger(client.terminal.kid[:7])
    await wrong(bench, forger.post(client.terminal.frame())[0], "4.01")
    assert bench.app.refusals.counts == {"unauthentic": 1}
    await stored_nothing(bench)
    # The forger's Partial IV does not block the real one's.
    assert (await client.post(client.terminal.frame())).code == coap.CHANGED


@pytest.mark.parametrize("word", ["suspend", "revoke"])
async def test_suspended_and_revoked_within_a_second(bench, word):
    client = await bench.terminal()
    assert (await client.post(client.terminal.frame())).code == coap.CHANGED
    call_cli(bench.folder, word, client.terminal.kid.hex())
    loop = asyncio.get_running_loop()
    start = loop.time()
    while (await client.post(client.terminal.frame())).code != coap.FORBIDDEN:
        assert loop.time() - start < 1.0
    stored = (await bench.count())["frames"]
    await wrong(bench, client.terminal.post(client.terminal.frame())[0], "4.03")
    assert (await bench.count())["frames"] == stored
    if word == "suspend":
        call_cli(bench.folder, "suspend", "--lift", client.terminal.kid.hex())
        await bench.app.registry.refresh()
        assert (await client.post(client.terminal.frame())).code == coap.CHANGED
    else:
        call_cli(bench.folder, "suspend", "--lift", client.terminal.kid.hex(), code=1)


async def test_replayed_datagram(bench):
    """The same bytes get the same answer while it is remembered, then 4.01; never a second effect."""
    client = await bench.terminal()
    t = client.terminal
    protected = t.post(t.frame())
    first = await client.exchange(protected)
    assert first.code == coap.CHANGED
    other = await Socket.open(bench.app.address)
    other.send(protected[0])
    again = await other.get()
    assert len(again) <= len(protected[0])
    other.close()
    for _ in range(20):
        assert (await client.post(t.frame())).code == coap.CHANGED
    await wrong(bench, protected[0], "4.01")
    assert bench.app.refusals.counts == {"replayed": 1}
    assert (await bench.count())["frames"] == 21


async def test_same_partial_iv_with_other_bytes(bench):
    client = await bench.terminal()
    data, outer, _ = client.terminal.post(client.terminal.frame())
    await client.exchange((data, outer, _))
    outer.message_id ^= 1
    await wrong(bench, outer.encode(), "4.01")


async def test_a_long_answer_goes_only_where_it_was_asked_for(bench):
    """A captured GET is small and its answer large: a replay from elsewhere must not be a weapon."""
    client = await bench.terminal()
    for n in range(4):
        call_cli(bench.folder, "send", client.terminal.kid.hex(), "message", "--text", f"{n}" * 150)
    protected = client.terminal.protect(coap.GET, "/c", observe=0)
    response = await client.exchange(protected)
    assert len(response.payload) > 3 * len(protected[0])
    await wrong(bench, protected[0], "4.01")


async def test_replay_of_everything_after_a_restart(tmp_path):
    bench = await Bench(tmp_path).start()
    client = await bench.terminal()
    t = client.terminal
    capture = []
    for n in range(70):
        protected = t.post(t.frame()) if n % 3 else t.protect(coap.GET, "/c")
        capture.append(protected[0])
        await client.exchange(protected)
    await bench.stop()
    bench = await Bench(tmp_path).start()
    for data in capture:
        await wrong_fast(bench, data)
    assert bench.app.refusals.counts == {"replayed": len(capture)}
    client = await bench.client(t)
    assert (await client.post(t.frame())).code == coap.CHANGED
    await bench.stop()


async def wrong_fast(bench, data):
    socket = await Socket.open(bench.app.address)
    socket.send(data)
    assert coap.decode(await socket.get()).code == coap.UNAUTHORIZED
    socket.close()


CON_POST = Message(coap.CON, coap.POST, 7, b"tok", [(coap.URI_PATH, b"f")], b"x").encode()


@pytest.mark.parametrize(
    ("datagram", "code"),
    [
        (CON_POST, "4.01"),
        (Message(coap.NON, coap.GET, 7, b"", [(coap.URI_PATH, b".well-known")]).encode(), "4.01"),
        (Message(coap.CON, coap.POST, 7, b"t", [(coap.OSCORE, b"\x00")], b"x" * 20).encode(), "4.02"),
        (
            Message(
                coap.CON, coap.POST, 7, b"t", [(coap.OSCORE, b"\xe9\x01" + b"k" * 7)], b"x" * 20
            ).encode(),
            "4.02",
        ),
        (Message(coap.CON, coap.POST, 7, b"t", [(coap.OSCORE, b"")], b"x" * 20).encode(), "4.02"),
        (Message(coap.CON, coap.EMPTY, 7).encode(), "reset"),
        (Message(coap.ACK, coap.EMPTY, 7).encode(), None),
        (Message(coap.RST, coap.EMPTY, 7).encode(), None),
        (Message(coap.CON, coap.CHANGED, 7, b"t").encode(), "reset"),
        (b"", None),
        (b"\x40", None),
        (b"\x40\x02\x00", None),
        (b"\x49\x02\x00\x07" + b"t" * 9, "reset"),
        (b"\x44\x02\x00\x07t", "reset"),
        (CON_POST[:-1], "reset"),
        (b"\x80\x02\x00\x07", None),
        (b"GET / HTTP/1.1\r\n\r\n", "reset"),  # reads as a confirmable response
        (b"\x16\x03\x01\x02\x00\x01\x00", None),
        (b"\xff" * 64, None),
    ],
)
async def test_garbage(bench, datagram, code):
    await wrong(bench, datagram, code)
    await stored_nothing(bench)


@pytest.mark.parametrize("size", [MAX_DATAGRAM + 1, 16_384, 65_507])
async def test_too_large_is_received_whole_and_refused(bench, size):
    big = CON_POST + b"x" * (size - len(CON_POST))
    message = await wrong(bench, big, "4.13")
    assert (message.message_id, message.token) == (7, b"tok")
    await wrong(bench, b"\x50" + big[1:], "4.13")
    await wrong(bench, b"\x4f" + big[1:], "reset")
    await wrong(bench, b"\x00" * size, None)
    assert bench.app.refusals.counts == {"too_large": 4}
    await stored_nothing(bench)


BROKEN = {
    "empty": (b"", "no frame"),
    "not a frame": (b"\x01", "cose: not an array of 4"),
    "cut short": (b"\xd2\x84\x43", "ends inside an item"),
    "indefinite": (b"\xd2\x9f\xff", "0x9f"),
    "reserved head": (b"\xd2\x84\x1c\x00\x00\x00", "0x1c"),
    "break": (b"\xff", "break"),
    "deep": (b"\x81" * 40 + b"\x01", "deeper"),
    "bomb": (b"\x9b" + b"\xff" * 8, "ends inside an item"),
    "long bytes": (b"\x5b" + b"\xff" * 8, "ends inside an item"),
    "float": (b"\xf9\x3c\x00", "float"),
    "undefined": (b"\xf7", "simple"),
    "text not UTF-8": (b"\x61\xff", "UTF-8"),
    "tag only": (b"\xd2", "ends inside an item"),
    "other tag": (b"\xd1\x84\x40\xa0\x40\x40", "tag: 17"),
    "untagged": (b"\x84\x40\xa0\x40\x40", "no tag 18"),
    "map out of order": (b"\xa2\x02\x00\x01\x00", "order"),
    "same key twice": (b"\xa2\x01\x00\x01\x00", "order"),
    "long integer": (b"\x18\x01", "shortest"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_broken_cbor_is_told_inside_oscore(bench, name):
    """The peer is authentic, its frame is not CBOR of our kind: 4.00 and a diagnostic nobody else can
    read."""
    payload, diagnostic = BROKEN[name]
    client = await bench.terminal()
    response = await client.post(payload)
    assert coap.code_text(response.code) == "4.00"
    assert diagnostic in response.payload.decode()
    await stored_nothing(bench)
    assert (await client.post(client.terminal.frame())).code == coap.CHANGED


def frame_with(terminal, report_bytes):
    from protocol import cose

    return cose.sign1_encode(terminal.kid, report_bytes, terminal.sign)


@pytest.mark.parametrize(
    ("body", "diagnostic"),
    [
        (cbor.encode([1, 2]), "not a map"),
        (cbor.encode({}), "missing"),
        (cbor.encode({0: 1, 1: 2, 3: 9}), "kind"),
        (cbor.encode({0: -1, 1: 2, 3: 1}), "boot"),
        (cbor.encode({0: 1, 1: 1 << 40, 3: 1}), "seq"),
        (cbor.encode({0: 1, 1: 2, 3: 3}), "panic"),
        (cbor.encode({0: 1, 1: 2, 3: 1, 4: [10**9, 0] + [None] * 6}), "latitude"),
        (cbor.encode({0: True, 1: 2, 3: 1}), "boot"),
        (cbor.encode({0: 1, 1: 2, 3: 1, "x": 1}), "key"),
        (b"\x80\x80", "after the item"),
    ],
)
async def test_a_signed_report_out_of_its_ranges(bench, body, diagnostic):
    client = await bench.terminal()
    response = await client.post(frame_with(client.terminal, body))
    assert coap.code_text(response.code) == "4.00"
    assert diagnostic in response.payload.decode(), response.payload
    await stored_nothing(bench)


async def test_broken_answers_to_commands(bench):
    client = await bench.terminal()
    for payload in (b"", b"\x01", cbor.encode({0: 1}), cbor.encode({0: -1, 1: 1}), cbor.encode({0: 1, 1: 9})):
        response = await client.exchange(client.terminal.protect(coap.POST, "/c", payload))
        assert coap.code_text(response.code) == "4.00", payload
    assert (await client.answer((1 << 64) - 1)).code == coap.CHANGED  # unknown: nothing changes
    assert (await client.answer(12345)).code == coap.CHANGED


async def test_every_bit_flip_of_a_datagram_is_refused(bench):
    client = await bench.terminal()
    data, outer, binding = client.terminal.post(client.terminal.frame())
    socket = await Socket.open(bench.app.address)
    for at in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[at // 8] ^= 1 << at % 8
        socket.send(bytes(flipped))
        if at % 64 == 0:
            await asyncio.sleep(0)
    await bench.until(lambda: bench.app.exchange.datagrams >= len(data) * 8)
    await asyncio.sleep(0.05)
    largest = 0
    while not socket.received.empty():
        answer = coap.decode(socket.received.get_nowait())
        largest = max(largest, len(answer.encode()))
        # Type, message id and token are not protected: such a datagram is the terminal's own.
        if answer.type != coap.RST and answer.code not in (0x81, 0x82, 0x80):
            assert answer.option(coap.OSCORE) is not None
    socket.close()
    assert largest <= len(data)
    assert (await bench.count())["frames"] <= 1


async def test_logged_once_per_peer_and_minute(bench):
    client = await bench.terminal()
    forger = stranger(client.terminal.kid[:7])
    socket = await Socket.open(bench.app.address)
    for _ in range(50):
        socket.send(forger.post(b"x" * 100)[0])
        socket.send(stranger().post(b"x" * 100)[0])
    await bench.until(lambda: bench.app.exchange.datagrams >= 100)
    socket.close()
    rows = bench.events("refused")
    assert sorted((row["peer"], row["reason"], row["count"]) for row in rows) == sorted(
        [(client.terminal.kid.hex(), "unauthentic", 1), ("127.0.0.1", "unknown", 1)]
    )
    assert bench.app.refusals.counts == {"unauthentic": 50, "unknown": 50}


class Hand(Clock):
    """A clock that is turned by hand."""

    def __init__(self):
        self.ms = 0.0

    def mono_ms(self):
        return self.ms


def test_the_silent_minute_is_summed_up():
    import io

    stream, clock = io.StringIO(), Hand()
    refusals = Refusals(Log("info", stream, clock), clock, 60)

    def lines():
        return [json.loads(line) for line in stream.getvalue().splitlines()]

    for n in range(5):
        refusals.note("a", "replayed" if n else "unknown", "4.01")
    assert [row["count"] for row in lines()] == [1]
    clock.ms = 59_999
    refusals.sweep()
    assert len(lines()) == 1
    clock.ms = 60_000
    refusals.sweep()
    assert (lines()[1]["count"], lines()[1]["reasons"]) == (4, {"replayed": 4})
    clock.ms = 120_000
    refusals.sweep()
    assert len(lines()) == 2
    refusals.note("a", "unknown", "4.01")
    assert lines()[2]["count"] == 1


def test_a_flood_of_addresses_fills_neither_memory_nor_log():
    import io

    stream, clock = io.StringIO(), Hand()
    refusals = Refusals(Log("info", stream, clock), clock, 60)
    for n in range(5000):
        refusals.note(f"10.0.{n >> 8}.{n & 255}", "unknown", "4.01")
    assert len(stream.getvalue().splitlines()) == MAX_PEERS + 1
    assert refusals.counts == {"unknown": 5000}


async def test_a_frame_of_another_enrolment_is_not_taken(tmp_path):
    """Two gateways with different link keys for one terminal: OSCORE of one means nothing to the other."""
    bench = await Bench(tmp_path).start()
    terminal = enroll(tmp_path, Terminal())
    await bench.app.registry.refresh()
    terminal.context = Context(b"other secret 16b", b"salt", terminal.kid[:7], b"\x01", Ccm())
    client = await Client.open(terminal, bench.app.address)
    assert (
        await client.post(terminal.frame(report.KIND_STATUS, {report.STATUS: 1}))
    ).code == coap.UNAUTHORIZED
    client.close()
    await bench.stop()
