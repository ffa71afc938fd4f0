"""What the metrics page shows, and where each number is read."""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

from gateway import __version__
from gateway.http import Page
from gateway.intake import Stored
from gateway.journal.base import JournalError
from gateway.metrics import CONTENT_TYPE_LATEST, Metrics
from gateway.topics import KINDS

if TYPE_CHECKING:
    from gateway.app import App

# A scrape waits so long for the journal's numbers, then shows the last ones.
PATIENCE_S = 2.0
STATES = ("enrolled", "suspended", "revoked")


class Measured:
    """The page `/metrics` of one service."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._depths: dict[str, int] = {}
        self._unread = 0
        self.frames: Counter[str] = Counter()
        self.metrics = Metrics()
        self._describe()

    def stored(self, stored: Stored) -> None:
        """Frames that just became durable."""
        for row, _ in stored.rows:
            self.frames[KINDS[row.kind]] += 1

    async def page(self) -> Page:
        try:
            async with asyncio.timeout(PATIENCE_S):
                self._depths = await self._app.journal.read(lambda tx: tx.depths())
        except (JournalError, TimeoutError):
            self._unread += 1
        return Page(200, self.metrics.page(), CONTENT_TYPE_LATEST)

    def _depth(self, name: str) -> Any:
        return lambda: self._depths.get(name, 0)

    def _describe(self) -> None:
        app, m = self._app, self.metrics
        journal: Any = app.journal
        m.info(
            "patrola_gateway", "This gateway.", {"version": __version__, "id": app.config.text("gateway.id")}
        )
        m.counter("patrola_datagrams_received", "Datagrams that came in.", lambda: app.exchange.datagrams)
        m.counter(
            "patrola_datagrams_unsent",
            "Answers dropped because the network took no more.",
            lambda: app.endpoint.unsent if app.endpoint else 0,
        )
        m.counter(
            "patrola_datagrams_dropped",
            "Thrown away without an answer, as more came than can be done: they come again.",
            lambda: app.admission.silent,
        )
        m.counter(
            "patrola_frames_stored",
            "New frames that became durable.",
            lambda: {name: self.frames[name] for name in KINDS.values()},
            "kind",
        )
        m.counter("patrola_frames_repeated", "Frames that were there already.", lambda: app.intake.repeats)
        m.counter(
            "patrola_frames_conflicting",
            "Frames whose name belongs to other bytes.",
            lambda: app.intake.conflicts,
        )
        m.counter("patrola_refusals", "Requests refused.", self._refusals, "layer", "reason")
        t = app.timings
        m.histogram("patrola_answer_duration_seconds", "From an authentic request to its answer.", t.answer)
        m.histogram("patrola_commit_duration_seconds", "Each transaction, to the disk.", t.commit)
        m.histogram("patrola_commit_works", "Requests that shared a transaction.", t.works)
        m.histogram(
            "patrola_relay_duration_seconds", "From a frame's commit to the broker's confirmation.", t.relay
        )
        m.histogram(
            "patrola_alarm_relay_duration_seconds", "The same, of frames that raise an alarm.", t.alarm
        )
        m.gauge("patrola_journal_queue_works", "Requests that wait for the disk.", lambda: journal.waiting)
        m.counter("patrola_journal_failures", "Transactions that failed.", lambda: app.health.failures)
        m.gauge("patrola_journal_position", "Id of the newest frame.", self._depth("position"))
        m.gauge("patrola_frames_unrelayed", "Frames the broker has not.", self._depth("unrelayed"))
        m.gauge("patrola_frames_in_conflict", "Frames kept aside.", self._depth("conflicts"))
        m.gauge(
            "patrola_notices_waiting",
            "Stages and results the broker has not.",
            self._depth("notices_waiting"),
        )
        m.gauge("patrola_commands_waiting", "Commands not answered yet.", self._depth("commands_waiting"))
        m.gauge(
            "patrola_panics_unacknowledged",
            "Alarms that wait for the operations centre.",
            self._depth("panics_unacknowledged"),
        )
        m.gauge(
            "patrola_terminals",
            "Terminals in the registry.",
            lambda: {state: self._depths.get(f"terminals_{state}", 0) for state in STATES},
            "state",
        )
        m.gauge("patrola_terminals_on_duty", "On duty, or in an open alarm.", self._depth("on_duty"))
        m.gauge("patrola_terminals_lost", "Of these, silent for too long.", self._depth("lost"))
        m.gauge("patrola_observers", "Terminals that listen for commands.", lambda: len(app.observers))
        m.gauge("patrola_contexts", "Security contexts.", lambda: len(app.contexts))
        m.gauge("patrola_contexts_loaded", "Of these, in memory with their keys.", lambda: len(app.peers))
        m.counter(
            "patrola_handshakes_established", "Handshakes that made a context.", lambda: app.edhoc.established
        )
        m.gauge("patrola_handshakes_open", "Handshakes under way.", lambda: len(app.edhoc.sessions))
        m.gauge("patrola_broker_connected", "1 while the broker is there.", lambda: int(app.relay.connected))
        m.gauge(
            "patrola_broker_messages_in_flight",
            "Messages the broker has not confirmed.",
            lambda: app.relay.in_flight,
        )
        m.counter("patrola_relay_frames", "Frames the broker confirmed.", lambda: app.relay.relayed)
        m.counter("patrola_log_lines_lost", "Log lines that could not be written.", lambda: app.log.lost)
        m.counter("patrola_metrics_unread", "Scrapes that had to show old numbers.", lambda: self._unread)

    def _refusals(self) -> dict[tuple[str, str], int]:
        layers = (("oscore", self._app.refusals), ("edhoc", self._app.strangers))
        return {(name, reason): n for name, kept in layers for reason, n in list(kept.counts.items())}
