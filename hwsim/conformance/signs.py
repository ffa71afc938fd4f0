"""What a story may wait for, or make sure of: predicates over what the witness saw, each with the words for
it."""

import json
from dataclasses import dataclass

from protocol import report

# Lamps are read by an eye: a state counts from its first phase, and is certain some phases later.
_EYE_S = {"lamp": 6.0, "sound": 1.5}
_DARK_US = 520_000  # the dark half of "received"


@dataclass(frozen=True)
class Sign:
    """`what` is the witness's word; `test(seen)` may look further."""

    what: str
    text: str
    test: object = None
    early_us: int = 0  # it may have begun so long before: nobody sees where the dark half of a blink ends

    def __call__(self, seen):
        return seen.what == self.what and (self.test is None or bool(self.test(seen)))

    def where(self, text, test):
        """The same sign, and more is asked of it."""
        return Sign(self.what, f"{self.text} {text}", lambda seen: self(seen) and test(seen), self.early_us)

    @property
    def late_s(self):
        """So long after it began it may be noticed."""
        return _EYE_S.get(self.what, 0.0)


def lamp(colour, *states):
    """The lamp begins to show that (hwsim/lamps.py has the names)."""
    text = f"{colour} lamp shows {' or '.join(states)}" if states else f"{colour} lamp changes"
    early_us = _DARK_US if states and set(states) <= {"off", "dark"} else 0
    return Sign("lamp", text, lambda s: s.lamp == colour and (not states or s.state in states), early_us)


def pin(name, level=1):
    """The wire of a lamp or sounder goes to that level."""
    return Sign(
        "pin", f"{name} goes {'on' if level else 'off'}", lambda s: s.pin == name and s.level == level
    )


def sound(meaning=None, pin=None):
    """A group of pulses of buzzer or vibrator; without arguments, any."""
    text = "any sound" if meaning is None and pin is None else f"{pin or 'sound'}: {meaning or 'anything'}"
    return Sign(
        "sound",
        text,
        lambda s: (meaning is None or s.meaning == meaning) and (pin is None or s.pin == pin),
    )


def stored(kind=None, text="", test=None):
    """Headquarters has stored a new frame of that kind; `test(report)`."""
    words = f"headquarters has {'a frame' if kind is None else kind}{' ' + text if text else ''}"
    return Sign(
        "stored", words, lambda s: (kind is None or s.kind == kind) and (test is None or test(s.report))
    )


def panic(id=None, text="", test=None):
    """Headquarters has stored the frame of an alarm."""
    return stored("panic", text, lambda r: (id is None or panic_id(r) == id) and (test is None or test(r)))


def up(name=None, text="", test=None, first=None):
    """A datagram leaves the terminal; `name` as ear.py has it ("panic", "observe", "EDHOC 1" ...): of a
    batch, any part of it. `test(datagram)`; `first`: its bytes are new, or are not."""
    return _air("up", "the terminal sends", name, text, test, first)


def down(name=None, text="", test=None, first=None):
    """A datagram leaves headquarters."""
    return _air("down", "headquarters sends", name, text, test, first)


def _air(what, words, name, text, test, first):
    again = {None: "", True: " anew", False: " again, the same bytes"}[first]
    return Sign(
        what,
        f"{words} {name or 'a datagram'}{again}{' ' + text if text else ''}",
        lambda s: (
            (name is None or name in s.name.split("+"))
            and (first is None or s.first == first)
            and (test is None or test(s.datagram))
        ),
    )


def answered(number, answer=None):
    """The terminal's answer to a command has come."""
    words = f"command {number} is answered" + ("" if answer is None else f" with {answer}")
    return Sign("answered", words, lambda s: s.number == number and (answer is None or s.answer == answer))


def published(label, text="", test=None):
    """A message of that kind at the broker; `test(properties)` looks into a GeoJSON Feature."""

    def looks(seen):
        return seen.label == label and (test is None or test(json.loads(seen.payload).get("properties", {})))

    return Sign("published", f"the broker gets {label}{' ' + text if text else ''}", looks)


def update(state, reason=""):
    """The terminal says so of its update; `reason`: a part of why."""
    text = f"the terminal says of the update: {state}{' (' + reason + ')' if reason else ''}"
    return Sign("update", text, lambda s: s.state == state and reason in s.reason)


def start(cause=None):
    return Sign("start", f"the terminal starts ({cause or 'any cause'})", lambda s: cause in (None, s.cause))


def modem(state=None):
    return Sign("modem", f"modem {state or 'changes'}", lambda s: state in (None, s.state))


def modem_pin(pin=None, level=1):
    text = f"the terminal drives {pin or 'a power pin of the modem'} to {level}"
    return Sign("modem pin", text, lambda s: pin in (None, s.pin) and s.level == level)


def trouble():
    return Sign("trouble", "the watchdog bites or the program ends")


def panic_id(fields):
    return fields.get(report.PANIC, {}).get(report.PANIC_ID)


def name_of(fields):
    """(boot, seq)"""
    return fields[report.BOOT], fields[report.SEQ]


def place(fields):
    """(lat, lon) in degrees, or None."""
    fix = fields.get(report.FIX)
    if fix is None or fix[report.FIX_LAT] is None:
        return None
    return fix[report.FIX_LAT] / 1e7, fix[report.FIX_LON] / 1e7
