"""Lamps, buzzer, vibrator: patterns as tables of milliseconds, on first, then off, and so on round.

The patterns are the officer's language (docs/officer.md) and the bench's: both read them from the wires.
"""

from firmware.panic import ACKNOWLEDGED, RECEIVED
from firmware.signal import Signal
from protocol.compat import const

_LATER = const(20000)  # nothing changes by itself; a task that hangs is missed after this and its deadline
# A lit lamp goes dark before the alarm's next stage: nobody takes light that was there before for the answer.
_GAP_MS = const(100)
# The click of PANIC and the two beeps of its receipt would else be three beeps to an ear.
_PAUSE_MS = const(300)
_NEWS_MS = const(1600)  # three phases of the slowest pattern tell it from the others

DARK = ()
STEADY = (1,)
SENDING = (100, 100)
GOT = (500, 500)
LINK_FIX = STEADY
LINK_ONLY = (1900, 100)
FIX_ONLY = (100, 1900)
NEITHER = (100, 200, 100, 1600)
FAULT_RED = (250, 250)
FAULT_GREEN = (0, 250, 250, 0)

CLICK = (50,)
TWO_BEEPS = (100, 100, 100)
LONG = (600,)
THREE_BEEPS = (50, 100, 50, 100, 50)
SHAKE = (200,)


def phase(pattern, elapsed_ms):
    """(level, ms until it changes) of a pattern that goes round."""
    if len(pattern) < 2:
        return (1 if pattern else 0), _LATER
    elapsed_ms %= sum(pattern)
    level = 1
    for span in pattern:
        if elapsed_ms < span:
            return level, span - elapsed_ms
        elapsed_ms -= span
        level = 1 - level
    return 0, 1


class _Lamp:
    def __init__(self, write):
        self._write = write
        self._pattern = DARK
        self.since = 0  # what is shown began then; 0: at no moment of its own
        self._level = 0
        self._next = 0

    def show(self, pattern, now_ms, gap_ms=0):
        """From now on; after `gap_ms` of darkness if it is lit."""
        if pattern != self._pattern:
            self._pattern = pattern
            self.since = self._next = now_ms + gap_ms if self._level else now_ms

    def step(self, now_ms):
        if now_ms < self.since:
            level, left = 0, self.since - now_ms
        else:
            if self.since and now_ms > self._next:
                # A signature or the flash has held us up: what is late comes whole, a sliver tells nobody.
                self.since += now_ms - self._next
            level, left = phase(self._pattern, now_ms - self.since)
        self._next = now_ms + left
        self._level = level
        self._write(level)
        return left


class _Player:
    """Buzzer or vibrator: one pattern at a time, a few waiting. Each sound and each pause lasts as long as it
    says, or longer when something holds us up: three beeps stay three."""

    def __init__(self, write):
        self._write = write
        self._waiting = []
        self._at = 0  # next span of the pattern
        self._due = 0

    def play(self, pattern, now_ms):
        if not self._waiting:
            self._due = max(self._due, now_ms)
        elif len(self._waiting) >= 4:
            return
        self._waiting.append(pattern)

    def silence(self):
        self._waiting = []
        self._at = 0
        self._write(0)

    def step(self, now_ms):
        while self._waiting and now_ms >= self._due:
            pattern = self._waiting[0]
            if self._at < len(pattern):
                self._write(1 - self._at % 2)
                self._due = now_ms + pattern[self._at]
                self._at += 1
            else:
                self._write(0)
                self._waiting.pop(0)
                self._at = 0
                self._due = now_ms + _PAUSE_MS
        return self._due - now_ms if self._waiting else _LATER


class Indicator:
    """What the officer sees, hears and feels. Each `write(level)` drives one wire.

    Covert: an alarm lights nothing and makes no sound; its acknowledgement is one vibration.
    """

    def __init__(self, red, green, buzzer, vibrator, covert, uptime_ms):
        self._uptime_ms = uptime_ms
        self._covert = covert
        self._red = _Lamp(red)
        self._green = _Lamp(green)
        self._buzzer = _Player(buzzer)
        self._vibrator = _Player(vibrator)
        self._stage = None
        self._link = False
        self._fix = False
        self._fault = False
        self.safe = None  # safe mode: the green lamp's patterns without and with a link
        self.changed = Signal()

    def panic(self, stage):
        """The least advanced open alarm's stage (`Panics.least()`), None for none."""
        self._stage = stage
        if self.hushed:
            self._buzzer.silence()  # nothing that was begun may sound on
        self._refresh()

    def link(self, link, fix):
        """link: the gateway has answered lately; fix: the position is known now."""
        if link != self._link or fix != self._fix:
            self._link = link
            self._fix = fix
            self._refresh()

    def fault(self, on):
        self._fault = on
        self._refresh()

    @property
    def news(self):
        """How far an alarm is has just begun to be shown, and nobody can have read it yet."""
        return self._red.since > 0 and self._uptime_ms() - self._red.since < _NEWS_MS

    @property
    def hushed(self):
        """A covert alarm is open: nothing sounds."""
        return self._covert and self._stage is not None

    def click(self):
        self._sound(CLICK)

    def received(self):
        self._sound(TWO_BEEPS)

    def acknowledged(self):
        if self._covert:
            self._play(self._vibrator, SHAKE)
        else:
            self._sound(LONG)

    def message(self):
        self._sound(THREE_BEEPS)

    def step(self):
        """Set every wire for this moment; ms until the next change."""
        now = self._uptime_ms()
        left = self._red.step(now)
        left = min(left, self._green.step(now))
        left = min(left, self._buzzer.step(now))
        return min(left, self._vibrator.step(now))

    def _sound(self, pattern):
        if not self.hushed:
            self._play(self._buzzer, pattern)

    def _play(self, player, pattern):
        player.play(pattern, self._uptime_ms())
        self.step()  # it begins now, though whoever asked may be about to write flash
        self.changed.set()

    def _refresh(self):
        now = self._uptime_ms()
        if self._stage is not None and not self._covert:
            self._red.show(_red(self._stage), now, _GAP_MS)
        else:
            # Both lamps of a fault count from the same moment, whenever each joins in: they blink in turn.
            self._red.show(FAULT_RED if self._fault else DARK, 0)
        if self._fault:
            self._green.show(FAULT_GREEN, 0)
        elif self.safe:
            self._green.show(self.safe[1 if self._link else 0], now)
        else:
            self._green.show(_green(self._link, self._fix), now)
        self.changed.set()


def _red(stage):
    if stage == ACKNOWLEDGED:
        return STEADY
    return GOT if stage == RECEIVED else SENDING


def _green(link, fix):
    if link:
        return LINK_FIX if fix else LINK_ONLY
    return FIX_ONLY if fix else NEITHER


async def run(watch, indicator):
    changed = indicator.changed
    while True:
        left = indicator.step()
        if left < _LATER:
            watch.alive()
        else:
            watch.rest(left, changed)
        await changed.wait_ms(left)
