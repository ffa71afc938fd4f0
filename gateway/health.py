"""Is the service alive, and may terminals be sent to it? For a supervisor, a balancer, a person with curl."""

import asyncio
import json
from collections.abc import Awaitable, Callable

from gateway.clock import Clock
from gateway.http import JSON, Page
from gateway.journal.base import Journal, JournalError
from gateway.log import Log

# A commit that takes longer is stuck: the disk does not answer, or another process holds the journal.
STUCK_S = 10.0


class Health:
    """`failed` is called when a commit failed, `worked` when something got to the disk, `draining` set when
    the service ends. `facts()` adds what else is worth showing. `failures` counts since the start."""

    def __init__(
        self, journal: Journal, clock: Clock, log: Log, facts: Callable[[], dict[str, object]]
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._log = log
        self._facts = facts
        self._trouble = ""
        self._before = 0
        self.failures = 0
        self.draining = False

    def failed(self, message: str) -> None:
        if not self._trouble:
            self._before = self.failures
        self.failures += 1
        self._trouble = message
        self._log.seldom("error", "journal.failed", error=message)

    def worked(self) -> None:
        if self._trouble:
            self._trouble = ""
            self._log.seldom("info", "journal.well", failures=self.failures - self._before)

    async def alive(self) -> str:
        """Empty, or what is wrong so badly that only a new start can help. A full disk is not: the terminals
        keep their frames, and a new start has no more room either."""
        try:
            async with asyncio.timeout(STUCK_S):
                await self._journal.write(lambda tx: None)
        except TimeoutError:
            return f"the journal has not answered for {STUCK_S:.0f} s"
        except JournalError:
            pass
        return ""

    async def ready(self) -> str:
        """Empty, or why no terminal should be sent here now. The broker is no reason: frames wait for it in
        the journal."""
        if self.draining:
            return "ending"
        if self._trouble:
            # Nobody may come any more to show that the disk works again: try it ourselves.
            now_ms = self._clock.wall_ms()
            try:
                async with asyncio.timeout(STUCK_S):
                    await self._journal.write(lambda tx: tx.mark_alive(now_ms))
                self.worked()
            except (JournalError, TimeoutError) as error:
                self._trouble = str(error) or f"the journal has not answered for {STUCK_S:.0f} s"
        return self._trouble or await self.alive()

    def pages(self) -> dict[str, Callable[[], Awaitable[Page]]]:
        return {"/healthz": self._healthz, "/readyz": self._readyz}

    async def _healthz(self) -> Page:
        return self._page(await self.alive())

    async def _readyz(self) -> Page:
        return self._page(await self.ready())

    def _page(self, trouble: str) -> Page:
        body = {"status": "failing" if trouble else "ok", **({"reason": trouble} if trouble else {})}
        text = json.dumps({**body, **self._facts()}, ensure_ascii=False) + "\n"
        return Page(503 if trouble else 200, text.encode(), JSON)
