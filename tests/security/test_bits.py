"""One bit changed anywhere: on the way up, on the way down, or in a frame that was stored."""

import asyncio

import pytest

from hwsim.openssl import verifier
from protocol import coap, cose, report
from protocol.errors import ProtocolError
from tests.gateway.terminal import Socket, Terminal


def flips(data):
    for at in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[at // 8] ^= 1 << at % 8
        yield at, bytes(flipped)


async def test_every_bit_flip_of_a_datagram_is_refused(bench):
    client = await bench.terminal()
    data, _, _ = client.terminal.post(client.terminal.frame())
    socket = await Socket.open(bench.app.address)
    for at, flipped in flips(data):
        socket.send(flipped)
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


async def test_every_bit_flip_of_an_answer_is_refused_by_the_terminal(bench):
    """But in what OSCORE leaves open: type, message id and token, which only say whose answer it is."""
    client = await bench.terminal()
    protected = client.terminal.post(client.terminal.frame())
    client.socket.send(protected[0])
    answer = await client.socket.get()
    head = 4 + len(protected[1].token)
    believed = set()
    for at, flipped in flips(answer):
        try:
            message = coap.decode(flipped)
            inner = client.terminal.context.unprotect_response(message, protected[2])
        except ProtocolError:
            continue
        assert inner.code == coap.CHANGED
        believed.add(at // 8)
    # The outer code is a fixed word of OSCORE (RFC 8613 4.2); the terminal goes by the one inside.
    assert believed <= set(range(head))
    client.terminal.context.unprotect_response(coap.decode(answer), protected[2])


@pytest.mark.parametrize("kind", [report.KIND_POSITION, report.KIND_PANIC])
async def test_every_bit_flip_of_a_stored_frame_is_seen_by_whoever_has_the_public_key(kind):
    terminal = Terminal()
    frame = terminal.panic() if kind == report.KIND_PANIC else terminal.frame()
    verify = verifier(terminal.public_key)
    assert cose.sign1_verify(frame, verify).kid == terminal.kid
    for at, flipped in flips(frame):
        try:
            read = cose.sign1_verify(flipped, verify)
        except ProtocolError:
            continue
        # A flip in `kid` names another terminal: its key is asked for then, and that is not this one.
        assert read.kid != terminal.kid, at
