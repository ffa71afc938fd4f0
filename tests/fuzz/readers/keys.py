"""The terminal's handshake task on answers that nobody vouches for: any code, any options, any payload."""

import sys

if sys.implementation.name == "cpython":
    # MicroPython's AES; never called here, for the AEAD is handed in.
    sys.modules.setdefault("cryptolib", sys)

from firmware import handshake
from protocol import coap
from protocol.coap import Message
from protocol.edhoc import Initiator
from tests.fuzz.readers.coap import TOKENS as COAP
from tests.fuzz.readers.edhoc import TOKENS as EDHOC
from tests.fuzz.readers.source import Source
from tests.protocol.edhoc_peer import C_R, CRED_I, CRED_R, G_IY, G_RX, G_X, G_XY, KID_I, KID_R, Responder
from tests.protocol.pair import AEAD

TOKENS = EDHOC + COAP + (b"\xe1\xef" + b"echo" * 10,)
_CODES = (
    coap.CHANGED,
    coap.CHANGED,
    coap.UNAUTHORIZED,
    coap.BAD_REQUEST,
    coap.SERVICE_UNAVAILABLE,
    coap.CONTENT,
)
_TIME = 40  # answers, true or not, before an attempt is too late


class _Asyncio:
    async def sleep_ms(self, ms):
        pass


class _App:
    """Everything a handshake looks at."""

    class session:
        ready = True

    def __init__(self):
        self.uplink = self
        self.clock = self
        self._now_ms = 0

    def uptime_ms(self):
        self._now_ms += 500
        return self._now_ms

    def waits(self):
        return False

    def wake(self):
        pass

    def log(self, level, text):
        assert isinstance(text, str) and len(text) < 8000

    def alive(self):
        pass


class _Air:
    """The link, and on the other side a gateway whose true answers come among the fuzzed ones."""

    def __init__(self, source):
        self.source = source
        self.owner = self.peer = self.attempt = self.request = None
        self.given = 0
        self.largest = 0

    def openly(self, owner, message, lane):
        message.token, message.message_id = b"tokn", 1
        self.largest = max(self.largest, len(message.encode()))
        assert self.largest <= 1152, "the modem's driver refuses such a datagram"
        self.attempt, self.request = object(), message
        return self.attempt

    def quiet(self, attempt):
        pass

    def cancel(self, attempt):
        pass

    def late(self):
        self.given += 1
        return self.given > _TIME

    async def wait_ms(self, ms):
        """In place of waiting for an event: one more answer comes in."""
        source = self.source
        kind = source.byte() if source.left() else 0
        if kind & 3 == 0:
            answer = Message(coap.ACK, coap.CHANGED, 1, b"tokn", [], self._true())
        elif kind & 3 == 1:
            return self.owner.hinted(self.attempt) if kind & 4 else self.owner.failed(self.attempt)
        else:
            options = []
            if kind & 8:
                options.append((252, b"e" * (source.word() & 0x7FF) if kind & 16 else source.short()))
            payload = source.short()
            if kind & 4:
                true = self._true()
                at = source.byte() % len(true)
                payload = true[:at] + bytes((true[at] ^ source.byte(),)) + true[at + 1 :]
            answer = Message(coap.ACK, source.pick(_CODES), 1, b"tokn", options, payload)
        return self.owner.answered(self.attempt, answer)

    def set(self):
        pass

    def _true(self):
        payload = self.request.payload
        if payload[:1] == b"\xf5":
            self.peer = Responder(payload[1:])
            return self.peer.message_2()
        self.peer.read_message_3(payload[5:])
        return self.peer.message_4()


async def _shared(one):
    """The three secrets that the peer believes in, in the order they are asked for."""
    order = {0: G_RX, 1: G_XY}
    one.asked = getattr(one, "asked", -1) + 1
    return order.get(one.asked, G_XY)


async def _run(one, app):
    """`Handshake.run` without the curve."""
    one._initiator = Initiator(AEAD, CRED_I, KID_I, CRED_R, KID_R)
    message_1 = one._initiator.message_1(G_X, handshake.C_I)
    await one._ask(b"\xf5" + message_1, one._message_2)
    message_3 = one._initiator.message_3(G_IY)
    await one._ask(handshake.edhoc.identifier(one._c_r) + message_3, one._message_4)
    return one._initiator.oscore()


class _Handshake(handshake.Handshake):
    async def _shared(self, d, x):
        return await _shared(self)


def handshake_answers(data):
    """An attempt ends, with the keys that the gateway has, or in words; nothing sent is too large to send."""
    source = Source(data)
    app = _App()
    air = _Air(source)
    app.link = air
    right, handshake.asyncio = handshake.asyncio, _Asyncio()
    try:
        one = _Handshake(app, b"\x01" * 64, 1 - (source.byte() & 1), app, air.late)
        one._event = air
        air.owner = one
        coroutine = _run(one, app)
        try:
            coroutine.send(None)
        except StopIteration as end:
            assert (
                end.value == (air.peer.exporter(0, b"", 16), air.peer.exporter(1, b"", 8)) and one._c_r == C_R
            )
            return b"done"
        except handshake.Failed as failed:
            assert str(failed)
            return str(failed).encode()
        raise AssertionError("waits")
    finally:
        handshake.asyncio = right
