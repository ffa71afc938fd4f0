"""Alarms that nobody acknowledged, told once more: now and then, and at once on a new connection: the broker
may have forgotten what it had confirmed."""

import asyncio

from gateway import panics
from gateway.clock import Clock
from gateway.config import Config
from gateway.journal.base import Journal, JournalError
from gateway.journal.records import Panic, Row
from gateway.registry import Registry
from gateway.relay import Relay
from gateway.topics import unit_topic

# A thousand alarms that nobody acknowledged must not stand in the way of a fresh one, nor hold up answers: a
# few are read, made and sent at a time, with a pause: 320 a second at most.
_FEW = 16
_PAUSE_S = 0.05
# Pauses before each of the tellings on a new connection.
AFTER_S = (0.0, 3.0, 10.0)


class Reminders:
    """One of those that share a journal does it for all."""

    def __init__(
        self, config: Config, journal: Journal, registry: Registry, relay: Relay, clock: Clock
    ) -> None:
        self._config = config
        self._journal = journal
        self._registry = registry
        self._relay = relay
        self._clock = clock
        self._prefix = config.text("northbound.prefix")

    async def round(self) -> None:
        """Those that wait for long enough. Half the time, since a round comes only once in it: the first
        reminder is never twice as late."""
        await self._tell(self._clock.wall_ms() - self._config.whole("panic.republish_s") * 500)

    async def anew(self) -> None:
        """A connection to the broker was made: all that were told on an earlier one. Consumers come back in
        their own time."""
        began_ms = self._clock.wall_ms()
        for pause_s in AFTER_S:
            await asyncio.sleep(pause_s)
            try:
                await self._tell(began_ms)
            except JournalError:
                return  # said by the journal; the next round is not far

    async def _tell(self, oldest_ms: int) -> None:
        if not self._journal.leading:
            return
        alarms = await self._journal.read(lambda tx: panics.waiting(tx, oldest_ms))
        while alarms and self._relay.connected:  # the next connection begins anew
            if not self._relay.reminding:
                few, alarms = alarms[:_FEW], alarms[_FEW:]
                await self._tell_few(few)
            if alarms:
                await asyncio.sleep(_PAUSE_S)

    async def _tell_few(self, few: list[tuple[bytes, int]]) -> None:
        """As they are now: some may have been acknowledged since the round began."""
        still = await self._journal.read(lambda tx: tx.still_waiting(few))
        self._relay.remind([made for panic, row in still if (made := self._reminder(panic, row))])

    def _reminder(self, panic: Panic, row: Row | None) -> tuple[str, bytes] | None:
        terminal = self._registry.by_kid(panic.kid)
        if terminal is None:
            return None
        topic = f"{unit_topic(self._prefix, terminal)}/panic"
        return topic, panics.reminder(terminal, row, panic, self._clock.wall_ms())
