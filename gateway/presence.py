"""Cars that fall silent: one that is on duty, or in an open alarm, and says nothing is published as lost, and
as back when it is heard again.

Heard means: an authentic request that is not a repeat. What a node has heard it writes down when the journal
knows nothing younger than half the time; so every node sees in the journal, early enough, what the others
hear, and a transaction decides who publishes. A service that was away, or whose clock was set, judges nobody
before it has listened long enough itself.
"""

import asyncio
from typing import Any

from gateway.clock import Clock
from gateway.config import Config
from gateway.geojson import geometry
from gateway.journal.base import Journal, Transaction
from gateway.journal.offices import Presence
from gateway.journal.records import REVOKED, NewFrame, Terminal
from gateway.log import Log, iso
from gateway.northbound import STATUSES, encode, fields_of
from gateway.registry import Registry
from gateway.topics import unit_topic
from protocol import report

POLL_S = 2.0
# A terminal's `keepalive_s` when it is not known better: the longest that is usual. The default is 40.
KEEPALIVE_S = 60
# So many keep-alives may be under way, repeated by CoAP, before their absence means something.
_PATIENCE = 1.5
# A difference between the clocks' steps that is no drift.
_STEP_MS = 2000
# Of so many newest frames one is likely to have a position.
_FRAMES = 20
_BATCH = 100
_OFF_DUTY = 5

LOST = "lost"
BACK = "back"
ENDED = "ended"


class _Ear:
    """What this node knows of a terminal's rhythm on duty: when it registered last, the last two gaps, and
    what the frame (boot, seq) said of duty; None: nothing yet."""

    __slots__ = ("registered_ms", "gap_s", "every_s", "duty", "newest")

    def __init__(self) -> None:
        self.registered_ms: float | None = None
        self.gap_s = 0
        self.every_s = 0
        self.duty: bool | None = None
        self.newest = (0, -1)

    def registers(self, now_ms: float) -> None:
        if self.registered_ms is None:
            self.every_s = self.every_s or KEEPALIVE_S
        elif self.duty is False:
            # A parked car that nobody misses speaks seldom; on duty again it has its old rhythm.
            self.gap_s = 0
        else:
            # An outage makes one gap long, a new link one short; the rhythm is what two in a row have.
            gap_s = round((now_ms - self.registered_ms) / 1000)
            if self.gap_s:
                self.every_s = max(1, min(gap_s, self.gap_s))
            self.gap_s = gap_s
        self.registered_ms = now_ms

    def told(self, boot: int, seq: int, duty: bool | None, alarm: bool) -> None:
        """By a frame; an older one that comes late says nothing."""
        if (boot, seq) < self.newest:
            return
        self.newest = (boot, seq)
        if (duty or alarm) and not self.duty:
            # What was learned before may be how it speaks off duty.
            self.every_s = min(self.every_s, KEEPALIVE_S)
            self.gap_s = 0
        if duty is not None:
            self.duty = duty


class Presences:
    """`heard` and `registered` are called for each request, `note_frame` in the transaction that stores,
    `look` now and then. `on_notices()` hears that something waits for the broker."""

    def __init__(
        self, config: Config, journal: Journal, registry: Registry, log: Log, clock: Clock, prefix: str
    ) -> None:
        self._config = config
        self._journal = journal
        self._registry = registry
        self._log = log
        self._clock = clock
        self._prefix = prefix
        self._heard: dict[bytes, int] = {}
        self._written: dict[bytes, int] = {}
        self._ears: dict[bytes, _Ear] = {}
        # Who is in the journal's table. Where several share it, others may have put somebody there.
        self._watched: set[bytes] = set()
        self._offset_ms = clock.wall_ms() - clock.mono_ms()
        self._since_ms = clock.wall_ms()
        self._next_ms = 0.0
        self.on_notices: Any = lambda: None

    @property
    def silent_ms(self) -> int:
        return self._config.whole("presence.silent_s") * 1000

    async def load(self) -> None:
        """Raises JournalError."""
        rows = await self._journal.read(lambda tx: tx.presences())
        self._watched = {row.kid for row in rows}
        for row in rows:
            self._ear(row.kid).told(row.boot, row.seq, _on_duty(row.status or None), False)

    # --- what the rest of the gateway calls

    def heard(self, kid: bytes) -> None:
        """An authentic request that was not seen before."""
        self._heard[kid] = self._clock.wall_ms()

    def registered(self, kid: bytes) -> None:
        """It asked for its commands once more, as it does each `keepalive_s`."""
        self._ear(kid).registers(self._clock.mono_ms())

    def note_frame(
        self, tx: Transaction, terminal: Terminal, new: NewFrame, fields: dict[int, Any], now_ms: int
    ) -> None:
        """Call in the transaction that stores a status or an alarm."""
        if new.kind in (report.KIND_STATUS, report.KIND_PANIC):
            status = fields.get(report.STATUS)
            tx.note_duty(terminal.kid, new.boot, new.seq, status, now_ms)
            self._watched.add(terminal.kid)
            alarm = new.kind == report.KIND_PANIC
            self._ear(terminal.kid).told(new.boot, new.seq, _on_duty(status), alarm)

    async def look(self) -> None:
        """Call each second or so: a round when it is time. Raises JournalError."""
        if self._clock.mono_ms() >= self._next_ms:
            self._next_ms = self._clock.mono_ms() + POLL_S * 1000
            await self.round()

    async def round(self) -> None:
        """Write down who was heard, publish who is lost and who is back. Raises JournalError."""
        now_ms = self._clock.wall_ms()
        offset_ms = now_ms - self._clock.mono_ms()
        if abs(offset_ms - self._offset_ms) > _STEP_MS:
            self._since_ms = now_ms
            self._written.clear()
        self._offset_ms = offset_ms
        alone = not self._journal.node
        if alone and not self._watched:
            return
        await self._write(now_ms, alone)
        if not self.silent_ms:
            return
        before = now_ms - self.silent_ms
        lost, silent = await self._journal.read(
            lambda tx: (tx.lost(), tx.silent_since(before, now_ms + _STEP_MS))
        )
        back = [row for row in lost if self._is_back(row, now_ms)]
        gone = [row for row in silent if self._is_lost(row, now_ms)]
        for start in range(0, len(back), _BATCH):
            await self._publish(back[start : start + _BATCH], now_ms, False)
        for start in range(0, len(gone), _BATCH):
            await self._publish(gone[start : start + _BATCH], now_ms, True)

    # --- the work

    async def _write(self, now_ms: int, alone: bool) -> None:
        oldest = now_ms - self.silent_ms // 2
        due = [
            (kid, ms, self._every_s(kid))
            for kid, ms in self._heard.items()
            if (kid in self._watched or not alone) and self._written.get(kid, 0) <= oldest
        ]
        if not due:
            return
        for start in range(0, len(due), 1000):
            part = due[start : start + 1000]
            await self._journal.write(lambda tx, part=part: tx.note_heard(part, now_ms))  # type: ignore[misc]
            for kid, ms, _ in part:
                self._written[kid] = ms
                if self._heard.get(kid) == ms:
                    del self._heard[kid]
            await asyncio.sleep(0)

    def _ear(self, kid: bytes) -> _Ear:
        return self._ears.setdefault(kid, _Ear())

    def _every_s(self, kid: bytes) -> int:
        ear = self._ears.get(kid)
        return 0 if ear is None else ear.every_s

    def _limit_ms(self, row: Presence) -> int:
        """How long this one may be silent: at least its own keep-alive and a half."""
        return max(self.silent_ms, int((self._every_s(row.kid) or row.every_s) * 1000 * _PATIENCE))

    def _is_lost(self, row: Presence, now_ms: int) -> bool:
        terminal = self._registry.by_kid(row.kid)
        if terminal is None or terminal.state == REVOKED:
            return False
        heard_ms = max(_heard_ms(row, now_ms), self._heard.get(row.kid, 0), self._since_ms)
        return now_ms - heard_ms >= self._limit_ms(row)

    def _is_back(self, row: Presence, now_ms: int) -> bool:
        terminal = self._registry.by_kid(row.kid)
        return (
            terminal is None
            or terminal.state == REVOKED
            or now_ms - _heard_ms(row, now_ms) < self._limit_ms(row)
        )

    async def _publish(self, rows: list[Presence], now_ms: int, lost: bool) -> None:
        told = await self._journal.write(lambda tx: [r for r in rows if self._settle(tx, r, now_ms, lost)])
        for row in told:
            level = self._log.warning if lost else self._log.info
            silent_s = (now_ms - row.heard_ms) // 1000
            level("presence.lost" if lost else "presence.back", kid=row.kid, silent_s=silent_s)
        if told:
            self.on_notices()

    def _settle(self, tx: Transaction, row: Presence, now_ms: int, lost: bool) -> bool:
        """In a transaction: the one whose update takes effect publishes."""
        terminal = self._registry.by_kid(row.kid)
        if lost:
            mine = tx.set_lost(row.kid, row.heard_ms, now_ms)
            began_ms, word = now_ms, LOST
        else:
            began_ms = row.lost_ms or now_ms
            mine = tx.set_found(row.kid, began_ms)
            word = ENDED if terminal is None or terminal.state == REVOKED else BACK
        if mine and terminal is not None:
            body = encode(self._feature(tx, terminal, row, word, began_ms, now_ms))
            tx.add_notice(row.kid, f"{unit_topic(self._prefix, terminal)}/presence", body, None, now_ms)
        return mine

    def _feature(
        self, tx: Transaction, terminal: Terminal, row: Presence, word: str, began_ms: int, now_ms: int
    ) -> dict[str, Any]:
        properties: dict[str, Any] = {
            "kid": row.kid.hex(),
            "kind": "presence",
            "presence": word,
            "time": iso(now_ms),
            "time_ms": now_ms,
            "heard": iso(row.heard_ms),
            "heard_ms": row.heard_ms,
            "unit": terminal.unit,
            "station": terminal.station,
            "directorate": terminal.directorate,
            "call_sign": terminal.call_sign,
            "vehicle": terminal.vehicle,
        }
        if row.status:
            properties.update(status=row.status, status_name=STATUSES.get(row.status, str(row.status)))
        place = None
        for frame in tx.newest_frames(row.kid, _FRAMES):
            fields = fields_of(frame)
            place = geometry(fields)
            if place is not None:
                properties.update(boot=fields[report.BOOT], seq=fields[report.SEQ])
                if report.TIME in fields:
                    properties["position_time_ms"] = fields[report.TIME]
                break
        # The silence has a name: it begins and ends under the same one.
        return {
            "type": "Feature",
            "id": f"{row.kid.hex()}/presence/{began_ms}",
            "geometry": place,
            "properties": properties,
        }


def _on_duty(status: int | None) -> bool | None:
    return None if status is None else status != _OFF_DUTY


def _heard_ms(row: Presence, now_ms: int) -> int:
    """What a clock that was wrong has written is no time at all."""
    return row.heard_ms if row.heard_ms <= now_ms + _STEP_MS else 0
