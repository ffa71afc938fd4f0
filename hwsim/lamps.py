"""Reads lamps and sounders from the edges on their pins, as docs/officer.md teaches an officer to.

A state counts from where its pattern began, but only once that is beyond doubt: flicker shows nothing.
"""

from hwsim.kernel import NO_LANE

# A pattern is (milliseconds lit, dark, lit, dark ...) and how many phases in a row must fit. A steady level
# is a state too, after so many milliseconds.
RED = {
    "blink": {"sending": ((100, 100), 4), "fault": ((250, 250), 4), "received": ((500, 500), 3)},
    "lit": ("acknowledged", 1000),
    "dark": ("off", 1000),
}
GREEN = {
    "blink": {
        "link": ((1900, 100), 2),
        "fix": ((100, 1900), 3),
        "neither": ((100, 200, 100, 1600), 4),
        "fault": ((250, 250), 4),
        "safe": ((100, 100, 100, 100, 100, 700), 6),
        "safe+link": ((700, 100, 100, 100, 100, 100), 6),
    },
    "lit": ("link+fix", 2500),
    "dark": ("dark", 2500),
}
UNCLEAR = "unclear"  # so many phases in a row belong to no pattern
# One phase that a signature held up spoils four; a change of stage two more, what it cut short and its gap;
# and a new pattern is known at its third.
_ODD_PHASES = 9

SOUNDS = {
    (50,): "key taken",
    (100, 100): "received",
    (600,): "acknowledged",
    (50, 50, 50): "message",
    (200,): "acknowledged, covert",
}
_GROUP_MS = 300  # silence that ends a group of pulses


def _fits(is_ms, shall_ms):
    # An eye takes half a second for half a second, though a signature has held the lamp up for 70 ms.
    return abs(is_ms - shall_ms) <= (38 if shall_ms < 500 else max(75, shall_ms * 0.12))


class Lamp:
    """`state`, and `began_us`: when what is shown now began. Each new state is an event "lamp"."""

    def __init__(self, kernel, terminal, pin, code):
        self.kernel = kernel
        self.pin = pin
        self.state = code["dark"][0]
        self.began_us = 0
        self.history = [(self.state, 0)]
        self._name = terminal.name
        self._lane = getattr(terminal, "aside", NO_LANE)
        self._code = code
        self._level = terminal.level(pin)
        self._since_us = kernel.now_us
        self._phases = []  # (level, begin, milliseconds), newest last
        self._odd = 0
        self._timer = None
        self._rest()
        terminal.watch_pin(pin, self._edge)

    def _edge(self, level):
        now_us = self.kernel.now_us
        self._phases.append((self._level, self._since_us, (now_us - self._since_us) / 1000))
        del self._phases[:-8]
        self._level, self._since_us = level, now_us
        self._rest()
        for state, (pattern, needed) in self._code["blink"].items():
            began_us = self._matches(pattern, needed)
            if began_us is not None:
                self._odd = 0
                self._show(state, began_us)
                return
        self._odd += 1
        if self._odd >= _ODD_PHASES:
            self._show(UNCLEAR, now_us)

    def _matches(self, pattern, needed):
        """When the pattern began (with light), if the last `needed` phases are of it; else None."""
        newest_lit = self._phases[-1][0]
        for place in range(0 if newest_lit else 1, len(pattern), 2):
            began_us = None
            fitting = 0
            for _, begin_us, ms in reversed(self._phases):
                turn = (place - fitting) % len(pattern)
                if not _fits(ms, pattern[turn]):
                    break
                if turn % 2 == 0:
                    began_us = begin_us
                fitting += 1
            if fitting >= needed:
                return began_us
        return None

    def _rest(self):
        """The lamp may stay as it is now: that is a state too, after its time."""
        if self._timer is not None:
            self._timer.cancel()
        state, after_ms = self._code["lit" if self._level else "dark"]
        after_us = self.kernel.now_us + after_ms * 1000
        self._timer = self.kernel.at_lane(self._lane, after_us, self._steady, state)

    def _steady(self, state):
        self._odd = 0
        self._show(state, self._since_us)

    def _show(self, state, began_us):
        if state == self.state:
            return
        self.state, self.began_us = state, began_us
        self.history.append((state, began_us))
        self.kernel.emit(self._name, "lamp", lamp=self.pin, state=state, began_us=began_us)


class Sounder:
    """A buzzer or vibrator: groups of pulses. Each is an event "sound" with its meaning, or None."""

    def __init__(self, kernel, terminal, pin):
        self.kernel = kernel
        self.pin = pin
        self.heard = []  # (meaning, pulses in milliseconds, when the group began)
        self._name = terminal.name
        self._lane = getattr(terminal, "aside", NO_LANE)
        self._on_us = None
        self._pulses = []
        self._began_us = 0
        self._timer = None
        terminal.watch_pin(pin, self._edge)

    def _edge(self, level):
        now_us = self.kernel.now_us
        if self._timer is not None:
            self._timer.cancel()
        if level:
            if not self._pulses:
                self._began_us = now_us
            self._on_us = now_us
        elif self._on_us is not None:
            self._pulses.append((now_us - self._on_us) / 1000)
            self._on_us = None
            self._timer = self.kernel.at_lane(self._lane, self.kernel.now_us + _GROUP_MS * 1000, self._end)

    def _end(self):
        pulses, self._pulses = self._pulses, []
        meaning = None
        for pattern, name in SOUNDS.items():
            if len(pattern) == len(pulses) and all(map(_sounds_like, pulses, pattern)):
                meaning = name
        rounded = tuple(round(ms) for ms in pulses)
        self.heard.append((meaning, rounded, self._began_us))
        self.kernel.emit(self._name, "sound", pin=self.pin, pulses=rounded, meaning=meaning)


def _sounds_like(is_ms, shall_ms):
    return 0.6 * shall_ms <= is_ms <= 1.4 * shall_ms
