"""Measures the program's operations on the computer's processor: so the bench's table of costs is made."""

import gc
import sys
from array import array

import _bench
import _cost
import utime

_SAMPLES = 400

_rows = {}  # name -> [calls, times, bytes]
_inner = [0]  # microseconds that the operations inside those under way took
_inner_bytes = [0]


def measure(names):
    """From now on, for the operations in `names` (see `_cost`); before flash is mounted."""
    for name in names:
        _rows[name] = _row()
    uart = sys.modules["machine"].UART
    flash = sys.modules["_norflash"].BenchFlash
    # The time of these is the bench's, and no operation's.
    outside = [(_bench, "_exchange"), (uart, "write"), (uart, "readinto")]
    outside += [(flash, "readblocks"), (flash, "program"), (flash, "erase")]
    for owner, name in outside:
        setattr(owner, name, _outside(getattr(owner, name)))
    _cost.watch(_rows, _timed, _import_timed)


def results():
    """`name calls microseconds longest bytes` of each operation: medians of its time and of its garbage."""
    for name in sorted(_rows):
        calls, times, sizes = _rows[name]
        if calls:
            times, sizes = sorted(times), sorted(sizes)
            middle = len(times) // 2
            yield "%s %d %d %d %d" % (name, calls, times[middle], times[-1], sizes[middle])


def _outside(function):
    def outside(*arguments):
        begun = utime.ticks_us()
        _inner.append(0)
        try:
            return function(*arguments)
        finally:
            _inner.pop()
            _inner[-1] += utime.ticks_us() - begun

    return outside


def _row():
    return [0, array("I"), array("I")]


def _import_timed(name, call):
    row = _rows.get(_cost.IMPORT + name)
    if row is None:
        return call()
    with _Stopwatch(row):
        return call()


class _Stopwatch:
    """The time and the garbage of one call, without what the measured ones inside it took."""

    def __init__(self, row):
        self._row = row

    def __enter__(self):
        self._entered = utime.ticks_us()
        _inner.append(0)
        _inner_bytes.append(0)
        self._before = gc.mem_alloc()
        self._begun = utime.ticks_us()

    def __exit__(self, *_):
        took = utime.ticks_us() - self._begun
        size = gc.mem_alloc() - self._before
        own_us = took - _inner.pop()
        own_bytes = size - _inner_bytes.pop()
        row = self._row
        row[0] += 1
        if row[0] <= _SAMPLES:
            row[1].append(max(0, own_us))
            row[2].append(max(0, own_bytes))  # less than none: the collector ran
        _inner_bytes[-1] += size
        _inner[-1] += utime.ticks_us() - self._entered


def _timed(function, row, _name, pieces):
    def timed(*arguments, **named):
        with _Stopwatch(row):
            return function(*arguments, **named)

    def timed_pieces(*arguments):
        values = function(*arguments)
        while True:
            with _Stopwatch(row):
                try:
                    piece = next(values)
                except StopIteration:
                    return
            yield piece

    return timed_pieces if pieces else timed
