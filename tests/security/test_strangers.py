"""Whoever has proved nothing gets no more than he sent, and leaves nothing behind."""

import asyncio
import random

import pytest

from hwsim.load.flood import Flood
from protocol import coap, edhoc
from protocol.coap import Message
from tests.gateway.bench import call_cli, key_of
from tests.gateway.initiator import FIRST, Ours, first, post
from tests.gateway.terminal import Socket, stranger
from tests.hwsim.load.small import stock

_CODES = (0, 1, 2, 3, 4, 5, 6, 7, 31, 0x41, 0x44, 0x45, 0x84, 0xA0, 0xE1)
_PATHS = ((), ("f",), ("c",), ("u",), (".well-known", "core"), (".well-known", "edhoc"), ("x" * 255,))


def every_request():
    """Each type, code and path, as short as it can be said."""
    for kind in range(4):
        for code in _CODES:
            for path in _PATHS:
                options = [(coap.URI_PATH, part.encode()) for part in path]
                for token in (b"", b"12345678"):
                    yield raw(kind, code, token, options, b"")
                    yield raw(kind, code, token, options, b"\xffx")


def raw(kind, code, token, options, tail):
    """Also what no encoder would write."""
    head = bytes((0x40 | kind << 4 | len(token), code, 0x12, 0x34))
    return head + token + coap.encode_options(options) + tail


def prefixes(datagram):
    return [datagram[:size] for size in range(len(datagram))]


async def asked(socket, datagram):
    """The answers to one datagram: those that come before the gateway resets a ping sent behind it."""
    mid = random.randrange(0x8000, 0xFFFF)
    socket.send(datagram)
    socket.send(Message(coap.CON, coap.EMPTY, mid).encode())
    answers = []
    while True:
        answer = await socket.get()
        if answer == Message(coap.RST, coap.EMPTY, mid).encode():
            return answers
        answers.append(answer)


async def held(address, datagrams):
    """None of them gets more than it has, nor two answers; how many got one."""
    socket = await Socket.open(address)
    count = sent = got = 0
    try:
        for datagram in datagrams:
            answers = await asked(socket, datagram)
            assert sum(map(len, answers)) <= len(datagram) and len(answers) <= 1, (datagram.hex(), answers)
            count += len(answers)
            sent, got = sent + len(datagram), got + sum(map(len, answers))
        await asyncio.sleep(0.05)
        while not socket.received.empty():  # what had to ask the disk first
            got += len(socket.received.get_nowait())
        assert got <= sent
    finally:
        socket.close()
    return count


def kept(bench):
    """What could grow by what strangers send."""
    app = bench.app
    return len(app.peers), len(app.contexts), len(app.registry), len(app.observers)


async def test_no_answer_is_larger_than_the_request_of_a_stranger(bench):
    client = await bench.terminal()
    terminal = client.terminal
    await client.post(terminal.frame())  # its context is in memory: every answer comes at once
    honest = terminal.post(terminal.frame())[0]
    hello = Ours(terminal, key_of(bench)).message_1
    requests = [
        *every_request(),
        *prefixes(honest),
        *prefixes(first(hello, token=b"")),
        first(hello, token=b"", content_format=None),
        post(FIRST + hello, kind=coap.NON, token=b"", content_format=None),
        post(edhoc.identifier(b"\x07") + b"\x58\x10" + bytes(16), token=b""),
        stranger().post(b"x")[0],
        stranger(terminal.context.sender_id).post(b"x")[0],
        stranger(terminal.context.sender_id).protect(coap.GET, "/c", observe=0)[0],
    ]
    before, stored = kept(bench), await bench.count()
    answered = await held(bench.app.address, requests)
    assert answered > 300
    assert (kept(bench), await bench.count()) == (before, stored)


async def test_a_flood_of_forgers_gets_no_more_than_it_sends(bench):
    """What `hwsim load --forged` sends, which the load test counts in sum only."""
    made = stock(2)
    flood = Flood(1, made, ())
    before = kept(bench)
    assert await held(bench.app.address, [data for data in flood._data[:1200] if data]) > 500
    assert kept(bench) == before
    assert len(bench.app.edhoc.sessions) <= 1024
    await bench.stored_nothing()


async def test_a_captured_datagram_is_no_weapon_from_another_address(bench):
    """Repeated by somebody else: at most as much comes back, and commands go on to the terminal."""
    client = await bench.terminal()
    t = client.terminal
    protected = t.post(t.frame())
    assert (await client.exchange(protected)).code == coap.CHANGED
    await client.observe()
    assert await held(bench.app.address, [protected[0]] * 3) <= 3
    for _ in range(9):
        await client.post(t.frame())
    assert await held(bench.app.address, [protected[0]]) == 1  # 4.01
    assert (await bench.count())["frames"] == 10
    call_cli(bench.folder, "send", t.kid.hex(), "message", "--text", "come")
    await bench.app.registry.refresh()
    assert await client.notification()


@pytest.mark.parametrize("size", [1153, 9000, 65_000])
async def test_what_is_too_large_gets_a_short_answer(bench, size):
    large = raw(0, coap.POST, b"tok", [(coap.URI_PATH, b"f")], b"\xff" + bytes(size))
    assert await held(bench.app.address, [large]) == 1


class Generous(asyncio.DatagramProtocol):
    """A server as nobody should write one: twice the request for everybody, or the answer in two parts."""

    def __init__(self, parts):
        self._parts = parts

    def connection_made(self, transport):
        self._transport = transport

    def datagram_received(self, data, addr):
        if len(data) == 4 and data[1] == coap.EMPTY:
            self._transport.sendto(b"\x70" + data[1:], addr)
            return
        for part in self._parts(data):
            self._transport.sendto(part, addr)


@pytest.mark.parametrize("parts", [lambda data: [data + b"x"], lambda data: [data[:1], data[:1]]])
async def test_the_look_can_fail(parts):
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Generous(parts), local_addr=("127.0.0.1", 0))
    with pytest.raises(AssertionError):
        await held(transport.get_extra_info("sockname"), [b"request"])
    transport.close()
