"""What a reset leaves: the last words of the log, and how the starts before went (`aftermath.py` reads that).

It lies in the chip's RTC memory, which a watchdog's reset leaves alone and a loss of power does not. Written
at every line: a copy inside the chip, no flash.
"""

from binascii import crc32

from protocol.compat import const
from protocol.limits import MAX_TRACE

# Places: CRC-32 of all behind it (four bytes), this layout, starts that failed in a row, why the last did,
# how this start goes, bytes of text (two), text.
SUM = const(4)
LAYOUT = const(4)
FAILS = const(5)
WHY = const(6)
STATE = const(7)
LENGTH = const(8)
TEXT = const(10)
ROOM = const(480)
RUNNING = const(1)
OVER = const(2)  # it did not fail, or the program itself said that it did
_LINE = const(120)


class Trace:
    """`data` is what lies there; `hold(data)` puts it there, None where the chip has no such place. `old`:
    bytes of text from before this start."""

    def __init__(self, data, hold):
        self.data = data
        self._hold = hold
        self._length = self.old = self._seen = data[LENGTH] | data[LENGTH + 1] << 8
        self.safe = 0  # 1: safe mode; 2: and without whatever can be done without

    def say(self, uptime_ms, text):
        """One more line; the oldest give way."""
        line = ("%d %s" % (uptime_ms // 1000, text)).encode()[:_LINE] + b"\n"
        self._drop(self._length + len(line) - ROOM)
        length = self._length
        self._length = length + len(line)
        self.data[TEXT + length : TEXT + self._length] = line
        self.keep()

    def peek(self):
        """The next piece of what was said before this start, whole lines, oldest first; b"" when all of it
        is done with."""
        self._seen = self.old
        text = bytes(self.data[TEXT : TEXT + min(self.old, MAX_TRACE)])
        if self.old > MAX_TRACE:
            text = text[: text.rfind(b"\n") + 1] or text
        return text

    def done(self, text):
        """That piece is in a frame."""
        if text:
            self._drop(len(text) - (self._seen - self.old))  # new lines may have taken of its room
            self.keep()

    def keep(self, fails=None):
        """With `fails`, so many starts in a row have failed, and what becomes of this one is no news."""
        data = self.data
        if fails is not None:
            data[FAILS] = fails
            data[STATE] = OVER
        data[LENGTH] = self._length & 0xFF
        data[LENGTH + 1] = self._length >> 8
        data[:SUM] = crc32(memoryview(data)[SUM:]).to_bytes(SUM, "big")
        if self._hold is not None:
            self._hold(data)

    def _drop(self, count):
        if count > 0:
            left = self.data[TEXT + count : TEXT + self._length]
            self._length = len(left)
            self.data[TEXT : TEXT + self._length] = left
            self.old = max(0, self.old - count)
