"""Cuts a stream of bytes into lines: any chunking, any noise, bounded memory."""

from protocol.compat import Callable, const
from protocol.errors import Misuse

_CR = const(13)


class Splitter:
    """Collects bytes and gives out whole lines, without their CR or LF; empty lines are left out.

    A line ends at LF; a CR before it goes too, and a CR in the middle (baud garbage, `\\r\\r\\n`) is
    left to the reader of the line. A line of more than `limit` bytes is dropped whole, up to the next
    LF, and counted in `overlong`: what follows the cut is never taken for a line of its own. `idle(data, at)`
    is asked of each whole line, which begins there in `data` and ends at a LF; where it is true, the line is
    left out.
    """

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise Misuse("lines: limit of %d bytes" % limit)
        self.limit = limit
        self.overlong = 0
        self.idle: Callable[[bytes, int], bool] | None = None
        self._kept = b""  # begun and not ended; at most limit bytes and a CR
        self._skip = False  # in an over-long line

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes, oldest first."""
        # In C instead of a loop over bytes: this is the way of every byte the terminal reads. Lines that
        # nobody wants are not even copied. With one more local variable each call would need heap.
        data = self._kept + data
        lines: list[bytes] = []
        at = 0
        newline = data.find(b"\n")
        while newline >= 0:
            end = newline - 1 if newline > at and data[newline - 1] == _CR else newline
            if self._skip:
                self._skip = False  # the end of the over-long line, counted when it began
            elif end - at > self.limit:
                self.overlong += 1
            elif end > at and (self.idle is None or not self.idle(data, at)):
                lines.append(data[at:end])
            at = newline + 1
            newline = data.find(b"\n", at)
        self._begin(data[at:])
        return lines

    @property
    def begun(self) -> bool:
        """A line has begun and not ended: more is about to come."""
        return len(self._kept) > 0

    def reset(self) -> None:
        """Forget what has begun: after a change of baud rate, or of the device behind the wire."""
        self._kept = b""
        self._skip = False

    def _begin(self, kept: bytes) -> None:
        if self._skip:
            return
        room = self.limit + 1 if kept[-1:] == b"\r" else self.limit
        if len(kept) > room:
            self.overlong += 1
            self._skip = True  # resume at the next newline, never mid-line
            kept = b""
        self._kept = kept
