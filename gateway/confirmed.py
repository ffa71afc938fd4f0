"""What the broker confirmed and the journal does not know yet."""

import asyncio
from collections import deque

from gateway import panics
from gateway.clock import Clock
from gateway.journal.base import Journal, JournalError, Transaction
from gateway.journal.records import Notice, Row
from gateway.log import Log
from gateway.told import told

# While the disk takes nothing, so many wait in memory; then nothing more is sent to the broker.
MOST = 2048
_PAUSE_S = 0.5
# Confirmations are marked together while more are on their way: a mark is a commit.
_TOGETHER = 512
TOGETHER_S = 0.05


class Confirmed:
    """Rows and notices in the order of their confirmations; `save` makes them durable. `dropped`: notices
    that the latest one deleted. `urgent`: an alarm's terminal waits to be told."""

    def __init__(self, journal: Journal, log: Log, clock: Clock) -> None:
        self._journal = journal
        self._log = log
        self._clock = clock
        self._rows: deque[Row] = deque()
        self._notices: list[int] = []
        self.saved = 0
        self.dropped: list[int] = []
        self.urgent = False
        self._saved_ms = 0.0

    def __len__(self) -> int:
        return len(self._rows) + len(self._notices)

    @property
    def full(self) -> bool:
        return len(self) >= MOST

    @property
    def ids(self) -> list[int]:
        """Rows that need not be sent again on a new connection."""
        return [row.id for row in self._rows]

    def due(self, more: bool) -> bool:
        """Enough to be marked, or nothing else is to be waited for. `more`: the broker owes us others."""
        if not self:
            return False
        if self.urgent or not more or len(self) >= _TOGETHER:
            return True
        return self._clock.mono_ms() - self._saved_ms >= TOGETHER_S * 1000

    def add_row(self, row: Row) -> None:
        self._rows.append(row)
        if row.panic is not None:
            self.urgent = True

    def add_notice(self, notice: Notice) -> None:
        self._notices.append(notice.id)

    async def save(self) -> tuple[list[int], list[panics.Fact]]:
        """(ids that are marked now, stages that alarms reached by it); nothing when the disk fails."""
        self.dropped = []
        if not self:
            return [], []
        rows, dropped = list(self._rows), list(self._notices)
        self.urgent = False
        self._saved_ms = self._clock.mono_ms()
        now_ms = self._clock.wall_ms()

        def work(tx: Transaction) -> list[panics.Fact]:
            tx.mark_relayed([row.id for row in rows], now_ms)
            tx.drop_notices(dropped)
            facts: list[panics.Fact] = []
            for row in rows:
                if row.panic is not None:
                    facts += panics.accepted(tx, row.kid, row.panic, now_ms)
            return facts

        try:
            facts = await self._journal.write(work)
        except JournalError as error:
            # They stay in memory: sent again only after a restart, marked as soon as the disk is back.
            self._log.seldom("error", "relay.unmarked", error=str(error), frames=len(rows))
            await asyncio.sleep(_PAUSE_S)
            return [], []
        for _ in rows:
            self._rows.popleft()
        del self._notices[: len(dropped)]
        self.dropped = dropped
        self.saved += len(rows)
        told(self._log, rows, relayed=True)
        return [row.id for row in rows], facts
