"""`machine` of the simulated terminal. Constants are those of ESP32."""

import struct
import time

import _bench
import _solo
from _pin import ADC, PWM, Pin
from _serial import I2C, UART

__all__ = ("ADC", "I2C", "PWM", "Pin", "RTC", "UART", "WDT")

PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
_CAUSES = {
    "power": PWRON_RESET,
    "hard": HARD_RESET,
    "watchdog": WDT_RESET,
    "soft": SOFT_RESET,
}
_EPOCH_2000 = 946_684_800


class WDT:
    """Once started it cannot be stopped. It bites on the bench, which restarts the terminal."""

    def __init__(self, id=0, timeout=5000):
        if timeout < 1:
            raise ValueError("WDT timeout too short")
        self._timeout_us = timeout * 1000
        if _bench.solo():
            _solo.feed(self._timeout_us)
        _bench.record(_bench.WATCHDOG, 0, struct.pack("<I", timeout))
        _bench.guarded(self._timeout_us)

    def feed(self):
        if _bench.solo():
            _solo.feed(self._timeout_us)
        _bench.fed()


class RTC:
    """Runs on through a reset, starts in 2000 when power was away."""

    def datetime(self, fields=None):
        if fields is None:
            us = _bench.rtc_us + _bench.now()
            y, mo, d, h, mi, s, wd, _ = time.gmtime(us // 1_000_000)
            return (y, mo, d, wd, h, mi, s, us % 1_000_000)
        y, mo, d, _, h, mi, s, us = fields
        _bench.rtc_us = time.mktime((y, mo, d, h, mi, s, 0, 0)) * 1_000_000 + us - _bench.now()
        _bench.tell(_bench.CLOCK, 0, struct.pack("<q", _bench.rtc_us))
        return None

    init = datetime

    def memory(self, data=None):
        """As an ESP32's: 2 KB that a watchdog's reset leaves alone."""
        if data is None:
            return bytes(_bench.rtc_memory[: _bench.rtc_used])
        if len(data) > len(_bench.rtc_memory):
            raise ValueError("buffer too long")
        _bench.rtc_memory[: len(data)] = data
        _bench.rtc_used = len(data)
        _bench.tell(_bench.MEMORY, 0, data)
        return None


def reset_cause():
    return _CAUSES[_bench.options["cause"]]


def _leave(cause):
    if _bench.solo():
        raise _solo.ResetRequest(cause)
    while True:  # the bench ends this process; nothing runs on meanwhile
        _bench.request(_bench.RESET, 0, cause.encode())


def reset():
    _leave("hard")


def soft_reset():
    _leave("soft")


def unique_id():
    return bytes.fromhex(_bench.options["uid"])


def freq(hz=None):
    return 160_000_000


def idle():
    _bench.wait(_bench.now() + 1000)


def lightsleep(ms=None):
    _bench.wait(_bench.FOREVER if ms is None else _bench.now() + ms * 1000)


def disable_irq():
    return 0  # interrupts come only while the program waits: it is never interrupted in between


def enable_irq(state=0):
    return None
