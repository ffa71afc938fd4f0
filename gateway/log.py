"""Structured logs: one JSON object a line."""

import json
import sys
from datetime import UTC, datetime
from functools import lru_cache
from typing import TextIO

from gateway.clock import Clock

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def iso(ms: int) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return f"{_second(ms // 1000)}.{ms % 1000:03d}Z"


@lru_cache(maxsize=256)
def _second(second: int) -> str:
    # Most of what is written speaks of the same few seconds.
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class Log:
    """Writes whole lines, so that several processes may share one stream. Byte strings are shown as hex."""

    def __init__(self, level: str = "info", stream: TextIO | None = None, clock: Clock | None = None) -> None:
        self._threshold = LEVELS[level]
        self._stream = stream
        self._clock = clock or Clock()
        self._counts: dict[str, int] = {}
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

    def warning(self, event: str, **fields: object) -> None:
        self._write(30, "warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        self._write(40, "error", event, fields)

    def count(self, event: str, number: int) -> None:
        """So many more; `sweep` writes how many they were."""
        self._counts[event] = self._counts.get(event, 0) + number

    def sweep(self) -> None:
        """Call now and then."""
        counts, self._counts = self._counts, {}
        for event, number in counts.items():
            if number:
                self.info(event, count=number)

    def _write(self, rank: int, level: str, event: str, fields: dict[str, object]) -> None:
        if rank < self._threshold:
            return
        line = {
            "event": event,
            "level": level,
            "time": iso(self._clock.wall_ms()),
            "mono_ms": round(self._clock.mono_ms(), 3),
        }
        line.update(fields)
        stream = self._stream if self._stream is not None else sys.stderr
        try:
            stream.write(json.dumps(line, default=_plain, ensure_ascii=False) + "\n")
            stream.flush()
        except (OSError, ValueError):
            # A full disk or a closed pipe under the log must not stop the service.
            self.lost += 1


def _plain(value: object) -> str:
    return value.hex() if isinstance(value, bytes | bytearray) else str(value)
