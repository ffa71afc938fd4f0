"""Frames once more, for a consumer that asks: `<prefix>/replay`, from a journal position or a time.

What terminals send goes first: a replay uses at most half of the window, and so many frames a second as the
configuration says. A request is confirmed to the broker when its last frame is, so one that a restart of the
gateway interrupts comes again; a broken connection to the broker goes on where it was.
"""

import base64
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gateway.clock import Clock
from gateway.config import Config
from gateway.journal.base import Journal, Transaction
from gateway.journal.records import Row
from gateway.log import Log
from gateway.mqtt import Incoming, Link
from gateway.northbound import JSON_TYPE, Publication, encode, fields_of, publications
from gateway.outgoing import Outgoing
from gateway.registry import Registry
from gateway.replay_request import Request, asker, parse
from gateway.requests import BadRequest

TOPIC = "replay"
# Under way at a time; the others wait in the broker's order.
MOST = 4
# All of them. A broker keeps back what is behind so many unconfirmed messages (mosquitto 20, EMQX 32): orders
# and acknowledgements are to have most of these places.
WAITING = 8
_PAGE = 200
_ANSWERS = 1000
_HIGHEST = (1 << 62) - 1


@dataclass(eq=False)
class _Job:
    """`after`: last position read; `under_way`: positions that the broker has not confirmed."""

    request: Request
    key: tuple[str, bytes | None, bytes]
    link: Link
    incoming: Incoming
    after: int = -1
    upto: int = -1
    sent: int = 0
    told: bool = False
    read_all: bool = False
    rows: deque[Row] = field(default_factory=deque)
    under_way: dict[int, None] = field(default_factory=dict)

    @property
    def topic(self) -> str:
        return self.request.reply

    def again(self) -> None:
        """A new connection: what was not confirmed is sent again."""
        self.rows.clear()
        if self.under_way:
            self.after = min(self.under_way) - 1
            self.sent -= len(self.under_way)
            self.under_way.clear()
        self.read_all = False


class Replays:
    """`ask` takes a request; `read`, `pump` and `acked` are called by the relay's task."""

    def __init__(self, config: Config, journal: Journal, registry: Registry, log: Log, clock: Clock) -> None:
        self._journal = journal
        self._registry = registry
        self._log = log
        self._clock = clock
        self._prefix = config.text("northbound.prefix")
        self._rate = config.whole("northbound.replay_rate")
        self._jobs: deque[_Job] = deque()
        self._answers: deque[Publication] = deque(maxlen=_ANSWERS)
        self._allowed = 0.0
        self._counted_ms = 0.0
        self.sent = 0
        self.wake: Callable[[], None] = lambda: None

    @property
    def topic(self) -> str:
        return f"{self._prefix}/{TOPIC}"

    @property
    def wants_read(self) -> bool:
        return any(self._hungry(job) for job in self._active)

    @property
    def ready(self) -> bool:
        """Something may be sent now, if there is room."""
        self._count()
        return bool(self._answers) or (self._allowed >= 1 and any(job.rows for job in self._active))

    @property
    def pause_s(self) -> float | None:
        """After this long something may be sent that may not yet; None when there is nothing."""
        if self._allowed >= 1 or not any(job.rows for job in self._active):
            return None
        return max(0.005, min(0.05, 10 / self._rate))

    @property
    def _active(self) -> list[_Job]:
        return [self._jobs[n] for n in range(min(MOST, len(self._jobs)))]

    def _hungry(self, job: _Job) -> bool:
        return not job.rows and not job.read_all

    def ask(self, link: Link, incoming: Incoming) -> None:
        """A consumer's request. One that comes again because the connection broke finds its job."""
        key = (incoming.response_topic or "", incoming.correlation, incoming.payload)
        for job in self._jobs:
            if job.key == key:
                if job.link is link:
                    link.confirm(incoming)  # asked twice: at the end the first is confirmed
                else:
                    job.link, job.incoming = link, incoming
                return
        if incoming.retain or not self._journal.leading:
            # Another gateway of this journal answers; a retained request would come with every connection.
            link.confirm(incoming)
            return
        try:
            request = parse(incoming.payload, incoming.response_topic, self._prefix)
            if len(self._jobs) >= WAITING:
                raise BadRequest(f"{WAITING} replays wait already: ask again later")
            if request.unit and self._kid(request) is None:
                raise BadRequest(f"unit: {request.unit!r} is not enrolled")
        except BadRequest as error:
            self._log.warning("replay.refused", reason=str(error))
            self._refuse(incoming, str(error))
            link.confirm(incoming)
            return
        self._jobs.append(_Job(request, key, link, incoming))
        self.wake()

    def restart(self) -> None:
        """A new connection to the broker."""
        for job in self._jobs:
            job.again()

    async def read(self) -> None:
        """The next page of one job that has nothing left to send."""
        job = next((job for job in self._active if self._hungry(job)), None)
        if job is None:
            return
        if job.upto < 0:
            job.after, job.upto = await self._journal.read(lambda tx: _span(tx, job.request))
            self._log.info("replay.begun", replay=job.request.name, after=job.after, upto=job.upto)
        if not job.told:
            job.told = True
            self._tell(job, "started", first=job.after + 1, last=job.upto)
        kid, kinds, after = self._kid(job.request), job.request.kinds, job.after
        kind = kinds[0] if len(kinds) == 1 else None
        rows = await self._journal.read(lambda tx: tx.frames(after, _PAGE, kid, False, kind))
        if job.after != after or job.rows:
            return  # the connection broke meanwhile
        job.rows.extend(row for row in rows if row.id <= job.upto and self._wanted(job.request, row))
        if rows:
            job.after = min(rows[-1].id, job.upto)
        job.read_all = len(rows) < _PAGE or rows[-1].id >= job.upto
        if job.read_all:
            job.after = max(job.after, job.upto)
        self._finish(job)

    def pump(self, outgoing: Outgoing) -> None:
        """Send what may be sent."""
        while self._answers and outgoing.room:
            outgoing.send("replay", None, [self._answers.popleft()])
        self._count()
        while self._allowed >= 1 and outgoing.slack:
            job = next((job for job in self._active if job.rows), None)
            if job is None:
                return
            self._send(job, job.rows.popleft(), outgoing)
            # In turn, among those that are served.
            self._jobs.remove(job)
            self._jobs.insert(min(MOST - 1, len(self._jobs)), job)
            self._finish(job)

    def acked(self, item: Any, reason: str | None) -> None:
        """The broker confirmed a frame of a replay, or refused it."""
        if item is None:
            return
        job, position = item
        job.under_way.pop(position, None)
        if reason is not None and job in self._jobs:
            self._log.error("relay.refused", error=reason, topic=job.topic)
            self._end(job)
            return
        self._finish(job)

    def _send(self, job: _Job, row: Row, outgoing: Outgoing) -> None:
        self._allowed -= 1
        body = self._message(job, row)
        if body is None or (job.request.limit and job.sent >= job.request.limit):
            return
        job.under_way[row.id] = None
        job.sent += 1
        self.sent += 1
        message = Publication(job.topic, "replay", body, JSON_TYPE, False, job.incoming.correlation)
        outgoing.send("replay", (job, row.id), [message])
        if job.request.limit and job.sent >= job.request.limit:
            job.after = row.id
            job.rows.clear()
            job.read_all = True

    def _message(self, job: _Job, row: Row) -> bytes | None:
        terminal = self._registry.by_kid(row.kid)
        if terminal is None:
            return None
        signed, told = publications(self._prefix, terminal, row, fields_of(row.frame), False)
        head = {
            "replay": job.request.name,
            "position": row.id,
            "topic": told.topic,
            "frame": base64.b64encode(signed.payload).decode(),
        }
        return json.dumps(head, separators=(",", ":")).encode()[:-1] + b',"feature":' + told.payload + b"}"

    def _wanted(self, request: Request, row: Row) -> bool:
        if request.kinds and row.kind not in request.kinds:
            return False
        if not request.directorate:
            return True
        terminal = self._registry.by_kid(row.kid)
        return terminal is not None and terminal.directorate == request.directorate

    def _kid(self, request: Request) -> bytes | None:
        if not request.unit:
            return None
        terminal = self._registry.by_unit(*request.unit.split("/"))
        return None if terminal is None else terminal.kid

    def _finish(self, job: _Job) -> None:
        if job.read_all and not job.rows and not job.under_way and job in self._jobs:
            self._tell(job, "complete", next=job.after + 1, count=job.sent)
            self._log.info("replay.complete", replay=job.request.name, count=job.sent)
            self._end(job)

    def _end(self, job: _Job) -> None:
        self._jobs.remove(job)
        job.link.confirm(job.incoming)
        self.wake()

    def _tell(self, job: _Job, result: str, **more: int) -> None:
        body = {"replay": job.request.name, "result": result, **more}
        self._answer(job.topic, body, job.incoming.correlation)

    def _refuse(self, incoming: Incoming, reason: str) -> None:
        topic, name = asker(incoming.payload, incoming.response_topic, self._prefix)
        if topic is not None:
            body = {"replay": name, "result": "refused", "reason": reason}
            self._answer(topic, body, incoming.correlation)

    def _answer(self, topic: str, body: dict[str, Any], correlation: bytes | None) -> None:
        self._answers.append(Publication(topic, "replay", encode(body), JSON_TYPE, False, correlation))
        self.wake()

    def _count(self) -> None:
        now_ms = self._clock.mono_ms()
        passed_ms = max(0.0, now_ms - self._counted_ms)
        self._counted_ms = now_ms
        self._allowed = min(self._allowed + passed_ms * self._rate / 1000, max(1.0, self._rate / 10))


def _span(tx: Transaction, request: Request) -> tuple[int, int]:
    """(position before the first, last position) of what is there now."""
    last = _search(lambda position: not tx.frames(position, 1)) if tx.frames(-1, 1) else 0
    if request.last is not None:
        last = min(last, request.last)
    if request.since_ms is None:
        return request.first - 1, last
    since_ms = request.since_ms

    def late(position: int) -> bool:
        rows = tx.frames(position, 1)
        return not rows or rows[0].stored_ms >= since_ms

    # Ids ascend with the time of storing, but for steps of the gateway's clock.
    return _search(late), last


def _search(true: Callable[[int], bool]) -> int:
    """The least position for which it is true."""
    low, high = 0, 1
    while high < _HIGHEST and not true(high):
        low, high = high, high * 2
    while low < high:
        middle = (low + high) // 2
        if true(middle):
            high = middle
        else:
            low = middle + 1
    return low
