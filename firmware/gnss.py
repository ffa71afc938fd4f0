"""The receiver's task: UART bytes, lines, sentences, one `Fix` per epoch; and the clock's best source.

A receiver speaks in bursts, one per epoch. Each look waits for the next one to be over; it aims a little
early, so that it stays close behind the burst whichever clock is the faster. Of a car that is parked only
a glance is taken now and then, and what was said meanwhile is not read.
"""

import asyncio

from firmware.clock import GNSS
from protocol.compat import const
from protocol.lines import Splitter
from protocol.nmea import MAX_LINE, Parser

_SILENT_MS = const(3000)
_LOST_MS = const(2500)  # a receiver at 1 Hz has missed two epochs
_RMC_LEADS_MS = const(3000)
_POLL_MS = const(100)  # 2,048 bytes of rxbuf last 170 ms at 115,200 baud
_EARLY_MS = const(20)
_DEAF_MS = const(1000)  # nobody speaks: a cable is mended by hand
_GLANCE_MS = const(24000)
_A = const(65)
_G = const(71)
_S = const(83)
_V = const(86)
_EPOCH_MS = const(1300)  # after so long a whole epoch at 1 Hz was heard


class Fix:
    """The last known position. Every field is an integer or None; `at_ms` is the uptime it was heard at."""

    def __init__(self):
        self.valid = False  # now, not once
        self.lat_e7 = None
        self.lon_e7 = None
        self.alt_dm = None
        self.speed_cm_s = None
        self.course_cdeg = None
        self.hdop_tenths = None
        self.sats = None
        self.at_ms = 0

    def age_s(self, now_ms):
        """Whole seconds since the position was heard, None when there never was one."""
        return None if self.lat_e7 is None else (now_ms - self.at_ms) // 1000


class Receiver:
    """Sans-IO: bytes and the uptime in, `fix` and the clock's offers out."""

    def __init__(self, clock):
        self._clock = clock
        self._lines = Splitter(MAX_LINE)
        self.parser = Parser()
        self.fix = Fix()
        self.epochs = 0
        self.period_ms = _POLL_MS  # from one RMC to the next, in the receiver's own time
        self._utc_ms = None
        self._heard_ms = None
        self._sentence_ms = None
        self._rmc_ms = None  # the last RMC; before any, the first byte

    @property
    def antenna(self):
        return self.parser.antenna

    def silent(self, now_ms):
        """No byte at all: a cable, a fuse, the receiver itself."""
        return self._heard_ms is None or now_ms - self._heard_ms > _SILENT_MS

    def garbled(self, now_ms):
        """Bytes, but no sentence among them: a wrong baud rate."""
        return not self.silent(now_ms) and (
            self._sentence_ms is None or now_ms - self._sentence_ms > 3 * _SILENT_MS
        )

    @property
    def midway(self):
        """A line has begun: the burst is not over."""
        return self._lines.begun

    def afresh(self):
        """What was said meanwhile has not been read."""
        self._lines.reset()
        self._utc_ms = None

    def feed(self, data, now_ms):
        """True when a new epoch stands in `fix`."""
        if self._rmc_ms is None:
            self._rmc_ms = now_ms
        self._heard_ms = now_ms
        self._lines.idle = None
        if self._sentence_ms is not None and now_ms - self._sentence_ms < _SILENT_MS:
            self._lines.idle = self._idle_talk
        lines = self._lines.feed(data)
        new = False
        while lines:
            new = self._line(lines.pop(0), now_ms) or new
        return new

    def _line(self, line, now_ms):
        kind = self.parser.feed(line)
        if kind is None:
            return False
        self._sentence_ms = now_ms
        if kind == "RMC":
            self._rmc_ms = now_ms
            before, self._utc_ms = self._utc_ms, self.parser.utc_ms()
            self.period_ms = _POLL_MS
            if before is not None and self._utc_ms is not None:
                self.period_ms = max(_POLL_MS, min(self._utc_ms - before, 1000))
            return self._epoch(now_ms, self._utc_ms)
        # RMC has all a report needs; the others lead only in a receiver that turns out not to send it.
        leads = now_ms - self._rmc_ms >= _RMC_LEADS_MS
        return leads and (kind == "GGA" or kind == "GLL") and self._epoch(now_ms, self.parser.utc_ms())

    def _idle_talk(self, data, at):
        # Which satellites are in view nobody asks; how many, and the dilution, is in GGA where there is one.
        # A byte is a number; three of them cut out would lie on the heap.
        if data.find(b"\n", at, at + 6) >= 0 or data[at + 3] != _G or data[at + 4] != _S:
            return False
        return data[at + 5] == _V or (data[at + 5] == _A and self.parser.quality is not None)

    def tick(self, now_ms, glancing=False):
        """True when the fix was just lost: the receiver has fallen silent or says nothing valid."""
        lost_ms = _GLANCE_MS + 2 * _LOST_MS if glancing else _LOST_MS
        if self.fix.valid and now_ms - self.fix.at_ms > lost_ms:
            self.fix.valid = False
            return True
        return False

    def _epoch(self, now_ms, utc_ms):
        parser = self.parser
        if not parser.valid:
            return False
        fix = self.fix
        fix.lat_e7, fix.lon_e7 = parser.lat_e7, parser.lon_e7
        fix.alt_dm = parser.alt_dm
        fix.speed_cm_s, fix.course_cdeg = parser.speed_cm_s, parser.course_cdeg
        fix.hdop_tenths, fix.sats = parser.hdop_tenths, parser.sats_used
        fix.at_ms = now_ms
        fix.valid = True
        self.epochs += 1
        if utc_ms is not None:
            self._clock.offer(utc_ms, GNSS)
        return True


async def run(watch, uart, receiver, clock, on_fix, beat):
    """Own the receiver's UART. `on_fix()` after every epoch, and once when the fix is lost. While
    `beat.quiet`, where the car is is looked at now and then; `beat.stirred` (a Signal) ends that at once."""
    data = bytearray(256)
    view = memoryview(data)
    while True:
        watch.alive()
        glancing = beat.quiet
        if glancing:
            await beat.stirred.wait_ms(_GLANCE_MS)
            watch.alive()
            while uart.any():
                uart.readinto(data)
            receiver.afresh()
            await asyncio.sleep_ms(_EPOCH_MS)
        new = False
        pause_ms = 0
        while uart.any():
            count = uart.readinto(data)
            new = receiver.feed(view[:count], clock.uptime_ms()) or new
            pause_ms = _POLL_MS if receiver.midway else receiver.period_ms - _EARLY_MS
        now = clock.uptime_ms()
        if receiver.tick(now, glancing) or new:
            on_fix()
        if not glancing:
            await asyncio.sleep_ms(pause_ms or (_DEAF_MS if receiver.silent(now) else _POLL_MS))
