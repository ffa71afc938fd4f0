"""A gateway that does no more than EDHOC, with lakers, and OSCORE under the contexts that come of it. What is
durable at the real one survives `restart` here: the contexts, with the real one's rules."""

import random
from typing import Any

from protocol import cbor, coap
from protocol.coap import CHANGED, Message
from protocol.edhoc import identifier
from protocol.errors import ProtocolError
from protocol.oscore import Binding, Context, peek
from protocol.responder import Reply, Request, Server
from tests.protocol.lakers_peer import Gateway, Key, on_curve
from tests.protocol.pair import AEAD

GRACE_MS = 300_000  # an old context still reads this long after the new one was used
SESSION_MS = 30_000
EDHOC = coap.CONTENT_FORMAT, b"\x40"


class Held:
    def __init__(self, context: Context, made_ms: int) -> None:
        self.context, self.made_ms = context, made_ms
        self.used = False
        self.retire_ms: int | None = None


class LakersGateway:
    """`receive` gives the datagrams that answer one. `asks` makes it ask for a renewal in its next answer."""

    def __init__(self, seed: int, key: Key) -> None:
        self.rng = random.Random(seed)
        self.key = key
        self.known: dict[bytes, Key] = {}
        self.contexts: dict[bytes, Held] = {}
        self.asks = False
        self.down = False
        self.refused = 0  # requests under a context that is not (or no longer) there
        self.read: list[bytes] = []  # payloads understood
        self.established = 0
        self.restart()

    def enroll(self, terminal: Key) -> None:
        self.known[terminal.kid] = terminal

    def restart(self) -> None:
        """What was not durable is gone: handshakes under way, and the answers remembered."""
        self.server = Server(lambda: self.rng.randrange(0x10000))
        self.sessions: dict[bytes, tuple[Gateway, int]] = {}
        self.finished: dict[bytes, tuple[bytes, bytes]] = {}
        self.begun: dict[bytes, bytes] = {}

    def lose_store(self) -> None:
        self.contexts = {}
        self.restart()

    def holds(self, oscore_id: bytes, now: int) -> bool:
        held = self.contexts.get(oscore_id)
        return held is not None and (held.retire_ms is None or now < held.retire_ms)

    def receive(self, datagram: bytes, now: int) -> list[bytes]:
        if self.down:
            return []
        for name in [name for name in self.contexts if not self.holds(name, now)]:
            del self.contexts[name]
        outcome = self.server.receive(datagram, "car", now)
        if isinstance(outcome, Reply):
            return [outcome.datagram] if outcome.datagram else []
        if not isinstance(outcome, Request):
            return []
        message = outcome.message
        if message.option(coap.OSCORE) is not None:
            return self._protected(outcome, now)
        assert message.path() == "/.well-known/edhoc" and message.option(coap.CONTENT_FORMAT) == b"\x41"
        try:
            answer = self._edhoc(message.payload, now)
        except (ValueError, ProtocolError):
            answer = None
        if answer is None:
            reply = Message(0, coap.BAD_REQUEST, options=[EDHOC], payload=b"\x01\x61x")
        else:
            reply = Message(0, CHANGED, options=[EDHOC], payload=answer)
        return [self.server.respond(outcome, reply, remember=False, now_ms=now)]

    def _edhoc(self, payload: bytes, now: int) -> bytes | None:
        if payload[:1] == b"\xf5":
            return self._first(payload[1:], now)
        c_r = cbor.decode_prefix(payload)[0]
        assert isinstance(c_r, bytes) and payload.startswith(identifier(c_r))
        message_3 = payload[len(identifier(c_r)) :]
        if c_r in self.finished:
            before, message_4 = self.finished[c_r]
            return message_4 if before == message_3 else None
        session, since = self.sessions.pop(c_r, (None, 0))
        if session is None or now - since > SESSION_MS:
            return None
        cbor.decode(message_3)
        message_4 = session.message_4(message_3)
        secret, salt = session.oscore()
        for name in [name for name, held in self.contexts.items() if not held.used]:
            del self.contexts[name]  # a newer handshake takes the place of one that was never used
        self.contexts[c_r] = Held(Context(secret, salt, session.c_i, c_r, AEAD), now)
        self.finished[c_r] = message_3, message_4
        self.established += 1
        return message_4

    def _first(self, message_1: bytes, now: int) -> bytes:
        if message_1 in self.begun:
            return self.begun[message_1]
        if not on_curve(message_1[4:36]):
            raise ValueError("G_X")
        session = Gateway(self.key, self.known)
        c_r = self.rng.randbytes(4)
        self.begun[message_1] = message_2 = session.message_2(message_1, c_r)
        self.sessions[c_r] = session, now
        return message_2

    def _protected(self, request: Request, now: int) -> list[bytes]:
        kid = peek(request.message)[0]
        held = self.contexts.get(kid or b"")
        opened: tuple[Any, Binding] | None = None
        try:
            if held is not None:
                opened = held.context.unprotect_request(request.message)
        except ProtocolError:
            pass
        if held is None or opened is None:
            self.refused += held is None
            return [self.server.respond(request, Message(0, coap.UNAUTHORIZED), remember=False, now_ms=now)]
        if not held.used:
            held.used = True
            # One that was retired before makes room: at most one of each state.
            self.contexts = {n: one for n, one in self.contexts.items() if one.retire_ms is None}
            for other in self.contexts.values():
                if other is not held:
                    other.retire_ms = now + GRACE_MS
        inner, binding = opened
        self.read.append(inner.payload)
        answer = Message(0, CHANGED, payload=b"renew" if self.asks else b"")
        self.asks = False
        outer = held.context.protect_response(answer, binding)
        return [self.server.respond(request, outer, now_ms=now)]
