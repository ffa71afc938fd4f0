"""Who listens for commands: RFC 7641 observations of `/c`, one for each terminal, and what they were told."""

import asyncio
from collections.abc import Callable
from typing import Any

from gateway import commands
from gateway.clock import Clock
from gateway.contexts import Entry
from gateway.journal.base import ContextError, Journal, JournalError, Transaction
from gateway.journal.records import ENROLLED, QUEUED, Terminal
from gateway.log import Log
from gateway.peers import Peers
from gateway.registry import Registry
from gateway.security import Peer
from protocol import coap
from protocol.coap import Message
from protocol.errors import Misuse
from protocol.oscore import Binding
from protocol.responder import ACKED, RESET, Server

CBOR_FORMAT = b"\x3c"
# A terminal that just spoke is there: a notification that waits for its turn to be repeated goes out at once.
_EAGER_S = 1.0


class _Observer:
    def __init__(self, entry: Entry, source: Any, token: bytes, binding: Binding) -> None:
        self.entry = entry
        self.newest = entry.generation
        self.source = source
        self.token = token
        self.binding = binding
        self.ready = False
        self.dirty = False
        self.partial = False
        self.running = False
        self.under_way: list[int] | None = None
        self.sent_s = 0.0

    @property
    def order(self) -> tuple[int, int]:
        """Of two registrations the greater one is the terminal's last."""
        return _order(self.entry, self.binding)


class Observers:
    """`flush()` is called when the server has something due; `on_notices()` when results wait for the
    broker."""

    def __init__(
        self,
        journal: Journal,
        peers: Peers,
        registry: Registry,
        server: Server,
        log: Log,
        clock: Clock,
        prefix: str,
    ) -> None:
        self._journal = journal
        self._peers = peers
        self._registry = registry
        self._server = server
        self._log = log
        self._clock = clock
        self._prefix = prefix
        self._observers: dict[bytes, _Observer] = {}
        self._by_token: dict[tuple[Any, bytes], bytes] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.flush: Callable[[], None] = lambda: None
        self.on_notices: Callable[[], None] = lambda: None
        self.on_registered: Callable[[bytes], None] = lambda kid: None

    def __len__(self) -> int:
        return len(self._observers)

    def register(self, peer: Peer, source: Any, token: bytes, binding: Binding) -> bool:
        """Begin, or begin anew under another token; nothing is sent before `answered`. False for a
        registration that was overtaken by a newer one: the terminal does not know its token any more."""
        known = self._observers.get(peer.terminal.kid)
        if known is not None and known.order > _order(peer.entry, binding):
            return False
        self.remove(peer.terminal.kid)
        self._observers[peer.terminal.kid] = _Observer(peer.entry, source, token, binding)
        self._by_token[(source, token)] = peer.terminal.kid
        self.on_registered(peer.terminal.kid)
        return True

    def answered(self, kid: bytes, token: bytes, partial: bool) -> None:
        """The first response, with the whole list as it was then, is on its way."""
        observer = self._observers.get(kid)
        if observer is not None and observer.token == token:
            observer.ready = True
            observer.partial = partial
            if observer.dirty:
                self.poke(kid)

    def remove(self, kid: bytes) -> None:
        observer = self._observers.pop(kid, None)
        if observer is not None:
            self._by_token.pop((observer.source, observer.token), None)
            self._server.forget(observer.source, observer.token)

    def gone(self, entry: Entry) -> None:
        """Nothing more can be said under this context. The terminal registers anew under its later one."""
        observer = self._observers.get(entry.kid)
        if observer is not None and observer.entry is entry:
            self.remove(entry.kid)

    def poke(self, kid: bytes) -> None:
        """Something new waits for this terminal."""
        observer = self._observers.get(kid)
        if observer is None:
            return
        observer.dirty = True
        if observer.ready and not observer.running and observer.under_way is None:
            observer.running = True
            task = asyncio.create_task(self._notify(kid, observer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def seen(self, peer: Peer) -> None:
        """The terminal just proved that it is alive, and where."""
        kid = peer.terminal.kid
        observer = self._observers.get(kid)
        if observer is None or not observer.ready or peer.entry.generation < observer.newest:
            return
        # What it sent under an earlier context may have been long on its way.
        observer.newest = peer.entry.generation
        moved = peer.source != observer.source
        if moved:
            self._by_token.pop((observer.source, observer.token), None)
            self._server.forget(observer.source, observer.token)
            observer.source = peer.source
            self._by_token[(observer.source, observer.token)] = kid
        if observer.under_way is None:
            if observer.dirty:
                self.poke(kid)
        elif moved or asyncio.get_running_loop().time() - observer.sent_s > _EAGER_S:
            self._server.forget(observer.source, observer.token)
            observer.under_way = None
            self.poke(kid)

    def answered_command(self, kid: bytes) -> None:
        """There may be room in the list for what was left out."""
        observer = self._observers.get(kid)
        if observer is not None and observer.partial:
            self.poke(kid)

    def settle(self) -> None:
        """Take in what became of notifications."""
        for outcome, source, token in self._server.outcomes():
            kid = self._by_token.get((source, token))
            observer = self._observers.get(kid) if kid is not None else None
            if kid is None or observer is None:
                continue
            told, observer.under_way = observer.under_way, None
            if outcome == ACKED:
                if told:
                    task = asyncio.create_task(self._delivered(kid, told))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
                if observer.dirty:
                    self.poke(kid)
            elif outcome == RESET:
                self._log.info("observer.gone", kid=kid)
                self.remove(kid)
            else:
                # Out of reach. It is told again as soon as it speaks, wherever from.
                observer.dirty = True
                self._log.info("observer.silent", kid=kid)

    async def _notify(self, kid: bytes, observer: _Observer) -> None:
        try:
            terminal = self._registry.by_kid(kid)
            if terminal is not None and terminal.state != ENROLLED:
                return
            while terminal is not None and observer.dirty and observer.under_way is None:
                observer.dirty = False
                await self._tell(terminal, observer)
        except ContextError:
            self.gone(observer.entry)
        except (JournalError, Misuse) as error:
            observer.dirty = True  # told when the terminal speaks again
            event = "command.untold" if isinstance(error, JournalError) else "observer.failed"
            self._log.seldom("error", event, kid=kid, error=str(error))
        finally:
            observer.running = False

    async def _tell(self, terminal: Terminal, observer: _Observer) -> None:
        peer = await self._peers.load(observer.entry, terminal)
        peer.busy += 1
        try:
            await self._send_list(peer, observer)
        finally:
            peer.busy -= 1

    async def _send_list(self, peer: Peer, observer: _Observer) -> None:
        kid = peer.terminal.kid
        waiting = await self._journal.read(lambda tx: tx.open_commands(kid))
        payload, numbers = commands.listing(waiting, self._clock.wall_ms())
        if not peer.may_send():
            await peer.persist(self._clock.wall_ms()).write(self._journal, lambda tx: None)
        if self._observers.get(kid) is not observer:
            return
        if numbers and observer.under_way is None:
            observer.partial = len(numbers) < len(waiting)
            options = [
                (coap.OBSERVE, coap.uint_option(peer.context.sequence & 0xFFFFFF)),
                (coap.CONTENT_FORMAT, CBOR_FORMAT),
            ]
            inner = Message(coap.CON, coap.CONTENT, options=options, payload=payload)
            outer = peer.context.protect_response(inner, observer.binding, fresh=True)
            # Those that it had before are in the list once more, until it answers: nothing new to write down.
            observer.under_way = [c.id for c in waiting if c.id in numbers and c.state == QUEUED]
            observer.sent_s = asyncio.get_running_loop().time()
            self._server.notify(observer.source, observer.token, outer, int(self._clock.mono_ms()))
            self.flush()

    async def _delivered(self, kid: bytes, numbers: list[int]) -> None:
        terminal = self._registry.by_kid(kid)
        if terminal is None:
            return
        now_ms = self._clock.wall_ms()

        def work(tx: Transaction) -> bool:
            commands.delivered(tx, self._prefix, terminal, numbers, now_ms)
            return tx.noticed

        try:
            noticed = await self._journal.write(work)
        except JournalError as error:
            self._log.seldom("error", "command.unrecorded", kid=kid, error=str(error))
            return
        self._log.info("command.delivered", kid=kid, commands=numbers)
        if noticed:
            self.on_notices()


def _order(entry: Entry, binding: Binding) -> tuple[int, int]:
    return entry.generation, int.from_bytes(binding.piv, "big")
