"""From the journal to the broker: every frame, in order for each terminal, marked when the broker has
confirmed it.

What is committed comes in by `offer`. While the broker keeps up, rows go straight to it; when it is away or
slow they are read from the journal later, so memory stays bounded and a restart goes on where it was. A
terminal with a fresh alarm is served before the others, its older frames first. Nothing of this outlives a
connection: what was under way when it broke is sent again on the next one (the same name, so a consumer can
drop the repeat).
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from gateway import panics
from gateway.announcements import Announcements
from gateway.clock import Clock
from gateway.config import Config
from gateway.confirmed import TOGETHER_S, Confirmed
from gateway.connector import Connector
from gateway.gauges import Timings
from gateway.intake import Stored
from gateway.journal.base import Journal
from gateway.lifecycle import Lifecycle
from gateway.log import Log
from gateway.machine import Machine
from gateway.mqtt import Incoming, Link
from gateway.newest import Newest
from gateway.northbound import fields_of, publications
from gateway.queues import Backlog
from gateway.registry import Registry
from gateway.replay import Replays
from gateway.told import name
from gateway.waiting import Waiting

# Rows that wait in memory, some kilobytes each at most; others are read from the journal again, which costs
# as much as all else that is done with a frame.
KEPT = 4096
# What the broker refused is tried again after this.
HOLD_S = 30.0
_LOOK_S = 5.0


class Relay(Lifecycle):
    """`on_command(link, incoming)` gets what operators send; `on_facts(facts)` the stages that PUBACKs
    bring."""

    def __init__(
        self,
        config: Config,
        journal: Journal,
        registry: Registry,
        log: Log,
        clock: Clock,
        machine: Machine,
        random16: Callable[[], int],
    ) -> None:
        super().__init__(log, clock, Connector(config, log, clock, machine, random16))
        self._journal = journal
        self._registry = registry
        self._prefix = config.text("northbound.prefix")
        self._stall_ms = config.whole("broker.stall_ms")
        self._backlog = Backlog(KEPT)
        self._announcements = Announcements(journal, self._prefix)
        self.replays = Replays(config, journal, registry, log, clock)
        self.replays.wake = self._wake.set
        self._waiting = Waiting(journal, self._backlog, self._announcements, self.replays)
        self._confirmed = Confirmed(journal, log, clock)
        self._look_ms = 0.0  # when to look next
        self._look_s = machine.look_s
        self._newest = Newest()
        self._marking: asyncio.Task[None] | None = None
        self.timings = Timings()
        self._resting = False  # nothing is being read just now
        self.on_command: Callable[[Link, Incoming], None] = lambda link, incoming: None
        self.on_facts: Callable[[list[panics.Fact]], None] = lambda facts: None
        self.holds: Callable[[], bool] = lambda: True  # what waits here is ours to send
        self.on_up: Callable[[], None] = lambda: None

    # --- what the rest of the gateway calls

    def offer(self, stored: Stored) -> None:
        """Rows that were just committed, ascending."""
        self._backlog.offer(stored.rows)
        self._wake.set()

    def doubt(self) -> None:
        """A commit failed. It may have been kept all the same: what comes next is read from the journal, so
        that no frame overtakes another of its terminal."""
        self._backlog.doubt()

    def notices_waiting(self) -> None:
        """Results or stages were committed."""
        self._announcements.more()
        self._wake.set()

    def stir(self) -> None:
        """There may be rows for us that nobody offered: another node left them, or stored them for us."""
        self._waiting.stir()
        self._wake.set()

    def lapsed(self) -> None:
        """For a while another node could take what is ours, or we took what was another's."""
        self._waiting.lapsed()
        self._wake.set()

    def remind(self, reminders: list[tuple[str, bytes]]) -> None:
        """(topic, payload) of alarms to tell once more, a few at a time: best effort, within the window."""
        self._announcements.remind(reminders)
        self._wake.set()

    @property
    def reminding(self) -> bool:
        """There are reminders that were not sent yet."""
        return self._announcements.reminding

    @property
    def relayed(self) -> int:
        """Frames that the broker confirmed since the start, as the journal knows."""
        return self._confirmed.saved

    @property
    def settled(self) -> bool:
        """All that is stored is at the broker and marked, or there is no broker to bring it to."""
        if not self.connected:
            return True
        under_way = self.in_flight or self._confirmed or self._wake.is_set()
        return self._resting and not (self._waiting.any or under_way)

    # --- the connection

    async def _begin(self) -> None:
        await self._marked()
        first = await self._journal.read(lambda tx: tx.first_unrelayed())
        self._waiting.restart(first, self._confirmed.ids)
        # This broker may have forgotten what it had confirmed.
        self.on_up()

    async def _end(self) -> None:
        await self._marked()
        await self._mark()

    def _incoming(self, link: Link, incoming: Incoming) -> None:
        if incoming.topic == self.replays.topic:
            self.replays.ask(link, incoming)
        else:
            self.on_command(link, incoming)

    # --- the work

    async def _work(self) -> None:
        """Until the connection breaks. What was committed just now goes out while marks are under way; reads
        wait for them, as they would bring again what is being marked."""
        while not self._down.is_set() and not self._stopping:
            self._wake.clear()
            self._begin_marking()
            self._pump()
            if self._wants_read:
                await self._marked()
                await self._waiting.read()
                self._pump()
            if self._idle():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._pause_s):
                        self._resting = True
                        await self._wake.wait()
                self._resting = False
            if self._clock.mono_ms() >= self._look_ms:
                await self._look()

    @property
    def _pause_s(self) -> float:
        """How long to rest if nobody wakes us."""
        if self._confirmed and self._marking is None:
            return TOGETHER_S
        return self.replays.pause_s or max(0.0, self._look_ms - self._clock.mono_ms()) / 1000

    def _begin_marking(self) -> None:
        if self._marking is not None and self._marking.done():
            self._marking.result()
            self._marking = None
        if self._marking is None and self._confirmed.due(self.in_flight > 0):
            self._marking = asyncio.create_task(self._mark())
            self._marking.add_done_callback(lambda _: self._wake.set())

    async def _marked(self) -> None:
        """Wait until nothing is being marked."""
        if self._marking is not None:
            await self._marking
            self._marking = None

    async def _look(self) -> None:
        """Now and then, also when busy: is the broker there, and did we miss something? (A commit that the
        disk reported as failed may have been kept.)"""
        now_ms = self._clock.mono_ms()
        self._look_ms = now_ms + 1000 * self._look_s(_LOOK_S)
        stalled = now_ms - self._progress_ms > self._stall_ms
        if stalled and self._outgoing is not None and self._outgoing.count:
            self._went_down("the broker confirms nothing")
            return
        await self._marked()
        if self._backlog.missed(await self._journal.read(lambda tx: tx.first_unrelayed())):
            self._log.error(
                "relay.missed", error="a stored frame was not in the queue; reading again from there"
            )

    def _idle(self) -> bool:
        """Nothing can be done before somebody wakes us."""
        if self._wake.is_set() or (self._marking is None and self._confirmed.due(self.in_flight > 0)):
            return False
        outgoing = self._outgoing
        if outgoing is None or not outgoing.room or self._confirmed.full or not self.holds():
            return True
        if self._waiting.ready:
            return False
        return not (self.replays.wants_read or (self.replays.ready and outgoing.slack))

    @property
    def _wants_read(self) -> bool:
        """There is room, and what goes next is in the journal."""
        if self._outgoing is None or not self._outgoing.room or self._confirmed.full or not self.holds():
            return False
        return self._waiting.wants_read

    def _pump(self) -> None:
        outgoing = self._outgoing
        if outgoing is None or self._confirmed.full or not self.holds():
            return
        if not outgoing.count:
            self._progress_ms = self._clock.mono_ms()
        self._announcements.pump(outgoing)
        while outgoing.room:
            item = self._backlog.take()
            if item is None:
                break
            row, fields = item
            terminal = self._registry.by_kid(row.kid)
            if terminal is None:
                # The registry's rows are never deleted; a foreign journal was put in place.
                self._log.error("relay.orphan", **name(row))
                self._backlog.hold(row)
                continue
            try:
                known = fields if fields is not None else fields_of(row.frame)
                newest = self._newest.note(row)
                messages = publications(self._prefix, terminal, row, known, newest)
            except Exception as error:
                # It was checked when it came in: the file is damaged. One row must not stop the others.
                self._refused("frame", row, f"unreadable: {type(error).__name__}: {error}")
                continue
            outgoing.send("frame", row, messages)
        self.replays.pump(outgoing)
        outgoing.flush()

    def _acked(self, mids: Sequence[int], refused: str | None) -> None:
        if self._outgoing is None or self._down.is_set():
            return
        self._progress_ms = self._clock.mono_ms()
        done = self._outgoing.acked(mids, refused is not None)
        if not done:
            return
        now_ms = self._clock.wall_ms()
        for kind, item, failed in done:
            if kind == "replay":
                self.replays.acked(item, (refused or "refused") if failed else None)
            elif failed:
                self._refused(kind, item, refused or "another message of the frame")
            elif kind == "frame":
                took_s = max(0, now_ms - item.stored_ms) / 1000
                (self.timings.relay if item.panic is None else self.timings.alarm).note(took_s)
                self._confirmed.add_row(item)
            elif kind == "notice":
                self._confirmed.add_notice(item)
        self._connector.worked()
        self._wake.set()

    def _refused(self, kind: str, item: Any, reason: str) -> None:
        """Not marked, so nothing is lost; the other terminals' frames go on."""
        if kind == "frame":
            self._log.error("relay.refused", error=reason, **name(item))
            self._backlog.hold(item)
            asyncio.get_running_loop().call_later(HOLD_S, self._release, item.kid)
        elif kind == "notice":
            self._log.error("relay.refused", error=reason, topic=item.topic)
            if not item.topic.startswith(self._prefix + "/"):
                self._confirmed.add_notice(item)  # where an operator wanted his answer; ours are tried again

    def _release(self, kid: bytes) -> None:
        self._backlog.release(kid)
        self._wake.set()

    async def _mark(self) -> None:
        """Make durable what the broker confirmed."""
        ids, facts = await self._confirmed.save()
        self._backlog.forget(ids)
        self._announcements.forget(self._confirmed.dropped)
        if facts:
            self.on_facts(facts)
