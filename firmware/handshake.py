"""One EDHOC handshake with the gateway: RFC 9528 over CoAP, its appendix A.2, with the terminal as initiator.

Loaded when one is due, and let go of afterwards. The P-256 work is done in pieces, so that keys, lamps and
link have their turn between any two; while PANIC is being pressed there is hardly any.
"""

import asyncio

from firmware import identity, p256
from firmware.ccm import AesCcm
from firmware.drbg import HmacDrbg
from firmware.p256_point import shared_secret
from firmware.signal import Signal
from firmware.signer import key_id
from protocol import coap, edhoc
from protocol.coap import CON, POST, Message
from protocol.compat import const
from protocol.errors import Malformed
from protocol.exchange import BULK

# The gateway's Sender ID under the new context. The terminal's is the gateway's choice, so that no two
# terminals have the same and nothing on the air names one.
C_I = b"\x01"

_ECHO = const(252)  # RFC 9175: a gateway under pressure asks for proof of our address
_ECHO_MOST = const(40)  # by the RFC; a forged one may be longer than the modem's driver takes
_CID_EDHOC = b"\x41"  # Content-Format 65, application/cid-edhoc+cbor-seq
_TRUE = b"\xf5"  # stands before message_1, where C_R stands before the others
_ROUNDS = const(6)  # requests for one message
_LOOK_MS = const(1000)
_ANSWERS = const(4)  # different answers to one request that are looked at
_BEHIND_MS = const(2000)  # a refusal may be anybody's; the gateway's own answer may be right behind it
_HASTE_MS = const(20)
_HASTES = const(100)  # then a piece all the same, whatever the keys say


class Failed(Exception):
    """Why there is no new context, in words."""


class Handshake:
    """`app` see renewer.py; `late()` says that the attempt has had its time."""

    def __init__(self, app, gateway_key, lane, watch, late):
        self._app = app
        self._gateway_key = gateway_key
        self._lane = lane
        self._watch = watch
        self._late = late
        self._link = app.uplink.link
        self._event = Signal()
        self._attempt = None
        self._answers = []
        self._judged = None  # the payload that is being looked at
        self._gone = None  # why no answer will come
        self._initiator = None
        self._x = 0  # the ephemeral private key
        self._g_rx = b""
        self._g_y = b""
        self._c_r = b""

    async def run(self):
        """(secret, salt, sender id, recipient id), which the gateway has on its disk. Raises Failed."""
        pair = identity.read()
        if pair is None:
            raise Failed("/identity cannot be read")
        private, public = pair
        kid, gateway_kid = key_id(public), key_id(self._gateway_key)
        gateway = edhoc.ccs(gateway_kid, self._gateway_key)
        self._initiator = edhoc.Initiator(AesCcm(), edhoc.ccs(kid, public), kid, gateway, gateway_kid)
        self._x = self._ephemeral(private)
        await self._breathe()
        g_x = p256.public_key(self._x)[:32]
        await self._breathe()
        await self._ask(_TRUE + self._initiator.message_1(g_x, C_I), self._message_2)
        self._x = 0
        g_iy = await self._shared(private, self._g_y)
        message_3 = self._initiator.message_3(g_iy)
        await self._ask(edhoc.identifier(self._c_r) + message_3, self._message_4)
        await self._breathe()
        return self._initiator.oscore() + (self._c_r, C_I)

    def _ephemeral(self, private):
        """A scalar nobody can guess as long as either the chip's generator or the private key is secret, and
        that doesn't come twice."""
        app = self._app
        moment = app.builder.boot.to_bytes(8, "big") + app.clock.uptime_ms().to_bytes(8, "big")
        drbg = HmacDrbg(app.hal.entropy(48), b"patrola edhoc 1" + private + moment + app.hal.uid)
        number = 0
        while not 0 < number < p256.N:
            number = int.from_bytes(drbg.generate(32), "big")
        return number

    async def _message_2(self, data):
        initiator = self._initiator
        if not self._g_rx:
            self._g_rx = await self._shared(self._x, self._gateway_key[:32])
        g_y = initiator.g_y(data)
        g_xy = await self._shared(self._x, g_y)
        self._c_r = initiator.read_message_2(data, g_xy, self._g_rx)
        self._g_y = g_y

    async def _message_4(self, data):
        self._initiator.read_message_4(data)

    async def _shared(self, d, x):
        secret = None
        for piece in shared_secret(d, x):
            secret = piece
            await self._breathe()
        return secret

    async def _breathe(self):
        self._watch.alive()
        await asyncio.sleep_ms(0)
        app = self._app
        for _ in range(_HASTES):
            # An alarm that has no other keys to go under waits for these.
            if not app.waits() or not app.session.ready:
                break
            await asyncio.sleep_ms(_HASTE_MS)

    # --- messages

    async def _ask(self, payload, read):
        """Send until an answer comes that `read` believes. What proves nothing ends nothing, at first."""
        echo = ()
        for _ in range(_ROUNDS):
            options = [(coap.URI_PATH, b".well-known"), (coap.URI_PATH, b"edhoc")]
            options.append((coap.CONTENT_FORMAT, _CID_EDHOC))
            options.extend(echo)
            self._answers = []
            self._judged = self._gone = None
            attempt = self._link.openly(
                self, Message(CON, POST, options=options, payload=payload), self._lane
            )
            if attempt is None:
                raise Failed("too many requests are under way")
            self._attempt = attempt
            self._app.uplink.wake()
            refused = None
            try:
                message = await self._answer()
                while message is not None:
                    self._link.quiet(attempt)
                    value = message.option(_ECHO)
                    if message.code == coap.CHANGED:
                        self._judged = message.payload
                        try:
                            return await read(message.payload)
                        except Malformed as error:
                            self._app.log(2, "keys: refused: %s" % error)
                        if self._initiator.over or not self._answers:
                            break
                    elif message.code != coap.UNAUTHORIZED or value is None:
                        refused = _reason(message)
                    elif len(value) <= _ECHO_MOST:
                        echo = ((_ECHO, value),)
                        refused = None
                        break
                    message = await self._answer(_BEHIND_MS)
            finally:
                self._attempt = None
                self._link.cancel(attempt)
            if refused is not None:
                raise Failed(refused)
            if self._initiator.over:
                break
        raise Failed("too many answers that prove nothing")

    async def _answer(self, within_ms=None):
        """The next answer, whoever sent it; None if there is none `within_ms`."""
        since_ms = self._app.clock.uptime_ms()
        while not self._answers:
            self._watch.alive()
            if within_ms is not None and self._app.clock.uptime_ms() - since_ms >= within_ms:
                return None
            if self._late():
                raise Failed("no answer")
            if self._gone:
                raise Failed(self._gone)
            await self._event.wait_ms(_LOOK_MS)
        return self._answers.pop(0)

    # --- what the link tells

    def sent(self, attempt):
        pass

    def answered(self, attempt, message):
        """Nobody vouches for it yet. Repeats of one answer count once."""
        if attempt is not self._attempt or (message.code == coap.CHANGED and message.payload == self._judged):
            return
        for other in self._answers:
            if (other.code, other.payload, other.options) == (message.code, message.payload, message.options):
                return
        if len(self._answers) < _ANSWERS:
            self._answers.append(message)
            self._event.set()

    def hinted(self, attempt):
        if self._lane == BULK:
            self._gone = "the gateway does not read it"
            self._event.set()

    def failed(self, attempt):
        self._gone = "no answer"
        self._event.set()


def _reason(message):
    """What a refusal says, as far as it can be read."""
    said = edhoc.error(message.payload) if message.code == coap.BAD_REQUEST else None
    return coap.code_text(message.code) if said is None else "EDHOC error %d: %r" % said
