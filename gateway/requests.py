"""An operator's request as it comes in: JSON from the broker or from the command line, checked field by
field."""

import contextlib
import json
from dataclasses import dataclass
from typing import Any

from gateway.journal.records import REFUSED
from gateway.log import iso
from gateway.northbound import encode

MAX_REQUEST = 4096
MAX_TEXT = 400
MAX_NAME = 128
U48 = (1 << 48) - 1
U53 = (1 << 53) - 1
NAMES = ("acknowledge", "clear", "message", "task", "renew")
_KNOWN = {
    "id",
    "command",
    "panic",
    "text",
    "task",
    "lat",
    "lon",
    "operator",
    "expires_s",
    "issued_ms",
    "unit",
}


class BadRequest(Exception):
    """The operator's request is wrong; the text goes back to him."""


@dataclass(frozen=True, slots=True)
class Request:
    """A checked request. `name` is one of NAMES."""

    origin: str
    name: str
    operator: str
    panic: int | None = None
    text: str = ""
    task: int | None = None
    lat_e7: int | None = None
    lon_e7: int | None = None
    expires_s: int | None = None
    issued_ms: int | None = None
    unit: str = ""
    reply_topic: str | None = None
    correlation: bytes | None = None


def members(payload: bytes, known: set[str]) -> dict[str, Any]:
    """Of a JSON object in which nothing else stands. Raises BadRequest."""
    if len(payload) > MAX_REQUEST:
        raise BadRequest(f"{len(payload)} bytes, at most {MAX_REQUEST}")
    try:
        body: Any = json.loads(payload)
    except (ValueError, RecursionError):
        raise BadRequest("not JSON") from None
    if not isinstance(body, dict):
        raise BadRequest("not a JSON object")
    unknown = sorted(set(body) - known)
    if unknown:
        raise BadRequest(f"unknown field {unknown[0][:40]!r}")
    return body


def parse(payload: bytes, reply_topic: str | None = None, correlation: bytes | None = None) -> Request:
    """JSON as docs/integrator.md shows it. Raises BadRequest naming the field."""
    body = members(payload, _KNOWN)
    name = body.get("command")
    if name not in NAMES:
        raise BadRequest(f"command: must be one of {', '.join(NAMES)}")
    lat, lon = _degrees(body, "lat", 90), _degrees(body, "lon", 180)
    if (lat is None) != (lon is None):
        raise BadRequest("lat, lon: one without the other")
    alarm = name in ("acknowledge", "clear")
    return Request(
        origin=_text(body, "id", MAX_NAME, True),
        name=name,
        operator=_text(body, "operator", MAX_NAME, False),
        panic=_number(body, "panic", U48, alarm),
        text=_text(body, "text", MAX_TEXT, name in ("message", "task")),
        task=_number(body, "task", U53, name == "task"),
        lat_e7=lat,
        lon_e7=lon,
        expires_s=_number(body, "expires_s", 30_000_000, False),
        issued_ms=_number(body, "issued_ms", U48, False),
        unit=_text(body, "unit", 3 * MAX_NAME, False),
        reply_topic=reply_topic,
        correlation=correlation,
    )


def reply_topic(topic: str | None, prefix: str) -> str | None:
    """Where an operator wants his answer, if we may speak there: not where frames and alarms are told, and
    not where a broker would end the connection for it, as that would hold up everything else."""
    if not topic or len(topic) > 256 or not topic.isprintable() or set("+#") & set(topic):
        return None
    return None if topic.startswith(("$", prefix + "/")) else topic


def refusal(payload: bytes, reason: str, now_ms: int) -> bytes:
    """The result of a request that could not be read; with its id where that much was right."""
    origin = name = None
    with contextlib.suppress(ValueError, RecursionError, BadRequest):
        body = json.loads(payload[: MAX_REQUEST + 1])
        if isinstance(body, dict):
            origin = _text(body, "id", MAX_NAME, True)
            name = _text(body, "command", 32, False)
    return encode({"id": origin, "command": name, "result": REFUSED, "time": iso(now_ms), "reason": reason})


def _text(body: dict[str, Any], name: str, limit: int, required: bool) -> str:
    value = body.get(name, "")
    if not isinstance(value, str) or len(value.encode("utf-8", "replace")) > limit:
        raise BadRequest(f"{name}: must be text of at most {limit} bytes")
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in value):
        raise BadRequest(f"{name}: half of a surrogate pair")
    if "\0" in value:
        raise BadRequest(f"{name}: a character that no database keeps (U+0000)")
    if required and not value.strip():
        raise BadRequest(f"{name}: missing")
    return value


def _number(body: dict[str, Any], name: str, highest: int, required: bool) -> int | None:
    value = body.get(name)
    if value is None and not required:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= highest:
        return value
    missing = "missing, " if value is None else ""
    raise BadRequest(f"{name}: {missing}must be a whole number from 0 to {highest}")


def _degrees(body: dict[str, Any], name: str, limit: int) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    # NaN fails both comparisons.
    if type(value) not in (int, float) or not -limit <= value <= limit:
        raise BadRequest(f"{name}: must be a number from -{limit} to {limit}")
    return int(round(value * 10_000_000))
