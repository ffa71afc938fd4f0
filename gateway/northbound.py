"""What consumers see: topics and GeoJSON (RFC 7946). Pure functions from frames and facts to messages.

docs/integrator.md shows them with examples.
"""

import json
from functools import lru_cache
from typing import Any, NamedTuple

from gateway import geojson, ordinary
from gateway.journal.records import ACCEPTED, ACKNOWLEDGED, CLEARED, SHOWN, STORED, Panic, Row, Terminal, made
from gateway.log import iso
from gateway.topics import KINDS, About, about_of
from protocol import report
from protocol.cose import sign1_parse
from protocol.limits import KID

COSE_TYPE = 'application/cose; cose-type="cose-sign1"'
GEOJSON_TYPE = "application/geo+json"
JSON_TYPE = "application/json"

STATUSES = {1: "available", 2: "on_the_way", 3: "on_scene", 4: "busy", 5: "off_duty"}
PANIC_STATES = {
    report.PANIC_RAISED: "raised",
    report.PANIC_CANCELLED: "cancelled",
    report.PANIC_CLEARED: "cleared",
    report.PANIC_DRILL: "drill",
}
SOURCES = {report.SOURCE_KEY: "key", report.SOURCE_REMOTE: "remote", report.SOURCE_TAMPER: "tamper"}
STAGES = {
    STORED: "stored",
    ACCEPTED: "accepted",
    ACKNOWLEDGED: "acknowledged",
    SHOWN: "shown",
    CLEARED: "cleared",
}
TASK_ANSWERS = {1: "shown", 2: "accepted", 3: "declined", 4: "on_scene", 5: "done"}
ANTENNAS = {report.ANTENNA_OK: "ok", report.ANTENNA_OPEN: "open", report.ANTENNA_SHORT: "short"}
SAFE_MODES = {report.SAFE_WATCHDOG: "watchdog", report.SAFE_ERROR: "error", report.SAFE_CRASH: "crash"}
JAMMING = {0: "none", 1: "suspected", 2: "strong", 3: "no_reception"}
_RETAINED = ("position", "status")
# The last moment that RFC 3339 can write; a report's time goes further.
_LAST_MS = 253_402_300_799_999


class Publication(NamedTuple):
    """One message for the broker. `label` is the last topic level."""

    topic: str
    label: str
    payload: bytes
    content_type: str
    retain: bool = False
    correlation: bytes | None = None


def fields_of(frame: bytes) -> dict[int, Any]:
    """The report inside a stored frame; it was checked when it came in."""
    read = ordinary.frames(frame, frame[ordinary.KID_AT : ordinary.KID_AT + KID])
    if read is not None:
        return read[0].fields
    return report.decode(sign1_parse(frame).payload)


def publications(
    prefix: str, terminal: Terminal, row: Row, fields: dict[int, Any], newest: bool = True
) -> tuple[Publication, Publication]:
    """The messages of one frame: the signed bytes, and what they mean. `newest`: nothing later of this kind
    was published yet, so a retained message may be replaced."""
    about, label = about_of(prefix, terminal), KINDS[row.kind]
    payload = _written(about, row, fields)
    retain = newest and label in _RETAINED
    return (
        made(Publication, (about.frame, "frame", row.frame, COSE_TYPE, False, None)),
        made(Publication, (about.topics[row.kind], label, payload, GEOJSON_TYPE, retain, None)),
    )


def written(terminal: Terminal, row: Row, fields: dict[int, Any]) -> bytes:
    """`encode(feature(...))`, written straight where nothing but a point is to be drawn."""
    return _written(About("", terminal), row, fields)


def _written(about: About, row: Row, fields: dict[int, Any]) -> bytes:
    if report.TRACK in fields:
        return encode(feature(about.terminal, row, fields))
    more = ""
    for key, describe in _DESCRIBE:
        if key in fields:
            value = fields[key]
            members = _member(value) if key == report.STATUS else _text(describe(value))[1:-1]
            more += f",{members}" if members else ""
    time_ms = fields.get(report.TIME)
    return geojson.written(
        about.kid, about.whose, row, KINDS[row.kind], time_ms, _time(time_ms), fields.get(report.FIX), more
    )


def feature(terminal: Terminal, row: Row, fields: dict[int, Any]) -> dict[str, Any]:
    """One report as a GeoJSON Feature; what is unknown is absent, but for geometry and time, which are
    null."""
    time_ms = fields.get(report.TIME)
    properties: dict[str, Any] = {
        "kid": row.kid.hex(),
        "boot": row.boot,
        "seq": row.seq,
        "time": _time(time_ms),
        "time_ms": time_ms,
        "received_ms": row.stored_ms,
        "journal_position": row.id,
        "kind": KINDS[row.kind],
        "unit": terminal.unit,
        "station": terminal.station,
        "directorate": terminal.directorate,
        "call_sign": terminal.call_sign,
        "vehicle": terminal.vehicle,
    }
    fix = fields.get(report.FIX)
    if fix is not None:
        properties.update(_fix(fix))
    for key, describe in _DESCRIBE:
        if key in fields:
            properties.update(describe(fields[key]))
    return {
        "type": "Feature",
        "id": f"{row.kid.hex()}/{row.boot}/{row.seq}",
        "geometry": geojson.geometry(fields),
        "properties": properties,
    }


def panic_feature(
    terminal: Terminal, row: Row, fields: dict[int, Any], panic: Panic, stage: int
) -> dict[str, Any]:
    """The frame that raised the alarm, with the stage it has reached and when each one happened."""
    out = feature(terminal, row, fields)
    times = {
        "stored": panic.opened_ms,
        "accepted": panic.accepted_ms,
        "acknowledged": panic.acknowledged_ms,
        "shown": panic.shown_ms,
        "cleared": panic.cleared_ms,
    }
    out["properties"].update(
        panic=panic.panic,
        state=PANIC_STATES[panic.state],
        drill=panic.drill,
        stage=STAGES[stage],
        stages={name: iso(ms) for name, ms in times.items() if ms is not None},
    )
    if not row.id:
        del out["properties"]["journal_position"]  # its frame is not in the journal, or not there any more
    if panic.operator:
        out["properties"]["operator"] = panic.operator
    return out


# `json.dumps` would make it anew for each value.
_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encode(value: object) -> bytes:
    return _text(value).encode()


def _time(ms: int | None) -> str | None:
    return None if ms is None or ms > _LAST_MS else iso(ms)


def _scaled(value: int | None, divisor: float) -> float | None:
    return None if value is None else value / divisor


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _fix(fix: Any) -> dict[str, Any]:
    return _known(
        {
            "speed_km_h": None if fix[report.FIX_SPEED] is None else round(fix[report.FIX_SPEED] * 0.036, 2),
            "course_deg": _scaled(fix[report.FIX_COURSE], 100),
            "hdop": _scaled(fix[report.FIX_HDOP], 10),
            "satellites": fix[report.FIX_SATS],
            "fix_age_s": fix[report.FIX_AGE],
        }
    )


def _status(code: int) -> dict[str, Any]:
    return {"status": code, "status_name": STATUSES.get(code, str(code))}


def _panic(panic: dict[int, int]) -> dict[str, Any]:
    state = panic[report.PANIC_STATE]
    return _known(
        {
            "panic": panic[report.PANIC_ID],
            "state": PANIC_STATES[state],
            "drill": state == report.PANIC_DRILL,
            "stage": STAGES[STORED],
            "source": SOURCES.get(panic.get(report.PANIC_SOURCE, 0)),
        }
    )


def _health(health: dict[int, Any]) -> dict[str, Any]:
    version = health.get(report.HEALTH_VERSION)
    lost = health.get(report.HEALTH_SUPPLY_LOST)
    safe = health.get(report.HEALTH_SAFE)
    trace = health.get(report.HEALTH_TRACE)
    return _known(
        {
            "supply_mv": health.get(report.HEALTH_SUPPLY_MV),
            "temperature_c": _scaled(health.get(report.HEALTH_TEMPERATURE), 10),
            "rsrp_dbm": health.get(report.HEALTH_RSRP_DBM),
            "queue": health.get(report.HEALTH_QUEUE),
            "free_heap": health.get(report.HEALTH_HEAP),
            "firmware": None if version is None else f"{version >> 16}.{version >> 8 & 255}.{version & 255}",
            "reset_cause": health.get(report.HEALTH_RESET),
            "antenna": ANTENNAS.get(health.get(report.HEALTH_ANTENNA, 0)),
            "uptime_s": health.get(report.HEALTH_UPTIME_S),
            "supply_lost": None if lost is None else bool(lost),
            "jamming": JAMMING.get(health.get(report.HEALTH_JAMMING, -1)),
            "stuck_keys": health.get(report.HEALTH_STUCK),
            "restarts": health.get(report.HEALTH_RESTARTS),
            "worn_blocks": health.get(report.HEALTH_WORN),
            "safe_mode": None if safe is None else SAFE_MODES.get(safe, str(safe)),
            "trace": None if trace is None else trace.decode("utf-8", "replace"),
        }
    )


def _event(event: dict[int, int]) -> dict[str, Any]:
    return _known({"event": event[report.EVENT_CODE], "count": event.get(report.EVENT_COUNT)})


def _task(task: dict[int, int]) -> dict[str, Any]:
    return {"task": task[report.TASK_ID], "answer": TASK_ANSWERS[task[report.TASK_ANSWER]]}


def _track(flat: list[int | None]) -> dict[str, Any]:
    t0 = flat[0]
    points = report.track_points(flat)
    return {
        "times": None if t0 is None else [_time(t0 + ms) for ms, *_ in points],
        "speeds_km_h": [None if speed is None else round(speed * 0.036, 2) for *_, speed, _ in points],
        "courses_deg": [_scaled(course, 100) for *_, course in points],
    }


@lru_cache(256)
def _member(status: int) -> str:
    """Nearly every position says what its officers do."""
    return _text(_status(status))[1:-1]


_DESCRIBE = (
    (report.STATUS, _status),
    (report.PANIC, _panic),
    (report.HEALTH, _health),
    (report.EVENT, _event),
    (report.TASK, _task),
    (report.TRACK, _track),
)
