"""What an authenticated terminal may ask for: `POST /f`, `GET /c` (observed), `POST /c`; what is below /u is
the updater's."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gateway import commands, panics
from gateway.clock import Clock
from gateway.frames import Refused
from gateway.intake import Intake, Stored
from gateway.journal.base import ContextError, Journal, Transaction
from gateway.journal.records import REFUSED, Command
from gateway.log import Log
from gateway.observers import CBOR_FORMAT, Observers
from gateway.security import Peer, State
from gateway.updating import Updater, refused_command
from protocol import cbor, coap, update
from protocol.coap import Message
from protocol.errors import Malformed
from protocol.oscore import Binding

# Critical options that may stand inside; any other is refused (RFC 7252 5.4.1).
KNOWN_CRITICAL = (coap.URI_HOST, coap.URI_PORT, coap.URI_PATH, coap.URI_QUERY, coap.ACCEPT)
ANSWERS = (commands.ANSWER_SHOWN, commands.ANSWER_UNSUPPORTED, commands.ANSWER_REFUSED)


@dataclass(frozen=True, slots=True)
class Response:
    """`observed` is (token, whether the list was cut) when this begins an observation."""

    code: int
    payload: bytes = b""
    options: list[tuple[int, bytes]] = field(default_factory=list)
    observed: tuple[bytes, bool] | None = None


class Resources:
    """Each handler makes the request's OSCORE state durable together with what the request changes."""

    def __init__(
        self, journal: Journal, intake: Intake, observers: Observers, log: Log, clock: Clock, prefix: str
    ) -> None:
        self._journal = journal
        self._intake = intake
        self._observers = observers
        self._log = log
        self._clock = clock
        self._prefix = prefix
        intake.on_stored = self.stored
        self.updater = Updater(journal, log, clock, prefix, lambda: intake.waiting)
        # Set by the app: messages wait for the broker; new frames for the relay.
        self.on_notices: Callable[[], None] = lambda: None
        self.on_stored: Callable[[Stored], None] = lambda stored: None

    async def serve(
        self, peer: Peer, inner: Message, binding: Binding, source: Any, state: State
    ) -> Response:
        """Raises Refused (the state is not saved then), JournalError and ContextError."""
        path = inner.path()
        below_u = path == "/u" or path.startswith("/u/")
        unknown = inner.unknown_critical((*KNOWN_CRITICAL, update.BLOCK2) if below_u else KNOWN_CRITICAL)
        if unknown is not None:
            raise Refused(coap.BAD_OPTION, f"option {unknown}", "option")
        if inner.option(coap.ACCEPT) not in (None, CBOR_FORMAT):
            raise Refused(coap.NOT_ACCEPTABLE, "only application/cbor", "option")
        if path == "/f":
            if inner.code != coap.POST:
                raise Refused(coap.METHOD_NOT_ALLOWED, "POST only", "method")
            return await self._frames(peer, inner, state)
        if path == "/c":
            if inner.code == coap.POST:
                return await self._answer(peer, inner, state)
            if inner.code == coap.GET:
                return await self._list(peer, inner, binding, source, state)
            raise Refused(coap.METHOD_NOT_ALLOWED, "GET or POST", "method")
        if below_u:
            answer = await self.updater.serve(peer, inner, path, state)
            return Response(answer.code, answer.payload, answer.options)
        raise Refused(coap.NOT_FOUND, path[:40], "path")

    async def _frames(self, peer: Peer, inner: Message, state: State) -> Response:
        await self._intake.take(peer, inner.payload, state)
        self._observers.seen(peer)
        return Response(coap.CHANGED, self._intake.receipt())

    def stored(self, stored: Stored) -> None:
        """Frames became durable: who is to be told of the alarms among them, and then the broker of all."""
        self.report(stored.facts)
        # Most alarms bring neither: a look for them is a read of the journal each, and a message on the air.
        for kid in sorted(stored.commanded):
            self._observers.poke(kid)
        if stored.noticed:
            self.on_notices()
        if stored.rows:
            self.on_stored(stored)

    async def _list(
        self, peer: Peer, inner: Message, binding: Binding, source: Any, state: State
    ) -> Response:
        kid = peer.terminal.kid
        observe = inner.uint(coap.OBSERVE)
        begun = observe == 0 and self._observers.register(peer, source, inner.token, binding)
        if observe == 1:
            self._observers.remove(kid)
        try:
            waiting = await state.write(self._journal, lambda tx: tx.open_commands(kid))
        except ContextError:
            if begun:
                self._observers.remove(kid)
            raise
        payload, numbers = commands.listing(waiting, self._clock.wall_ms())
        options = [(coap.CONTENT_FORMAT, CBOR_FORMAT)]
        if not begun:
            return Response(coap.CONTENT, payload, options)
        options.append((coap.OBSERVE, coap.uint_option(peer.context.sequence & 0xFFFFFF)))
        return Response(coap.CONTENT, payload, options, (inner.token, len(numbers) < len(waiting)))

    async def _answer(self, peer: Peer, inner: Message, state: State) -> Response:
        terminal = peer.terminal
        try:
            body: Any = cbor.decode(inner.payload)
        except Malformed as error:
            raise Refused(coap.BAD_REQUEST, str(error)) from None
        if not isinstance(body, dict) or set(body) != {0, 1} or type(body[0]) is not int or body[0] < 0:
            raise Refused(coap.BAD_REQUEST, "answer: must be {0: command id, 1: answer}")
        number, code = body[0], body[1]
        if type(code) is not int or code not in ANSWERS:
            raise Refused(coap.BAD_REQUEST, f"answer: {code!r}")
        # SQLite's integers end at 63 bits; such an id was never given.
        wanted = number if number >> 63 == 0 else 0
        now_ms = self._clock.wall_ms()

        def work(tx: Transaction) -> tuple[Command | None, list[panics.Fact]]:
            command, facts = commands.answer(tx, self._prefix, terminal, wanted, code, now_ms)
            if command is not None and command.kind == update.COMMAND and command.state == REFUSED:
                refused_command(tx, self._prefix, terminal, command.reason, now_ms)
            return command, facts

        command, facts = await state.write(self._journal, work)
        self._observers.seen(peer)
        if command is not None:
            self._log.info("command.answered", kid=terminal.kid, command=number, result=command.state)
            self.report(facts)
            self.on_notices()
            self._observers.answered_command(terminal.kid)
        return Response(coap.CHANGED)

    def report(self, facts: list[panics.Fact]) -> None:
        """Log stages that became durable."""
        for fact in facts:
            extra = {"operator": fact.operator} if fact.operator else {}
            self._log.info(
                panics.EVENTS[fact.stage], kid=fact.kid, panic=fact.panic, drill=fact.drill, **extra
            )
