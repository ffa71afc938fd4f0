"""What an operator asks for by the broker: stored, with its result, before the broker may forget it."""

import asyncio
from collections.abc import Callable

from gateway import audit, authority, commands, panics, requests
from gateway.clock import Clock
from gateway.config import Config
from gateway.journal.base import Journal, JournalError, Transaction
from gateway.journal.records import Terminal
from gateway.log import Log
from gateway.mqtt import Incoming, Link
from gateway.registry import Registry
from gateway.topics import unit_topic

_BY = ["command", "by"]
# A request that could not be stored is tried again after this.
RETRY_S = 1.0


class Orders:
    """`on_placed(terminal, facts)` hears of each that is on the disk."""

    def __init__(self, config: Config, journal: Journal, registry: Registry, log: Log, clock: Clock) -> None:
        self._config = config
        self._journal = journal
        self._registry = registry
        self._log = log
        self._clock = clock
        self._prefix = config.text("northbound.prefix")
        self.on_placed: Callable[[Terminal, list[panics.Fact]], None] = lambda terminal, facts: None

    async def take(self, link: Link, incoming: Incoming) -> None:
        """A request of an operator: stored, with its result, before the broker may forget it."""
        place, named = _addressed(incoming.topic[len(self._prefix) + 1 :].split("/"))
        terminal = None if place is None else self._registry.by_unit(*place)
        if terminal is None or incoming.retain:
            # A retained command would come again with every connection.
            reason = "no such unit" if terminal is None else "commands must not be retained"
            self._log.warning("command.refused", topic=incoming.topic[:200], reason=reason)
            link.confirm(incoming)
            return
        own = f"{unit_topic(self._prefix, terminal)}/command/result"
        reply = requests.reply_topic(incoming.response_topic, self._prefix)
        now_ms = self._clock.wall_ms()
        expire_s, limit = self._config.whole("commands.expire_s"), self._config.whole("commands.per_terminal")
        before = self._registry.before(terminal)
        mode, unit = self._config.text("commands.authorisation"), "/".join(place or ())

        def work(tx: Transaction) -> commands.Placed:
            asked = authority.Asked(incoming.payload, named, audit.NONE)
            try:
                asked = authority.who(tx, incoming.payload, named)
                request = requests.parse(asked.payload, reply, incoming.correlation)
                request = authority.permit(tx, mode, asked, request, terminal, now_ms, expire_s)
            except requests.BadRequest as error:
                refusal = requests.refusal(asked.payload, str(error), now_ms)
                for topic in {own, reply or own}:
                    tx.add_notice(terminal.kid, topic, refusal, incoming.correlation, now_ms)
                audit.note(tx, now_ms, asked.actor, asked.proof, "command", unit, "refused", str(error))
                return commands.Placed("refused", str(error), 0, [])
            whose = commands.addressee(tx, terminal, before, request)
            placed = commands.place(tx, self._prefix, whose, request, now_ms, expire_s, limit)
            audit.command(tx, now_ms, request, asked.proof, unit, placed.result, placed.reason)
            return placed

        try:
            placed = await self._place(link, incoming, work)
        except Exception as error:
            # Unconfirmed it would come with each connection, and hold a place that an acknowledgement needs.
            self._log.error(
                "internal", topic=incoming.topic[:200], error=f"{type(error).__name__}: {error}"[:400]
            )
            link.confirm(incoming)
            return
        if placed is None:
            return
        link.confirm(incoming)
        self._log.info(
            f"command.{placed.result}", kid=terminal.kid, command=placed.number, reason=placed.reason
        )
        self.on_placed(terminal, placed.facts)

    async def _place(
        self, link: Link, incoming: Incoming, work: Callable[[Transaction], commands.Placed]
    ) -> commands.Placed | None:
        """Tried until the disk takes it. None when the connection ended: what is not confirmed comes again
        with the next one, and only then, which may be days away."""
        while True:
            try:
                return await self._journal.write(work)
            except JournalError as error:
                self._log.seldom("error", "command.unstored", topic=incoming.topic[:200], error=str(error))
            await asyncio.sleep(RETRY_S)
            if not link.up or not incoming.qos:
                return None


def _addressed(levels: list[str]) -> tuple[tuple[str, str, str] | None, str]:
    """(directorate, station, unit) and who asks, of `.../command` and `.../command/by/<operator>`."""
    if len(levels) == 4:
        return (levels[0], levels[1], levels[2]), ""
    if len(levels) == 6 and levels[3:5] == _BY and levels[5]:
        return (levels[0], levels[1], levels[2]), levels[5]
    return None, ""
