"""Structured logs: one JSON object a line."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TextIO

from gateway.clock import Clock

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
# What may come with each request is told once in such a while.
SELDOM_MS = 60_000


_PARTS = tuple(f".{ms:03d}Z" for ms in range(1000))


def iso(ms: int) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return _second(ms // 1000) + _PARTS[ms % 1000]


@lru_cache(maxsize=256)
def _second(second: int) -> str:
    # Most of what is written speaks of the same few seconds.
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class _Often:
    """One event that is told seldom: `count` came since its last line, the last of them with `fields`."""

    __slots__ = ("count", "fields", "level", "since_ms")

    def __init__(self, since_ms: float) -> None:
        self.since_ms = since_ms
        self.count = 0
        self.level = "info"
        self.fields: dict[str, object] = {}


class Log:
    """Writes whole lines, so that several processes may share one stream. Byte strings are shown as hex."""

    def __init__(self, level: str = "info", stream: TextIO | None = None, clock: Clock | None = None) -> None:
        self._threshold = LEVELS[level]
        self._stream = stream
        self._clock = clock or Clock()
        self._counts: dict[str, int] = {}
        self._often: dict[str, _Often] = {}
        self.lost = 0

    def shows(self, level: str) -> bool:
        """Lines of this level are written."""
        return LEVELS[level] >= self._threshold

    def set_level(self, level: str) -> None:
        """From now on."""
        self._threshold = LEVELS[level]

    def debug(self, event: str, **fields: object) -> None:
        self._write(10, "debug", event, fields)

    def info(self, event: str, **fields: object) -> None:
        self._write(20, "info", event, fields)

    def together(self, event: str, lines: Sequence[dict[str, object]]) -> None:
        """As many lines of `info` at once."""
        if lines and self._threshold <= 20:
            self._put("".join([self._line("info", event, fields) for fields in lines]))

    def warning(self, event: str, **fields: object) -> None:
        self._write(30, "warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        self._write(40, "error", event, fields)

    def count(self, event: str, number: int) -> None:
        """So many more; `sweep` writes how many they were."""
        self._counts[event] = self._counts.get(event, 0) + number

    def seldom(self, level: str, event: str, **fields: object) -> None:
        """For what comes with each request as long as something is away: the first has a line at once, all
        that follow within a minute one line at its end, with their number and the fields of the last."""
        now = self._clock.mono_ms()
        known = self._often.get(event)
        if known is None:
            self._often[event] = _Often(now)
            self._write(LEVELS[level], level, event, {**fields, "count": 1})
            return
        known.count += 1
        known.level, known.fields = level, {**fields, "last": iso(self._clock.wall_ms())}
        if now - known.since_ms >= SELDOM_MS:
            self._sum_up(event, known)

    def _sum_up(self, event: str, known: _Often) -> None:
        self._write(LEVELS[known.level], known.level, event, {**known.fields, "count": known.count})
        known.since_ms, known.count = self._clock.mono_ms(), 0

    def sweep(self, ending: bool = False) -> None:
        """Call now and then."""
        for event, known in list(self._often.items()):
            if not ending and self._clock.mono_ms() - known.since_ms < SELDOM_MS:
                continue
            if known.count:
                self._sum_up(event, known)
            else:
                del self._often[event]
        counts, self._counts = self._counts, {}
        for event, number in counts.items():
            if number:
                self.info(event, count=number)

    def _write(self, rank: int, level: str, event: str, fields: dict[str, object]) -> None:
        if rank < self._threshold:
            return
        self._put(self._line(level, event, fields))

    def _line(self, level: str, event: str, fields: dict[str, object]) -> str:
        line = {
            "event": event,
            "level": level,
            "time": iso(self._clock.wall_ms()),
            "mono_ms": round(self._clock.mono_ms(), 3),
        }
        line.update(fields)
        return _text(line) + "\n"

    def _put(self, text: str) -> None:
        stream = self._stream if self._stream is not None else sys.stderr
        try:
            stream.write(text)
            stream.flush()
        except (OSError, ValueError):
            # A full disk or a closed pipe under the log must not stop the service.
            self.lost += text.count("\n")


def _plain(value: object) -> str:
    return value.hex() if isinstance(value, bytes | bytearray) else str(value)


# `json.dumps` would make it anew for each line.
_text = json.JSONEncoder(default=_plain, ensure_ascii=False).encode
