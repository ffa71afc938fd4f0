"""Structured logs: one JSON object a line."""

import json
import sys
from datetime import UTC, datetime
from typing import TextIO

from gateway.clock import Clock

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def iso(ms: int) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{ms % 1000:03d}Z"


class Log:
    """Writes whole lines, so that several processes may share one stream. Byte strings are shown as hex."""

    def __init__(self, level: str = "info", stream: TextIO | None = None, clock: Clock | None = None) -> None:
        self._threshold = LEVELS[level]
        self._stream = stream
        self._clock = clock or Clock()
        self.lost = 0

    def debug(self, event: str, **fields: object) -> None:
        self._write(10, "debug", event, fields)

    def info(self, event: str, **fields: object) -> None:
        self._write(20, "info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        self._write(30, "warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        self._write(40, "error", event, fields)

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
