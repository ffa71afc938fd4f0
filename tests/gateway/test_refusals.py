"""Whoever cannot prove himself: right code, counted, told once, nothing stored, nothing amplified."""

import asyncio

import pytest

from protocol import coap, report
from protocol.coap import Message
from protocol.limits import MAX_DATAGRAM
from protocol.oscore import Context
from tests.gateway.bench import Bench, call_cli, enroll
from tests.gateway.terminal import Client, Socket, Terminal, stranger
from tests.protocol.pair import AEAD


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


async def test_unknown_terminal(bench):
    await wrong(bench, stranger().post(b"x" * 200)[0], "4.01")
    assert bench.app.refusals.counts == {"unknown": 1}
    assert len(bench.app.peers) == 0
    await bench.stored_nothing()


async def test_wrong_key(bench):
    client = await bench.terminal()
    forger = stranger(client.terminal.context.sender_id)
    await wrong(bench, forger.post(client.terminal.frame())[0], "4.01")
    assert bench.app.refusals.counts == {"unauthentic": 1}
    await bench.stored_nothing()
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
    if word == "revoke":
        await wrong(bench, client.terminal.post(client.terminal.frame())[0], "4.03")
    else:
        await wrong(
            bench, stranger(client.terminal.context.sender_id).post(client.terminal.frame())[0], "4.01"
        )
    assert (await bench.count())["frames"] == stored
    if word == "suspend":
        call_cli(bench.folder, "suspend", "--lift", client.terminal.kid.hex())
        await bench.app.registry.refresh()
        assert (await client.post(client.terminal.frame())).code == coap.CHANGED
    else:
        call_cli(bench.folder, "suspend", "--lift", client.terminal.kid.hex(), code=1)


async def test_a_suspended_terminal_is_told_under_oscore_and_a_revoked_one_is_not(bench):
    """The first keeps its frames and slows down, which nobody else may make it do."""
    client = await bench.terminal()
    name = client.terminal.kid.hex()
    call_cli(bench.folder, "suspend", name)
    await bench.app.registry.refresh()
    for ask in (
        client.terminal.post(client.terminal.frame()),
        client.terminal.protect(coap.GET, "/c", observe=0),
    ):
        client.socket.send(ask[0])
        outer = coap.decode(await client.socket.get())
        assert outer.option(coap.OSCORE) is not None
        assert client.open_response(outer, ask[2]).code == coap.FORBIDDEN
    await bench.stored_nothing()
    assert bench.app.refusals.counts == {"suspended": 2}
    call_cli(bench.folder, "revoke", name)
    await bench.app.registry.refresh()
    client.socket.send(client.terminal.post(client.terminal.frame())[0])
    outer = coap.decode(await client.socket.get())
    assert (outer.code, outer.option(coap.OSCORE)) == (coap.FORBIDDEN, None)


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
    assert bench.app.refusals.counts == {"replayed": 1}


async def test_a_long_answer_goes_only_where_it_was_asked_for(bench):
    """A captured GET is small and its answer large: a replay from elsewhere must not be a weapon."""
    client = await bench.terminal()
    for n in range(4):
        call_cli(bench.folder, "send", client.terminal.kid.hex(), "message", "--text", f"{n}" * 150)
    protected = client.terminal.protect(coap.GET, "/c", observe=0)
    response = await client.exchange(protected)
    assert len(response.payload) > 3 * len(protected[0])
    await wrong(bench, protected[0], "4.01")


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
    await bench.stored_nothing()
    assert len(bench.app.peers) == 0


@pytest.mark.parametrize("size", [MAX_DATAGRAM + 1, 16_384, 65_507])
async def test_too_large_is_received_whole_and_refused(bench, size):
    big = CON_POST + b"x" * (size - len(CON_POST))
    message = await wrong(bench, big, "4.13")
    assert (message.message_id, message.token) == (7, b"tok")
    await wrong(bench, b"\x50" + big[1:], "4.13")
    await wrong(bench, b"\x4f" + big[1:], "reset")
    await wrong(bench, b"\x00" * size, None)
    assert bench.app.refusals.counts == {"too_large": 4}
    await bench.stored_nothing()


async def test_a_frame_of_another_enrolment_is_not_taken(tmp_path):
    """Two gateways with different secrets for one terminal: OSCORE of one means nothing to the other."""
    bench = await Bench(tmp_path).start()
    terminal = enroll(tmp_path, Terminal())
    await bench.app.registry.refresh()
    terminal.context = Context(b"other secret 16b", b"salt", terminal.context.sender_id, b"\x01", AEAD)
    client = await Client.open(terminal, bench.app.address)
    assert (
        await client.post(terminal.frame(report.KIND_STATUS, {report.STATUS: 1}))
    ).code == coap.UNAUTHORIZED
    client.close()
    await bench.stop()
