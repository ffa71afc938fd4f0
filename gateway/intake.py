"""From checked form to durable: signatures, then a transaction, then whoever waits is told.

What comes while signatures are checked is checked together, and what comes while a commit is under way
becomes the next one: the more there is to do, the more share one hop and one fsync, and with nothing to wait
for there is no delay. At each of the two places an urgent request goes before all others.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from gateway import panics
from gateway.clock import Clock
from gateway.frames import URGENT, Checked, Refused, read
from gateway.journal.base import ContextError, Journal, JournalError, Transaction
from gateway.journal.records import Claimed, NewFrame, Row, Terminal, made
from gateway.log import Log
from gateway.security import Peer, State
from gateway.told import told
from gateway.topics import KINDS
from gateway.verifier import Verifier
from protocol import cbor, coap, report

STAGE_STORED = 3
# Requests in one transaction: an alarm that comes now waits for no more than these.
_GROUP = 256
# While more wait to be checked, a commit waits for so many: each one is some wake-ups, an fsync, and pages
# that the next one writes once more. 64 of them cost 3 % of all that the gateway does. An alarm never waits.
_LEAST = 160
# And after the one before began it waits so long, unless something urgent comes. Most take longer anyway.
_PACE_S = 0.005
# Frames that are told of as they are stored: whether a car is on duty.
_TOLD = (report.KIND_STATUS, report.KIND_PANIC)
OnFrame = Callable[[Transaction, Terminal, NewFrame, dict[int, Any], int], None]


@dataclass(frozen=True, slots=True)
class Stored:
    """What became durable in one transaction: rows that were new, with their reports, and the stages reached.
    `handed`: ids of rows that another node relays; `called`, `commanded`, `noticed`: see
    `base.Transaction`."""

    rows: list[tuple[Row, dict[int, Any]]]
    facts: list[panics.Fact]
    conflicts: list[tuple[bytes, NewFrame]]
    repeats: int
    handed: frozenset[int] = frozenset()
    commanded: frozenset[bytes] = frozenset()
    noticed: bool = False
    called: int = 0


class Posted:
    """The frames of one request, under way. `done(posted, error)` is called once: None when they are durable;
    Refused, ContextError, JournalError or what else went wrong, and then nothing of it was stored."""

    __slots__ = ("checked", "context", "done", "peer", "state", "urgent")

    def __init__(
        self,
        peer: Peer,
        checked: list[Checked],
        state: State,
        urgent: bool,
        done: "Callable[[Posted, Exception | None], None]",
        context: Any,
    ) -> None:
        self.peer = peer
        self.checked = checked
        self.state = state
        self.urgent = urgent
        self.done = done
        self.context = context


class Intake:
    """`put` takes what is to be stored. `on_stored(stored)` is called with all that one transaction brought,
    in the order of the transactions, after those who waited were told; `on_frame(tx, terminal, new, fields,
    now_ms)` in it, for each new status and alarm."""

    def __init__(self, journal: Journal, verifier: Verifier, log: Log, clock: Clock, prefix: str) -> None:
        self._journal = journal
        self._verifier = verifier
        self._log = log
        self._clock = clock
        self._prefix = prefix
        self._loop = asyncio.get_running_loop()
        self._urgent: deque[Posted] = deque()
        self._bulk: deque[Posted] = deque()
        self._first: list[Posted] = []
        self._good: deque[Posted] = deque()
        self._looking = False
        self._writing = False
        self._began_s = -math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle: asyncio.Future[None] | None = None
        self.waiting = 0  # requests under way
        self.stored = 0
        self.repeats = 0
        self.conflicts = 0
        self.on_stored: Callable[[Stored], None] = lambda stored: None
        self.on_frame: OnFrame = lambda tx, terminal, new, fields, now_ms: None

    def put(self, posted: Posted) -> None:
        """`posted.done` is called later, never from here."""
        self.waiting += 1
        (self._urgent if posted.urgent else self._bulk).append(posted)
        if not self._looking:
            # Not before the datagrams that came with it were read.
            self._looking = True
            self._loop.call_soon(self._look)

    async def take(self, peer: Peer, payload: bytes, state: State) -> None:
        """Returns when the frames are durable. Raises Refused, then nothing was stored; JournalError and
        ContextError likewise."""
        checked = read(payload, peer.terminal.kid)
        future: asyncio.Future[None] = self._loop.create_future()
        urgent = any(one.new.kind in URGENT for one in checked)
        self.put(Posted(peer, checked, state, urgent, _settle, future))
        await future

    async def quiet(self) -> None:
        """Returns when nothing is under way."""
        while self.waiting:
            if self._idle is None:
                self._idle = self._loop.create_future()
            await asyncio.shield(self._idle)

    def receipt(self) -> bytes:
        """The payload of 2.04."""
        return cbor.encode({0: self._clock.wall_ms(), 1: STAGE_STORED})

    # --- signatures

    def _look(self) -> None:
        self._looking = False
        verifier, urgent, bulk = self._verifier, self._urgent, self._bulk
        while share := verifier.share(len(urgent) + len(bulk), hurry := bool(urgent)):
            batch = [urgent.popleft() if urgent else bulk.popleft() for _ in range(share)]
            claims = [[(p.peer.key, c.signed, c.signature) for c in p.checked] for p in batch]
            verifier.check(claims, hurry, partial(self._verified, batch))

    def _verified(self, batch: list[Posted], outcome: list[list[bool]] | Exception) -> None:
        for index, posted in enumerate(batch):
            if isinstance(outcome, Exception):
                self._end(posted, outcome)
            elif not all(outcome[index]):
                wrong = outcome[index].index(False)
                self._end(posted, Refused(coap.BAD_REQUEST, f"frame {wrong}: signature", "signature"))
            elif posted.urgent:
                self._first.append(posted)
            else:
                self._good.append(posted)
        self._look()
        self._store()

    # --- storage

    def _store(self) -> None:
        if not self._first:
            if self._writing or (len(self._good) < _LEAST and self._bulk):
                return
            if 0 < len(self._good) < _LEAST:
                wait = self._began_s + _PACE_S - self._loop.time()
                if wait > 0:
                    if self._timer is None:
                        self._timer = self._loop.call_later(wait, self._due)
                    return
        batch, self._first = self._first, []
        if not self._writing:
            self._writing = True
            good = self._good
            while good and len(batch) < _GROUP:
                batch.append(good.popleft())
            if not batch:
                self._writing = False
                return
            self._began_s = self._loop.time()
            self._spawn(self._next(batch))
        else:
            # An alarm joins the group that the journal makes next.
            self._spawn(self._write(batch))

    def _due(self) -> None:
        self._timer = None
        # The pause is over. Asked of the clock again it might lack a last bit, and begin anew, and again.
        self._began_s = -math.inf
        self._store()

    async def _next(self, batch: list[Posted]) -> None:
        try:
            await self._write(batch)
        finally:
            self._writing = False
            self._store()

    async def _write(self, batch: list[Posted]) -> None:
        now_ms = self._clock.wall_ms()
        try:
            claimed, stored = await self._journal.write(lambda tx: self._work(tx, batch, now_ms))
        except JournalError as error:
            for posted in batch:
                self._end(posted, error)
            return
        except Exception as error:
            if len(batch) == 1:
                self._end(batch[0], error)
                return
            # One of them is wrong, and nobody's disk: each alone, so that the others don't suffer.
            for posted in batch:
                await self._write([posted])
            return
        for posted, outcome in zip(batch, claimed, strict=True):
            if isinstance(outcome, ContextError):
                self._end(posted, outcome)
            else:
                posted.state.committed(outcome)
                self._end(posted, None)
        self._tell(stored)
        self.on_stored(stored)

    def _work(
        self, tx: Transaction, batch: list[Posted], now_ms: int
    ) -> tuple[Sequence[Claimed | ContextError], Stored]:
        # Other works of the same commit tell of their own.
        before, noticed = frozenset(tx.commanded), tx.noticed
        claimed = tx.claim([posted.state.claim for posted in batch])
        items: list[tuple[Terminal, Checked]] = []
        for posted, outcome in zip(batch, claimed, strict=True):
            # Who may not use this number any more has nothing stored either.
            if not isinstance(outcome, ContextError):
                terminal = posted.peer.terminal
                items += [(terminal, one) for one in posted.checked]
        placed = tx.insert_frames([(terminal.kid, one.new) for terminal, one in items], now_ms)
        rows: list[tuple[Row, dict[int, Any]]] = []
        facts: list[panics.Fact] = []
        conflicts: list[tuple[bytes, NewFrame]] = []
        repeats = 0
        for (terminal, (new, fields, _, _)), (number, conflict) in zip(items, placed, strict=True):
            if number == 0 and not conflict:
                repeats += 1
                continue
            kid = terminal.kid
            panic = None
            if new.panic is not None:
                panic = new.panic[0]
                facts += panics.note_frame(tx, self._prefix, terminal, new, number, conflict, now_ms)
            if new.kind in _TOLD:
                self.on_frame(tx, terminal, new, fields, now_ms)
            if conflict:
                conflicts.append((kid, new))
                continue
            row = made(Row, (number, kid, new.boot, new.seq, new.kind, panic, now_ms, None, new.frame))
            rows.append((row, fields))
        handed, commanded = frozenset(tx.handed), frozenset(tx.commanded - before)
        noticed = tx.noticed > noticed
        return claimed, Stored(rows, facts, conflicts, repeats, handed, commanded, noticed, tx.called)

    def _tell(self, stored: Stored) -> None:
        self.stored += len(stored.rows)
        self.repeats += stored.repeats
        self.conflicts += len(stored.conflicts)
        told(self._log, [row for row, _ in stored.rows])
        for kid, new in stored.conflicts:
            self._log.error("frame.conflict", kid=kid, boot=new.boot, seq=new.seq, kind=KINDS[new.kind])

    def _end(self, posted: Posted, error: Exception | None) -> None:
        self.waiting -= 1
        if error is not None:
            posted.state.failed()
        try:
            posted.done(posted, error)
        except Exception as wrong:
            # One answer that cannot be given must not cost the others theirs.
            self._log.error("answer.failed", error=f"{type(wrong).__name__}: {wrong}")
        if self._idle is not None and not self.waiting:
            self._idle.set_result(None)
            self._idle = None

    def _spawn(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _settle(posted: Posted, error: Exception | None) -> None:
    future: asyncio.Future[None] = posted.context
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
