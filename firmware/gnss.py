"""The receiver's task: UART bytes, lines, sentences, one `Fix` per epoch; and the clock's best source."""

import asyncio

from firmware.clock import GNSS
from protocol.compat import const
from protocol.lines import Splitter
from protocol.nmea import MAX_LINE, Parser

_SILENT_MS = const(3000)
_LOST_MS = const(2500)  # a receiver at 1 Hz has missed two epochs
_RMC_LEADS_MS = const(3000)
_POLL_MS = const(100)  # 2,048 bytes of rxbuf last 170 ms at 115,200 baud


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

    def feed(self, data, now_ms):
        """True when a new epoch stands in `fix`."""
        if self._rmc_ms is None:
            self._rmc_ms = now_ms
        self._heard_ms = now_ms
        new = False
        for line in self._lines.feed(data):
            kind = self.parser.feed(line)
            if kind is None:
                continue
            self._sentence_ms = now_ms
            if kind == "RMC":
                self._rmc_ms = now_ms
                new = self._epoch(now_ms) or new
            elif (kind == "GGA" or kind == "GLL") and not self._rmc_leads(now_ms):
                new = self._epoch(now_ms) or new
        return new

    def tick(self, now_ms):
        """True when the fix was just lost: the receiver has fallen silent or says nothing valid."""
        if self.fix.valid and now_ms - self.fix.at_ms > _LOST_MS:
            self.fix.valid = False
            return True
        return False

    def _rmc_leads(self, now_ms):
        # RMC has all a report needs; the others lead only in a receiver that turns out not to send it.
        return now_ms - self._rmc_ms < _RMC_LEADS_MS

    def _epoch(self, now_ms):
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
        utc_ms = parser.utc_ms()
        if utc_ms is not None:
            self._clock.offer(utc_ms, GNSS)
        return True


async def run(watch, uart, receiver, clock, on_fix):
    """Own the receiver's UART. `on_fix()` after every epoch, and once when the fix is lost."""
    data = bytearray(256)
    view = memoryview(data)
    while True:
        watch.alive()
        new = False
        while uart.any():
            count = uart.readinto(data)
            new = receiver.feed(view[:count], clock.uptime_ms()) or new
        if receiver.tick(clock.uptime_ms()) or new:
            on_fix()
        await asyncio.sleep_ms(_POLL_MS)
