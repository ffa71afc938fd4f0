"""`time` of the simulated terminal: as on a 32-bit chip, on the bench's clock.

Ticks wrap at 2**30 and start 20 s before that (or as the bench says), so every run crosses the wrap. The
epoch is 2000-01-01, as on ESP32 and others. Importing this module also puts our task queue under `asyncio`,
since the C one reads the computer's clock.
"""

import sys

import _bench
import _tasks
import utime
from micropython import const

_MASK = const((1 << 30) - 1)
_HALF = const(1 << 29)
_FIRST_US = const((1 << 30) - 500_000)
_EPOCH_2000 = const(946_684_800)

ticks_ms = _bench.ticks_ms


def ticks_us():
    return (_FIRST_US + _bench.now() - _bench.boot_us) & _MASK


ticks_cpu = ticks_us
_tasks.ticks_ms = ticks_ms
sys.modules["_asyncio"] = _tasks


def ticks_diff(a, b):
    return ((a - b + _HALF) & _MASK) - _HALF


def ticks_add(ticks, delta):
    if not -_HALF < delta < _HALF:
        raise OverflowError("ticks interval overflow")
    return (ticks + delta) & _MASK


def sleep_us(us):
    if us > 0:
        until = _bench.now() + us
        while _bench.now_us < until:
            _bench.wait(until)


def sleep_ms(ms):
    sleep_us(ms * 1000)


def sleep(seconds):
    sleep_us(int(seconds * 1_000_000))


def time_ns():
    return (_bench.rtc_us + _bench.now()) * 1000


def time():
    return (_bench.rtc_us + _bench.now()) // 1_000_000


def gmtime(seconds=None):
    return utime.gmtime((time() if seconds is None else seconds) + _EPOCH_2000)[:8]


localtime = gmtime


def mktime(fields):
    return utime.mktime(fields) - _EPOCH_2000
