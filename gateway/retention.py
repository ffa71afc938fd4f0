"""Frames and rows of the audit log that were kept long enough: pruned beside the service, in small steps.

What may be pruned is the journal's to say (`gateway/journal/retention.py`); here is when, and how fast.
"""

import asyncio

from gateway.clock import Clock
from gateway.config import Config
from gateway.journal.base import Journal, JournalError
from gateway.journal.retention import DAY_MS, Pruned
from gateway.log import Log
from gateway.topics import KINDS

# Between two rounds, once everything old is gone.
REST_S = 600.0
# What had to stay is looked at again after this.
_AGAIN_MS = DAY_MS
# Requests waiting for the disk: those go first.
_BUSY = 32


class _Sweep:
    """Kinds that are kept for the same time, and how far they are done."""

    def __init__(self, days: int, kinds: list[int]) -> None:
        self.days = days
        self.kinds = kinds
        self.cursor = 0
        self.kept: int | None = None
        self.again_ms = 0


class Retention:
    """`run` prunes until it is cancelled."""

    def __init__(self, config: Config, journal: Journal, log: Log, clock: Clock) -> None:
        self._journal = journal
        self._log = log
        self._clock = clock
        self._step = config.whole("retention.step")
        self._pause_s = config.whole("retention.pause_ms") / 1000
        periods: dict[int, list[int]] = {}
        for kind, name in KINDS.items():
            if days := config.whole(f"retention.{name}_days"):
                periods.setdefault(days, []).append(kind)
        self._audit_days = config.whole("retention.audit_days")
        self._sweeps = [_Sweep(days, kinds) for days, kinds in sorted(periods.items())]
        self.deleted = 0

    @property
    def idle(self) -> bool:
        """Everything is kept for ever."""
        return not (self._sweeps or self._audit_days)

    async def run(self) -> None:
        while not self.idle:
            await self.round()
            await asyncio.sleep(REST_S)

    async def round(self) -> int:
        """Delete all that is old by now; how many frames that was."""
        before = self.deleted
        for sweep in self._sweeps:
            try:
                await self._all(sweep)
            except JournalError as error:
                self._log.error("retention.failed", error=str(error))
        try:
            await self._audit()
        except JournalError as error:
            self._log.error("retention.failed", error=str(error))
        if self.deleted > before:
            self._log.info("retention.pruned", count=self.deleted - before)
        return self.deleted - before

    async def _all(self, sweep: _Sweep) -> None:
        now_ms = self._clock.wall_ms()
        if sweep.kept is not None and now_ms >= sweep.again_ms:
            sweep.cursor, sweep.kept = sweep.kept - 1, None
        while self._journal.leading:
            if self._journal.waiting < _BUSY:
                done = await self._one(sweep)
                if done.done:
                    return
            await asyncio.sleep(self._pause_s)

    async def _one(self, sweep: _Sweep) -> Pruned:
        now_ms = self._clock.wall_ms()
        before_ms = dict.fromkeys(sweep.kinds, now_ms - sweep.days * DAY_MS)
        after, step = sweep.cursor, self._step
        done = await self._journal.write(lambda tx: tx.prune(after, step, before_ms, now_ms))
        sweep.cursor = done.last
        if done.kept is not None and sweep.kept is None:
            sweep.kept, sweep.again_ms = done.kept, now_ms + _AGAIN_MS
        self.deleted += done.deleted
        return done

    async def _audit(self) -> None:
        step, count = self._step, 0
        before_ms = self._clock.wall_ms() - self._audit_days * DAY_MS
        while self._audit_days and self._journal.leading:
            if self._journal.waiting < _BUSY:
                gone = await self._journal.write(lambda tx: tx.prune_audit(before_ms, step))
                count += gone
                if gone < step:
                    break
            await asyncio.sleep(self._pause_s)
        if count:
            self._log.info("retention.audit", count=count)
