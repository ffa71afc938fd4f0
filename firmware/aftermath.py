"""What a start makes of the starts before it, and how safe mode looks. Loaded at a start, and let go of.

An engine that cranks takes the power away, and RTC memory with it: that is no start that failed.
"""

import io
import sys
from binascii import crc32

from firmware.hal import RESET_POWER, RESET_WATCHDOG
from firmware.trace import FAILS, LAYOUT, LENGTH, ROOM, RUNNING, STATE, SUM, TEXT, WHY, Trace
from protocol import report
from protocol.compat import const

# So many starts that failed in a row make safe mode, and so many its barest form.
SAFE = const(3)
BARE = const(5)
_MOST = const(200)
_VERSION = const(0xA1)
_EIO = const(5)

# The green lamp without and with a link: three short flashes, three short gaps.
LAMP = ((100, 100, 100, 100, 100, 700), (700, 100, 100, 100, 100, 100))


def begin(hal):
    """The trace of this start, and whether it is one in safe mode."""
    data = bytearray(TEXT + ROOM)
    held = b"" if hal.memory is None or hal.reset_cause == RESET_POWER else hal.memory()
    if len(held) == len(data):
        data[:] = held
        whole = crc32(memoryview(data)[SUM:]).to_bytes(SUM, "big") == held[:SUM]
        if not whole or data[LAYOUT] != _VERSION or data[LENGTH] | data[LENGTH + 1] << 8 > ROOM:
            data[:] = bytes(len(data))
    data[LAYOUT] = _VERSION
    if data[STATE] == RUNNING:
        # Nobody said that all was well, nor that a reset would come.
        data[FAILS] = min(data[FAILS] + 1, _MOST)
        data[WHY] = report.SAFE_WATCHDOG if hal.reset_cause == RESET_WATCHDOG else report.SAFE_CRASH
    data[STATE] = RUNNING
    trace = Trace(data, hal.memory)
    if data[FAILS] >= SAFE:
        trace.safe = 2 if data[FAILS] >= BARE else 1
    trace.keep()
    return trace, data[FAILS], data[WHY]


def failed(trace):
    """This start has, and says so itself."""
    trace.data[WHY] = report.SAFE_ERROR
    trace.keep(min(trace.data[FAILS] + 1, _MOST))


def where(error):
    """The innermost places of an exception, as "file:line file:line"."""
    text = io.StringIO()
    sys.print_exception(error, text)
    places = []
    for line in text.getvalue().split("\n"):
        parts = line.split('"')
        if len(parts) == 3 and ", line " in parts[2]:
            places.append("%s:%s" % (parts[1].split("/")[-1], parts[2].split(",")[1][6:]))
    return " ".join(places[-3:])


class NoJournal:
    """In the place of one that keeps the terminal from starting: frames live in memory alone."""

    def append(self, urgent, frame, boot, seq, kind=None):
        raise OSError(_EIO)

    def prepare(self):
        return False

    def peek(self, urgent, n, after=None):
        return []

    def done(self, keys):
        pass

    def count(self, urgent):
        return 0

    def failed(self):
        return 0
