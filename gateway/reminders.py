"""Alarms that nobody acknowledged, told once more: now and then, and at once on a new connection: the broker
may have forgotten what it had confirmed."""

import asyncio

from gateway import panics
from gateway.clock import Clock
from gateway.config import Config
from gateway.journal.base import Journal, JournalError
from gateway.northbound import unit_topic
from gateway.registry import Registry
from gateway.relay import Relay

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
        now_ms = self._clock.wall_ms()
        reminders: list[tuple[str, bytes]] = []
        for panic, row in await self._journal.read(panics.waiting):
            terminal = self._registry.by_kid(panic.kid)
            if terminal is not None and (panic.accepted_ms or panic.opened_ms) <= oldest_ms:
                topic = f"{unit_topic(self._prefix, terminal)}/panic"
                reminders.append((topic, panics.reminder(terminal, row, panic, now_ms)))
        self._relay.remind(reminders)
