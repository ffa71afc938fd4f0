"""What a board's MicroPython does after its boot code: it runs what lies on its flash, and then its prompt is
there. The prompt is MicroPython's own; where nobody sits at the console, there is none."""

import builtins
import hashlib
import io
import os
import sys
import time
from collections import namedtuple

import _bench

_PIECE = 4096
_CLOCKS = ("ticks_ms", "ticks_us", "ticks_cpu", "time", "time_ns")
_PROGRAM = "firmware.main"
# For a byte of flash to be read and taken into a SHA-256, in C without a machine for it: 50 cycles of a
# processor at 125 MHz. No chip was measured.
_DIGEST_NS = 400
_WORDS = ("record", "say", "quiet", "fed")
_kept = None


def run():
    """`/boot.py` and `/main.py`. After a soft reset from the raw prompt only the first."""
    console = _bench.options["console"]
    if console:
        _dress(console)
    names = __import__("__main__").__dict__
    for name in list(names):
        if name != "__name__":
            del names[name]
    _charge_digests()
    _file("boot.py", names)
    if not (console and console["raw"]):
        _file("main.py", names)


def _charge_digests():
    """The chip takes its time for what the selector and flash.py's scripts look through. The program's own
    digests are small, and those of its operations that make them have their price in costs.toml."""
    plain = builtins.__import__

    def importing(name, *arguments):
        if name == _PROGRAM:
            builtins.__import__ = plain
            sys.modules.pop("hashlib", None)
        return plain(name, *arguments)

    sys.modules["hashlib"] = _Hashlib
    builtins.__import__ = importing


class _Sha256:
    def __init__(self, data=b""):
        self._plain = hashlib.sha256()
        self.update(data)

    def update(self, data):
        self._plain.update(data)
        _bench.charge(len(data) * _DIGEST_NS // 1000)

    def digest(self):
        return self._plain.digest()


class _Hashlib:
    sha256 = _Sha256


def _file(name, names):
    try:
        with open("/" + name) as file:
            text = file.read()
    except OSError:
        return
    code = compile(text, name, "exec")
    text = None
    exec(code, names)


def ready(kept):
    """The prompt comes next. From here on the bench does not know when the program looks at the clock."""
    global _kept
    _kept = kept
    for name in _CLOCKS:
        setattr(time, name, _fresh(getattr(time, name)))
    for name in _WORDS:
        setattr(_bench, name, _told(getattr(_bench, name)))
    _bench.record(_bench.CONSOLE, 1)
    _bench.charge(1)


def _told(function):
    """What goes out does so now: the prompt comes to no wait that would take it along."""

    def told(*arguments):
        function(*arguments)
        if arguments[:1] != (_bench.QUESTION,):  # that goes with its own message
            _bench.charge(1)

    return told


def _fresh(function):
    def fresh(*arguments):
        _bench.charge(1)
        return function(*arguments)

    return fresh


class _Stdout(io.IOBase):
    """Text comes with carriage returns, as on a board; `buffer` passes bytes on as they are."""

    def __init__(self, plain):
        self._plain = plain
        self.buffer = _Buffer()

    def write(self, text):
        return self._plain.write(text)


class _Buffer(io.IOBase):
    def write(self, data):
        data = memoryview(data)
        for at in range(0, len(data), _PIECE):
            _bench.record(_bench.CONSOLE, 0, data[at : at + _PIECE])
            _bench.charge(1)
        return len(data)


class _Sys:
    """`sys` of the board."""

    def __init__(self, console):
        for name in dir(sys):
            setattr(self, name, getattr(sys, name))
        fields = ("name", "version", "_machine", "_mpy")
        numbers = tuple(int(part) for part in console["version"].split("."))
        self.implementation = namedtuple("implementation", fields)(
            "micropython", numbers + ("",), console["machine"], console["mpy"] or sys.implementation._mpy
        )
        self.version = "3.4.0; MicroPython v" + console["version"] + " on 2026-07-05"
        self.platform = console["platform"]
        self.stdout = _Stdout(sys.stdout)


def _dress(console):
    """The computer's MicroPython passes for the board's."""
    version, platform, machine = console["version"], console["platform"], console["machine"]
    os.uname = lambda: (platform, platform, version, "v" + version + " on 2026-07-05", machine)
    sys.modules["sys"] = _Sys(console)
