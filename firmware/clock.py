"""UTC in milliseconds, carried by the chip's tick counter. No module but this one knows what time it is.

Sources, best first: the GNSS receiver, the gateway (authenticated, but late by half a round trip), the
modem's NITZ (whatever the operator's cell believes). A worse source is heard only while a better one has
been silent for an hour. A jump is not believed at its first telling. Ticks wrap every 12.4 days on 32
bits: `uptime_ms` has to be called more often than every 6 days, which the supervisor does once a second.
"""

from firmware.version import NOT_AFTER_MS, NOT_BEFORE_MS
from protocol.compat import const

NITZ = const(1)
GATEWAY = const(2)
GNSS = const(3)

_FRESH_MS = const(3600000)  # 20 ppm of crystal lose 72 ms in an hour
_SMALL_MS = const(1000)  # below: lateness of a serial line or of the network, not a jump
_HOLD_MS = const(5000)  # a step back by less is waited out, not taken
_CONSISTENT = const(3)  # tellings of a jump before GNSS is believed


class Clock:
    """`ticks_ms()` and `ticks_diff(a, b)` are the port's; nothing else is read."""

    def __init__(self, ticks_ms, ticks_diff, not_before_ms=NOT_BEFORE_MS, not_after_ms=NOT_AFTER_MS):
        self._ticks_ms = ticks_ms
        self._diff = ticks_diff
        self._last = ticks_ms()
        self._uptime = 0
        self._low = not_before_ms
        self._high = not_after_ms
        self._base = None  # UTC at uptime 0
        self._given = 0
        self._heard = 0
        self._told = 0
        self._told_base = 0
        self.source = 0
        self.implausible = 0  # offers outside the plausible years
        self.jumps = 0  # steps taken
        self.disagreements = 0  # the gateway's authenticated time against the satellites'

    def uptime_ms(self):
        """Milliseconds since start; never wraps."""
        now = self._ticks_ms()
        if now != self._last:
            passed = self._diff(now, self._last)
            if passed > 0:
                self._uptime += passed
                self._last = now
        return self._uptime

    def now_ms(self):
        """ms since 1970-01-01 UTC, or None while nobody has told us. Never less than what was given before,
        unless the clock was found to be wrong by more than five seconds."""
        if self._base is None:
            return None
        now = self._base + self.uptime_ms()
        if now < self._given:
            return self._given
        self._given = now
        return now

    def offer(self, utc_ms, source):
        """A source says that it is `utc_ms` now. True when the clock follows it."""
        up = self.uptime_ms()
        if not self._low <= utc_ms <= self._high:
            self.implausible += 1
            return False
        base = utc_ms - up
        if self._base is None:
            self._follow(base, source, up)
            return True
        error = base - self._base
        if source < self.source and up - self._heard < _FRESH_MS:
            if source == GATEWAY and not -10000 < error < 10000:
                self.disagreements += 1
            return False
        if -_SMALL_MS < error < _SMALL_MS:
            self._trim(error, source)
            self._heard = up
            self._told = 0
            return True
        if source == GNSS and self.source != NITZ and not self._consistent(base):
            return False
        self.jumps += 1
        self._follow(base, source, up)
        return True

    def _consistent(self, base):
        # Receivers repeat an old second or invent a date after a cold start, then mend it.
        if self._told and -_SMALL_MS < base - self._told_base < _SMALL_MS:
            self._told += 1
        else:
            self._told = 1
            self._told_base = base
        return self._told >= _CONSISTENT

    def _trim(self, error, source):
        # Nobody tells the time early, everybody may tell it late: the earliest telling is the truest. So an
        # early one is followed whole, late ones by 1 ms each, which is more than a crystal drifts.
        if error > 0 or source > self.source:
            self._base += error
        elif source == GNSS and error < 0:
            self._base -= 1
        self.source = source

    def _follow(self, base, source, up):
        if base + up < self._given - _HOLD_MS:
            self._given = 0
        self._base = base
        self._heard = up
        self._told = 0
        self.source = source
