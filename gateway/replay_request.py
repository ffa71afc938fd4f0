"""A consumer's request for a replay: JSON, checked field by field."""

import contextlib
import json
from dataclasses import dataclass
from typing import Any

from gateway.requests import MAX_NAME, MAX_REQUEST, BadRequest, members, reply_topic
from gateway.settings import SLUG
from gateway.topics import KINDS

_KNOWN = {"id", "from", "to", "since_ms", "kinds", "unit", "directorate", "limit", "reply"}
_NUMBERS = {name: number for number, name in KINDS.items()}
_MOST = (1 << 53) - 1


@dataclass(frozen=True, slots=True)
class Request:
    """`first` and `last` are journal positions; `kinds` empty means all, `limit` 0 means none."""

    name: str
    reply: str
    first: int = 0
    last: int | None = None
    since_ms: int | None = None
    kinds: tuple[int, ...] = ()
    unit: str = ""
    directorate: str = ""
    limit: int = 0


def parse(payload: bytes, response_topic: str | None, prefix: str) -> Request:
    """As docs/integrator.md shows it. Raises BadRequest naming the field."""
    body = members(payload, _KNOWN)
    reply = reply_topic(response_topic or _text(body, "reply"), prefix)
    if reply is None:
        raise BadRequest(f"reply: a response topic (MQTT 5) or this field, outside {prefix}")
    if "from" in body and "since_ms" in body:
        raise BadRequest("from, since_ms: one of them")
    return Request(
        name=_text(body, "id"),
        reply=reply,
        first=_number(body, "from") or 0,
        last=_number(body, "to"),
        since_ms=_number(body, "since_ms"),
        kinds=_kinds(body.get("kinds", [])),
        unit=_place(body, "unit", 3),
        directorate=_place(body, "directorate", 1),
        limit=_number(body, "limit") or 0,
    )


def asker(payload: bytes, response_topic: str | None, prefix: str) -> tuple[str | None, str]:
    """(where somebody whose request is wrong is to be told, its id), as far as these are right."""
    body: dict[str, Any] = {}
    with contextlib.suppress(ValueError, RecursionError):
        read = json.loads(payload[: MAX_REQUEST + 1])
        body = read if isinstance(read, dict) else body
    said = {}
    for name in ("reply", "id"):
        with contextlib.suppress(BadRequest):
            said[name] = _text(body, name)
    return reply_topic(response_topic or said.get("reply"), prefix), said.get("id", "")


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str) or len(value.encode("utf-8", "replace")) > 2 * MAX_NAME:
        raise BadRequest(f"{name}: must be text of at most {2 * MAX_NAME} bytes")
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in value):
        raise BadRequest(f"{name}: half of a surrogate pair")
    return value


def _number(body: dict[str, Any], name: str) -> int | None:
    value = body.get(name)
    if value is None or (type(value) is int and 0 <= value <= _MOST):
        return value
    raise BadRequest(f"{name}: must be a whole number from 0 to {_MOST}")


def _kinds(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name in _NUMBERS for name in value):
        raise BadRequest(f"kinds: must be a list of {', '.join(_NUMBERS)}")
    return tuple(sorted({_NUMBERS[name] for name in value}))


def _place(body: dict[str, Any], name: str, levels: int) -> str:
    value = _text(body, name)
    parts = value.split("/")
    if value and (len(parts) != levels or not all(SLUG.match(part) for part in parts)):
        raise BadRequest(f"{name}: must be {'directorate/station/unit' if levels == 3 else 'its short name'}")
    return value
