"""An honest terminal for tests: real keys, real OSCORE, real UDP; none of the firmware's code."""

import asyncio
import hashlib
import itertools
import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from protocol import cbor, coap, cose, report
from protocol.coap import Message
from protocol.oscore import Context
from tests.protocol.pair import AEAD


class Terminal:
    """Makes frames and protected requests. `boot` and `seq` count as on the real one."""

    def __init__(self, boot=1):
        self.take(ec.generate_private_key(ec.SECP256R1()))
        self.boot = boot
        self.seq = 0
        self.context = None
        self._mids = itertools.count(os.urandom(1)[0] << 8)

    def take(self, private):
        """Be the terminal with this key."""
        self._private = private
        numbers = private.public_key().public_numbers()
        self.public_key = numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
        self.kid = hashlib.sha256(self.public_key).digest()[:8]

    def link(self, link):
        self.context = Context(
            *(bytes.fromhex(link[name]) for name in ("secret", "salt", "sender_id", "recipient_id")), AEAD
        )

    def sign(self, data):
        r, s = decode_dss_signature(self._private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def frame(self, kind=report.KIND_POSITION, fields=None, kid=None, seq=None):
        """One signed frame; the next sequence number unless `seq` says another."""
        if seq is None:
            seq, self.seq = self.seq, self.seq + 1
        body = {
            report.BOOT: self.boot,
            report.SEQ: seq,
            report.KIND: kind,
            report.TIME: 1_790_000_000_000 + seq,
        }
        if kind == report.KIND_POSITION:
            body[report.FIX] = [450_500_000, 191_100_000, 780, 1389, 9000, 9, 11, 0]
        body.update(fields or {})
        return cose.sign1_encode(kid or self.kid, report.encode(body), self.sign)

    def panic(self, number=None, state=report.PANIC_RAISED, seq=None):
        """A panic frame; the id is boot * 65536 + n, as on the real one."""
        number = self.boot * 65536 + 1 if number is None else number
        fields = {report.PANIC: {report.PANIC_ID: number, report.PANIC_STATE: state, report.PANIC_SOURCE: 1}}
        return self.frame(report.KIND_PANIC, fields, seq=seq)

    def protect(self, code, path, payload=b"", observe=None, options=(), kind=coap.CON):
        """(datagram, outer message, binding) of a request."""
        options = [(coap.URI_PATH, part.encode()) for part in path.strip("/").split("/")] + list(options)
        if observe is not None:
            options.append((coap.OBSERVE, coap.uint_option(observe)))
        inner = Message(kind, code, 0, b"", options, payload)
        outer, binding = self.context.protect_request(inner)
        outer.type, outer.message_id, outer.token = kind, next(self._mids) & 0xFFFF, os.urandom(4)
        return outer.encode(), outer, binding

    def post(self, *frames):
        """A protected POST /f, as bytes."""
        return self.protect(coap.POST, "/f", b"".join(frames))


def stranger(sender_id=b"strange"):
    """A terminal that was never enrolled, with a context of its own making."""
    terminal = Terminal()
    terminal.context = Context(b"s" * 16, b"salt", sender_id, b"\x01", AEAD)
    return terminal


class Socket(asyncio.DatagramProtocol):
    """A UDP socket that keeps what it received."""

    def __init__(self):
        self.received = asyncio.Queue()

    @classmethod
    async def open(cls, address):
        loop = asyncio.get_running_loop()
        transport, self = await loop.create_datagram_endpoint(cls, remote_addr=address)
        self.transport = transport
        return self

    def datagram_received(self, data, addr):
        self.received.put_nowait(data)

    def error_received(self, exc):
        pass

    def send(self, data):
        self.transport.sendto(data)

    async def get(self, timeout=5):  # noqa: ASYNC109
        return await asyncio.wait_for(self.received.get(), timeout)

    async def silent(self, timeout=0.2):  # noqa: ASYNC109
        """True when nothing comes in this time."""
        try:
            await self.get(timeout)
        except TimeoutError:
            return True
        return False

    def close(self):
        self.transport.close()


class Client:
    """A terminal on a socket. Requests are repeated after a second, as CoAP would."""

    def __init__(self, terminal, socket):
        self.terminal = terminal
        self.socket = socket
        self.notifications = asyncio.Queue()
        self.observation = None
        self._commands = set()

    @classmethod
    async def open(cls, terminal, address):
        return cls(terminal, await Socket.open(address))

    async def exchange(self, protected, attempts=8):
        """The inner response, or the outer one where it is not protected."""
        data, outer, binding = protected
        for _ in range(attempts):
            self.socket.send(data)
            try:
                async with asyncio.timeout(1):
                    while True:
                        message = coap.decode(await self.socket.get())
                        if message.token == outer.token and message.is_response():
                            return self.open_response(message, binding)
                        self.take_notification(message)
            except TimeoutError:
                continue
        raise TimeoutError("no answer")

    def open_response(self, message, binding):
        if message.option(coap.OSCORE) is None:
            return message
        return self.terminal.context.unprotect_response(message, binding)

    def take_notification(self, message):
        """An observation's message: acknowledged and kept."""
        if self.observation is None or message.token != self.observation[0]:
            return
        if message.type == coap.ACK:
            return  # the answer to the registration once more, as that was sent once more
        if message.type == coap.CON:
            self.socket.send(Message(coap.ACK, coap.EMPTY, message.message_id).encode())
        inner = self.terminal.context.unprotect_response(message, self.observation[1])
        self.notifications.put_nowait(cbor.decode(inner.payload))

    async def post(self, *frames):
        return await self.exchange(self.terminal.post(*frames))

    async def observe(self):
        """Register on /c; returns the first list."""
        protected = self.terminal.protect(coap.GET, "/c", observe=0)
        response = await self.exchange(protected)
        assert response.code == coap.CONTENT, coap.code_text(response.code)
        self.observation = (protected[1].token, protected[2])
        return cbor.decode(response.payload)

    async def notification(self, timeout=5):  # noqa: ASYNC109
        """The next list of commands."""
        async with asyncio.timeout(timeout):
            while self.notifications.empty():
                self.take_notification(coap.decode(await self.socket.get()))
        return self.notifications.get_nowait()

    async def command(self, timeout=30):  # noqa: ASYNC109
        """The next command that was not told before: a list is told again as long as it is not answered."""
        async with asyncio.timeout(timeout):
            while True:
                for command in await self.notification(timeout):
                    if command[0] not in self._commands:
                        self._commands.add(command[0])
                        return command

    async def answer(self, number, code=1):
        payload = cbor.encode({0: number, 1: code})
        return await self.exchange(self.terminal.protect(coap.POST, "/c", payload))

    def close(self):
        self.socket.close()
