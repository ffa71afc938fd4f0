"""Terminals that go on until each frame is answered under protection, whoever is killed meanwhile, and a book
of what was seen on the air."""

import asyncio

from protocol import coap, oscore
from protocol.errors import ProtocolError
from tests.gateway.terminal import Terminal

# How long an answer is waited for before the same bytes are sent again; a real one waits 500 ms.
AGAIN_S = 0.25


class Book:
    """Names of frames, and every nonce that the gateways answered under. `deferred`: answers 5.03."""

    def __init__(self):
        self.sent = set()
        self.answered = set()
        self.nonces = {}
        self.reused = 0
        self.hints = 0
        self.deferred = 0
        self.refused = 0
        self.sealed = 0
        self.progress = asyncio.Event()

    def note_answer(self, terminal, outer, datagram):
        """A protected answer: no two different ones under one nonce."""
        message = coap.decode(datagram)
        if message.option(coap.OSCORE) is None:
            return
        piv = oscore.peek(message)[2]
        own = terminal.context.sender_id
        nonce = (own, "own", piv) if piv is not None else (own, "request", oscore.peek(outer)[2])
        if self.nonces.setdefault(nonce, message.payload) != message.payload:
            self.reused += 1


class Car:
    """One terminal with a socket of its own to each node; `where()` says to which a datagram goes."""

    def __init__(self, terminal: Terminal, book, where):
        self.terminal = terminal
        self._book = book
        self._where = where
        self._waiting = asyncio.Queue()
        self._transports = {}

    async def drive(self, batch, alarm):
        """Frames without end: `batch()` says how many in a datagram, `alarm()` whether the last is one."""
        while True:
            first = self.terminal.seq
            frames = [self.terminal.frame() for _ in range(batch())]
            if alarm():
                frames[-1] = self.terminal.panic(
                    self.terminal.boot << 16 | first, seq=first + len(frames) - 1
                )
            names = {(self.terminal.kid, self.terminal.boot, first + n) for n in range(len(frames))}
            self._book.sent |= names
            await self._bring(frames)
            self._book.answered |= names
            self._book.progress.set()

    async def _bring(self, frames):
        while True:
            protected = self.terminal.post(*frames)
            self._book.sealed += 1
            if await self._ask(*protected):
                return

    async def _ask(self, data, outer, binding):
        """True: stored. False: to be sealed anew."""
        while True:
            await self._send(data)
            try:
                async with asyncio.timeout(AGAIN_S):
                    message = await self._answer(outer)
            except TimeoutError:
                continue
            if message.option(coap.OSCORE) is None:
                self._book.hints += 1
                if message.code == coap.UNAUTHORIZED:
                    return False
                self._book.deferred += 1
                await asyncio.sleep(0.02)  # 5.03: the storage is away
                continue
            try:
                inner = self.terminal.context.unprotect_response(message, binding)
            except ProtocolError:
                self._book.refused += 1
                return False
            if inner.code == coap.CHANGED:
                return True
            assert inner.code == coap.SERVICE_UNAVAILABLE, coap.code_text(inner.code)
            self._book.deferred += 1
            await asyncio.sleep(0.02)

    async def _answer(self, outer):
        while True:
            datagram = await self._waiting.get()
            message = coap.decode(datagram)
            if message.is_response():
                if message.token == outer.token:
                    self._book.note_answer(self.terminal, outer, datagram)
                    return message

    async def _send(self, data):
        address = self._where()
        transport = self._transports.get(address)
        if transport is None or transport.is_closing():
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_datagram_endpoint(
                lambda: _Receiver(self._waiting), remote_addr=address
            )
            self._transports[address] = transport
        transport.sendto(data)

    def close(self):
        for transport in self._transports.values():
            transport.close()


class _Receiver(asyncio.DatagramProtocol):
    def __init__(self, queue):
        self._queue = queue

    def datagram_received(self, data, addr):
        self._queue.put_nowait(data)

    def error_received(self, exc):
        """Nobody listens there just now."""
