"""From a datagram to its answer: CoAP, look-up, OSCORE, resource, OSCORE, CoAP.

In this order a stranger costs a parse and a look-up, leaves nothing behind but a count, and gets four bytes
and his token, never more than he sent.
"""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

from gateway.admission import MAX_BUSY, Admission
from gateway.callers import Callers
from gateway.clock import Clock
from gateway.contexts import Contexts
from gateway.edhoc import Edhoc
from gateway.frames import Refused
from gateway.gauges import Distribution
from gateway.journal.base import ContextError, Journal, JournalError, Spent
from gateway.journal.records import SUSPENDED
from gateway.log import Log
from gateway.observers import Observers
from gateway.peers import Peers
from gateway.posting import Posting
from gateway.refusals import Refusals
from gateway.registry import Registry
from gateway.resources import Resources, Response
from gateway.security import Answer, Inside, Peer
from gateway.strangers import address
from gateway.under_way import UnderWay
from gateway.unprotected import Unprotected
from protocol import coap
from protocol.coap import Message, code_text
from protocol.errors import Malformed, Unauthentic
from protocol.limits import MAX_DATAGRAM
from protocol.oscore import Binding, Replayed, Unreadable
from protocol.responder import Reply, Request, Server

MAX_DIAGNOSTIC = 120


class Exchange:
    """`send(datagram, source)` puts a datagram on the air."""

    def __init__(
        self,
        server: Server,
        registry: Registry,
        contexts: Contexts,
        peers: Peers,
        edhoc: Edhoc,
        resources: Resources,
        posting: Posting,
        observers: Observers,
        refusals: Refusals,
        journal: Journal,
        log: Log,
        clock: Clock,
        *,
        retry_after_s: int,
        admission: Admission,
        send: Callable[[bytes, Any], None],
        random16: Callable[[], int],
    ) -> None:
        self._server = server
        self._contexts = contexts
        self._edhoc = edhoc
        self._resources = resources
        self._posting = posting
        self._observers = observers
        self._refusals = refusals
        self._journal = journal
        self._log = log
        self._clock = clock
        self._admission = admission
        self._retry_after = coap.uint_option(retry_after_s)
        self._send = send
        self._under_way = UnderWay(posting)
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._unprotected = Unprotected(
            server, refusals, retry_after=self._retry_after, send=send, random16=random16
        )
        self._refuse = self._unprotected.refuse
        around = (registry, contexts, peers, self._unprotected, log, self._under_way)
        self._callers = Callers(*around, limit=admission.limit, found=self._authenticate)
        self.datagrams = 0
        self.taking = True  # False: what comes is for another process, or for our successor
        self.answers = Distribution()
        observers.flush = self.flush
        posting.fell = self._fell
        posting.answered = self._answered
        edhoc.pressed = lambda: posting.pressed

    def receive(self, data: bytes, source: Any) -> None:
        """One datagram. Raises nothing, whatever is in it."""
        if not self.taking:
            return
        self.datagrams += 1
        if len(data) > MAX_DATAGRAM:
            self._unprotected.too_large(data, source)
            return
        if self._posting.take(data, source):
            return
        got = self._server.receive(data, source, int(self._clock.mono_ms()))
        if isinstance(got, Reply):
            if got.reason is not None:
                answer = "" if got.datagram is None else "reset"
                self._refusals.note(address(source), "malformed", answer, got.reason)
            if got.datagram is not None:
                self._send(got.datagram, source)
        elif isinstance(got, Request):
            if self._edhoc.takes(got.message):
                self._edhoc.receive(got, len(data))
            else:
                self._callers.find(got, data)
        else:
            self._observers.settle()
            self.flush()

    def _answered(self, seconds: float) -> None:
        self.answers.note(seconds)

    def flush(self) -> None:
        """Send what the server has due, and wake again when it has more."""
        now = int(self._clock.mono_ms())
        for datagram, source in self._server.due(now):
            self._send(datagram, source)
        self._observers.settle()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wait = self._server.wait_ms(now)
        if wait is not None:
            self._timer = self._loop.call_later(max(wait, 1) / 1000, self.flush)

    async def drain(self) -> None:
        """Finish what is under way."""
        if self._timer is not None:
            self._timer.cancel()
        await self._under_way.drained()

    async def settled(self) -> None:
        """Returns when nothing is under way."""
        await self._under_way.settled()

    @property
    def under_way(self) -> int:
        """Requests that are being worked on."""
        return self._under_way.count

    def _authenticate(self, peer: Peer, request: Request, data: bytes, piv: bytes) -> None:
        digest = hashlib.sha256(data).digest()
        answer = peer.answers.get(piv)
        if answer is not None and answer.digest == digest:
            self._repeated(peer, answer, request, len(data))
            return
        if peer.busy >= MAX_BUSY or self._posting.waiting >= self._admission.limit:
            now_ms = self._clock.mono_ms()
            if self._admission.tells(peer.told_ms, now_ms):
                peer.told_ms = now_ms
                self._unprotected.come_again(request, peer.terminal.kid.hex(), "overloaded")
            return
        name = peer.terminal.kid.hex()
        inside: Inside
        try:
            inside = peer.context.unprotect_request(request.message)
        except Unreadable as error:
            inside = (error, error.binding)
        except Replayed as error:
            self._refuse(request, coap.UNAUTHORIZED, name, "replayed", str(error))
            return
        except Unauthentic as error:
            self._refuse(request, coap.UNAUTHORIZED, name, "unauthentic", str(error))
            return
        except Malformed as error:
            self._refuse(request, coap.BAD_REQUEST, name, "malformed", str(error))
            return
        answer = Answer(digest, request.source, inside)
        peer.remember(piv, answer)
        self._work(peer, answer, inside, request)

    def _repeated(self, peer: Peer, answer: Answer, request: Request, size: int) -> None:
        """The same bytes again: the same answer, if it is short also to a new address (an address
        translation that moved). What is under way goes to where it was asked for: anybody can copy these
        bytes, and the terminal sends them again."""
        if answer.failed and answer.inside is not None:
            answer.failed = False
            self._work(peer, answer, answer.inside, request)
        elif answer.datagram is None:
            return
        elif request.source == answer.source or len(answer.datagram) <= size:
            self._send(answer.datagram, request.source)
        else:
            # Anybody can replay these bytes from any address: no long answer to where nobody asked.
            self._refuse(
                request, coap.UNAUTHORIZED, peer.terminal.kid.hex(), "replayed", "from another address"
            )

    def _work(self, peer: Peer, answer: Answer, inside: Inside, request: Request) -> None:
        peer.busy += 1
        self._under_way.begin(self._serve(peer, answer, inside, request))

    def _fell(
        self, peer: Peer, answer: Answer, binding: Binding, data: bytes, payload: bytes, error: Exception
    ) -> None:
        """What came the short way, and could not be stored."""
        outer = coap.decode(data)
        options = [(coap.URI_PATH, b"f")]
        inner = Message(outer.type, coap.POST, outer.message_id, outer.token, options, payload)
        answer.inside = inside = (inner, binding)
        request = Request(outer, answer.source, 0, 0)
        self._under_way.begin(self._serve(peer, answer, inside, request, error))

    async def _serve(
        self, peer: Peer, answer: Answer, inside: Inside, request: Request, known: Exception | None = None
    ) -> None:
        """`known`: how it ended already."""
        fresh = inside[1].answered
        began_ms = self._clock.mono_ms()
        try:
            try:
                try:
                    response = await self._respond(peer, answer, inside, known=known)
                except Spent:
                    if not answer.tried:
                        raise
                    # The commit that "failed" was kept. The work once more changes nothing that was done, and
                    # its answer takes a number of our own.
                    response = await self._respond(peer, answer, inside, spent=True)
                    fresh = True
            except ContextError as error:
                # Who asks once more is to be told once more.
                peer.answers.pop(inside[1].piv, None)
                reason = "replayed" if isinstance(error, Spent) else "unknown"
                if not isinstance(error, Spent):
                    self._contexts.refused(peer.entry)
                self._refuse(request, coap.UNAUTHORIZED, peer.terminal.kid.hex(), reason, str(error))
                return
            except JournalError as error:
                self._log.seldom("error", "unavailable", kid=peer.terminal.kid, error=str(error))
                response = Response(coap.SERVICE_UNAVAILABLE, b"", [(coap.MAX_AGE, self._retry_after)])
                answer.failed = answer.tried = fresh = True
            except Exception as error:
                self._log.error("internal", kid=peer.terminal.kid, error=f"{type(error).__name__}: {error}")
                response = Response(coap.INTERNAL_ERROR)
                answer.failed = answer.tried = fresh = True
            self._reply(peer, answer, inside[1], request, response, fresh)
            self.answers.note((self._clock.mono_ms() - began_ms) / 1000)
        finally:
            peer.busy -= 1

    async def _respond(
        self,
        peer: Peer,
        answer: Answer,
        inside: Inside,
        spent: bool = False,
        known: Exception | None = None,
    ) -> Response:
        inner, binding = inside
        now_ms = self._clock.wall_ms()
        number = None if spent else int.from_bytes(binding.piv, "big")
        state = peer.persist(now_ms, number, answer.source)
        try:
            if known is not None:
                raise known
            if isinstance(inner, Malformed):
                raise inner
            if peer.terminal.state == SUSPENDED:
                # Protected, unlike a revoked one's: the terminal believes it, keeps its frames, slows down.
                raise Refused(coap.FORBIDDEN, SUSPENDED, SUSPENDED)
            return await self._resources.serve(peer, inner, binding, answer.source, state)
        except (Refused, Malformed) as error:
            code = error.code if isinstance(error, Refused) else coap.BAD_REQUEST
            reason = error.reason if isinstance(error, Refused) else "malformed"
            self._refusals.note(peer.terminal.kid.hex(), reason, code_text(code), str(error))
            await state.write(self._journal, lambda tx: None)
            return Response(code, str(error).encode()[:MAX_DIAGNOSTIC])

    def _reply(
        self, peer: Peer, answer: Answer, binding: Binding, request: Request, response: Response, fresh: bool
    ) -> None:
        inner = Message(coap.ACK, response.code, options=response.options, payload=response.payload)
        if fresh and not peer.may_send():
            # Nothing that may be protected with: an unprotected hint, and no more.
            outer = Message(coap.ACK, response.code, options=response.options)
        else:
            outer = peer.context.protect_response(inner, binding, fresh=fresh)
        datagram = self._server.respond(request, outer, remember=False)
        if not answer.failed:
            answer.datagram = datagram
            answer.inside = None
        self._send(datagram, answer.source)
        if response.observed is not None:
            token, partial = response.observed
            self._observers.answered(peer.terminal.kid, token, partial)
