"""Cuts a stream of bytes into lines: any chunking, any noise, bounded memory."""

from protocol.compat import Callable, const
from protocol.errors import Misuse

_CR = const(13)


class Splitter:
    """Collects bytes and gives out whole lines, without their CR or LF; empty lines are left out.

    A line ends at LF; a CR before it goes too, and a CR in the middle (baud garbage, `\\r\\r\\n`) is
    left to the reader of the line. A line of more than `limit` bytes is dropped whole, up to the next
    LF, and counted in `overlong`: what follows the cut is never taken for a line of its own.
    """

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise Misuse("lines: limit of %d bytes" % limit)
        self.limit = limit
        self.overlong = 0
        self._kept = b""  # begun and not ended; at most limit bytes and a CR
        self._skip = False  # in an over-long line

    def feed(self, data: bytes, idle: Callable[[bytes], bool] | None = None) -> list[bytes]:
        """Return the lines that `data` completes, oldest first. `idle(line)` gets each with its CR; those
        that it is true of are left out."""
        # One split in C instead of a loop over bytes: this is the way of every byte the terminal reads.
        parts = bytes(data).split(b"\n")
        if len(parts) == 1 and len(self._kept) + len(parts[0]) <= self.limit and not self._skip:
            self._kept += parts[0]
            return []
        lines: list[bytes] = []
        last = parts.pop()
        for part in parts:
            if self._kept:
                part = self._kept + part
                self._kept = b""
            end = len(part)
            if end and part[end - 1] == _CR:
                end -= 1
            if self._skip:
                self._skip = False  # the end of the over-long line, counted when it began
            elif end > self.limit:
                self.overlong += 1
            elif end and (idle is None or not idle(part)):
                lines.append(part[:end])
        self._begin(last)
        return lines

    @property
    def begun(self) -> bool:
        """A line has begun and not ended: more is about to come."""
        return len(self._kept) > 0

    def reset(self) -> None:
        """Forget what has begun: after a change of baud rate, or of the device behind the wire."""
        self._kept = b""
        self._skip = False

    def _begin(self, part: bytes) -> None:
        if self._skip:
            return
        kept = self._kept + part
        room = self.limit + 1 if kept[-1:] == b"\r" else self.limit
        if len(kept) > room:
            self.overlong += 1
            self._skip = True  # resume at the next newline, never mid-line
            kept = b""
        self._kept = kept
