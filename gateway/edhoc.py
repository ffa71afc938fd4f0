"""`POST /.well-known/edhoc`: key establishment (RFC 9528, over CoAP as in its appendix A.2).

Terminal is the initiator. A context is in the journal before message_4 leaves, so a terminal that has read it
may use the context after any crash of ours. No answer is longer than its request.
"""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

from gateway.clock import Clock
from gateway.contexts import Contexts
from gateway.floodgate import GO, PROVE, Floodgate
from gateway.handshake import HandshakeError, Hello, Responder, identifier
from gateway.journal.base import ContextError, Journal, JournalError
from gateway.journal.records import REVOKED, NewContext
from gateway.key import GatewayKey
from gateway.log import Log
from gateway.refusals import Refusals
from gateway.registry import Registry
from gateway.sessions import Session, Sessions
from gateway.strangers import address
from gateway.vault import Vault
from protocol import cbor, coap
from protocol.coap import Message, code_text
from protocol.edhoc import SUITE, ccs
from protocol.errors import Malformed, Misuse
from protocol.responder import Request, Server

PATH = "/.well-known/edhoc"
ECHO = 252  # RFC 9175 2.2
UNSUPPORTED_FORMAT = 0x8F
MESSAGE = b"\x40"  # 64, application/edhoc+cbor-seq
WITH_IDENTIFIER = b"\x41"  # 65, application/cid-edhoc+cbor-seq
FIRST = b"\xf5"
KNOWN_CRITICAL = (coap.URI_HOST, coap.URI_PORT, coap.URI_PATH, coap.ACCEPT)
# With three, message_2 makes an answer exactly as long as the terminal's request.
C_R = 3
RETRY_S = 5
FLOOD_LOG_MS = 60_000


class Edhoc:
    """`key` is None while the key file is missing: then nobody can be answered, and `serve` said so.
    `random(n)` gives n bytes for identifiers and cookies; the keys themselves are made by lakers."""

    def __init__(
        self,
        key: GatewayKey | None,
        server: Server,
        registry: Registry,
        contexts: Contexts,
        journal: Journal,
        refusals: Refusals,
        log: Log,
        clock: Clock,
        *,
        sessions: int,
        rate: int,
        random: Callable[[int], bytes],
        send: Callable[[bytes, Any], None],
    ) -> None:
        self._key = key
        self._server = server
        self._registry = registry
        self._contexts = contexts
        self._journal = journal
        self._refusals = refusals
        self._log = log
        self._clock = clock
        self._random = random
        self._send = send
        self._tasks: set[asyncio.Task[None]] = set()
        self._told_ms = clock.mono_ms() - FLOOD_LOG_MS
        self.sessions = Sessions(sessions)
        self.gate = Floodgate(rate, random(32), clock.mono_ms())
        self.vault = Vault()
        # There is more to do than can be done: who begins a handshake has to prove his address first.
        self.pressed: Callable[[], bool] = lambda: False
        self.runs = 0  # of lakers
        self.asked = 0  # to prove an address
        self.established = 0

    def takes(self, outer: Message) -> bool:
        """An unprotected request for this resource."""
        if outer.code != coap.POST or outer.option(coap.OSCORE) is not None:
            return False
        try:
            return outer.path() == PATH
        except Malformed:
            return False

    def receive(self, request: Request, size: int) -> None:
        """`size` is that of the datagram."""
        outer, who = request.message, address(request.source)
        unknown = outer.unknown_critical(KNOWN_CRITICAL)
        if unknown is not None or outer.option(coap.ACCEPT) not in (None, MESSAGE):
            code = coap.BAD_OPTION if unknown is not None else coap.NOT_ACCEPTABLE
            self._refuse(request, size, who, HandshakeError("option"), code)
        elif outer.option(coap.CONTENT_FORMAT) not in (None, WITH_IDENTIFIER):
            self._refuse(request, size, who, HandshakeError("format"), UNSUPPORTED_FORMAT)
        elif self._key is None:
            self._wait(request, size, who, "keyless")
        else:
            try:
                if outer.payload[:1] == FIRST:
                    self._first(self._key, request, size, outer.payload[1:])
                else:
                    self._third(request, size, outer.payload)
            except HandshakeError as error:
                self._refuse(request, size, who, error)

    def sweep(self) -> None:
        """Call now and then."""
        self.sessions.sweep(self._clock.mono_ms())

    async def drain(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    def _first(self, key: GatewayKey, request: Request, size: int, data: bytes) -> None:
        digest = hashlib.sha256(data).digest()
        source, now_ms = request.source, self._clock.mono_ms()
        known = self.sessions.repeated(source, digest)
        if known is not None:
            self._answer(request, size, known.message_2)
            return
        hello = Hello(data)
        self.sessions.sweep(now_ms)
        crowded = self.sessions.crowded or self.pressed()
        verdict = self.gate.admit(source, request.message.option(ECHO), now_ms, crowded)
        if verdict == PROVE:
            self._ask(request, size, now_ms)
        elif verdict != GO:
            self._wait(request, size, address(source), "busy")
        else:
            self.runs += 1
            responder = Responder(key)
            c_r = self._free(hello.c_i)
            session = Session(source, digest, hello.c_i, c_r, responder, responder.message_2(hello, c_r))
            self.sessions.put(session, now_ms)
            self._answer(request, size, session.message_2)

    def _third(self, request: Request, size: int, data: bytes) -> None:
        try:
            c_r, at = identifier(data)
        except Malformed as error:
            raise HandshakeError("malformed", str(error)) from None
        session, data = self.sessions.get(c_r), data[at:]
        if session is None:
            raise HandshakeError("session", "no such session")
        if session.responder is not None:
            self._prove(session, session.responder, data)
        elif session.message_3 != data:
            raise HandshakeError("session", "another message_3")
        if session.done:
            self._answer(request, size, session.message_4)
        elif not session.busy:
            # Also after the disk failed: the same message_3 is worth another try.
            session.busy = True
            task = asyncio.create_task(self._establish(session, request, size))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _prove(self, session: Session, responder: Responder, data: bytes) -> None:
        """Raises HandshakeError; then the session is over (RFC 9528 5.4.3)."""
        self.runs += 1
        try:
            kid = responder.message_3(data)
            terminal = self._registry.by_kid(kid)
            if terminal is None or terminal.state == REVOKED:
                raise HandshakeError("unknown" if terminal is None else REVOKED, f"kid {kid.hex()}")
            session.message_4, secret, salt = responder.finish(ccs(kid, terminal.public_key))
        except HandshakeError:
            self.sessions.remove(session)
            raise
        session.responder, session.message_3 = None, data
        session.new = NewContext(session.c_r, kid, session.c_i, secret, salt)

    async def _establish(self, session: Session, request: Request, size: int) -> None:
        new, now_ms = session.new, self._clock.wall_ms()
        assert new is not None
        try:
            stored = await self._journal.write(lambda tx: tx.add_context(self.vault.seal(new), now_ms))
        except ContextError as error:
            self.sessions.remove(session)
            self._refuse(request, size, new.kid.hex(), HandshakeError(REVOKED, str(error)))
            return
        except JournalError as error:
            self._log.seldom("error", "unavailable", kid=new.kid, error=str(error))
            self._wait(request, size, new.kid.hex(), "unavailable")
            return
        finally:
            session.busy = False
        self._contexts.added(stored)
        self.established += 1
        session.done, session.new = True, None
        self.sessions.put(session, self._clock.mono_ms())
        self._log.info(
            "edhoc.established", kid=stored.kid, context=stored.oscore_id, generation=stored.generation
        )
        self._answer(request, size, session.message_4)

    def _free(self, c_i: bytes) -> bytes:
        while True:
            c_r = self._random(C_R)
            # RFC 9528 A.1: the two must differ, for they become OSCORE's ids.
            if c_r != c_i and self._contexts.get(c_r) is None and self.sessions.get(c_r) is None:
                return c_r

    def _answer(self, request: Request, size: int, message: bytes) -> None:
        answer = Message(coap.ACK, coap.CHANGED, options=[(coap.CONTENT_FORMAT, MESSAGE)], payload=message)
        if not self._put(request, size, answer):
            # Whoever invents an address must not make us send more than he did.
            error = HandshakeError("short", "shorter than its answer: pad it (RFC 9528 3.8.1)")
            self._refuse(request, size, address(request.source), error)

    def _ask(self, request: Request, size: int, now_ms: float) -> None:
        self.asked += 1
        cookie = self.gate.cookie(request.source, now_ms)
        self._put(request, size, Message(coap.ACK, coap.UNAUTHORIZED, options=[(ECHO, cookie)]))
        if now_ms - self._told_ms >= FLOOD_LOG_MS:
            self._told_ms = now_ms
            self._log.warning(
                "edhoc.flood", asked=self.asked, sessions=len(self.sessions), established=self.established
            )

    def _wait(self, request: Request, size: int, who: str, reason: str) -> None:
        self._refusals.note(who, reason, code_text(coap.SERVICE_UNAVAILABLE))
        options = [(coap.MAX_AGE, coap.uint_option(RETRY_S))]
        self._put(request, size, Message(coap.ACK, coap.SERVICE_UNAVAILABLE, options=options))

    def _refuse(
        self, request: Request, size: int, who: str, error: HandshakeError, code: int = coap.BAD_REQUEST
    ) -> None:
        self._refusals.note(who, error.reason, code_text(code), str(error))
        answer = Message(coap.ACK, code)
        if code == coap.BAD_REQUEST:
            answer.options = [(coap.CONTENT_FORMAT, MESSAGE)]
            answer.payload = _error(error.reason)
        if not self._put(request, size, answer):
            self._put(request, size, Message(coap.ACK, code))

    def _put(self, request: Request, size: int, message: Message) -> bool:
        """False, and nothing sent, when it would be longer than the request."""
        try:
            datagram = self._server.respond(request, message, remember=False)
        except Misuse:
            return False
        if len(datagram) > size:
            return False
        self._send(datagram, request.source)
        return True


def _error(reason: str) -> bytes:
    """RFC 9528 6. Who is enrolled here, and in which state, is told to nobody who has not proved himself."""
    if reason == "suite":
        return cbor.encode(2) + cbor.encode(SUITE)
    secret = reason in ("unknown", REVOKED, "unauthentic", "panic")
    return cbor.encode(1) + cbor.encode("refused" if secret else reason)
