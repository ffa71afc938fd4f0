"""What to do with a silent modem: ask at other rates, reset line, power key, supply switch, for ever.

Levels are as the board drives them: 1 presses a key, pulls reset, switches the supply on.
"""

from protocol import at
from protocol.compat import const

# Levels of the log.
_PROBLEM = const(1)
_NEWS = const(2)

# Long enough for the capacitors at VBAT to empty.
_SUPPLY_OFF_MS = const(5000)
_SUPPLY_ON_MS = const(500)
# A cold SIM7600 answers after 12 to 20 s (MODEMS.md), an A76xx after 8.
BOOT_MS = const(25000)
_RATES = (115200, 9600, 57600, 38400, 19200, 230400, 460800, 921600)
_RATE_PROBE_MS = const(300)
_SET_RATE_MS = const(1000)
_RATE_SETTLE_MS = const(100)
_RXBUF = const(2048)
_FIRST_PAUSE_MS = const(5000)
_LONGEST_PAUSE_MS = const(300000)
_PANIC_PAUSE_MS = const(5000)
_ASK_EVERY_MS = const(4000)


def drive(pin, level):
    """Set a pin: an object with value(), or a callable; None = this board has no such wire."""
    if pin is None:
        return
    if hasattr(pin, "value"):
        pin.value(level)
    else:
        pin(level)


class Ladder:
    """Finds a modem. `pins`: dict with "pwrkey", "reset", "supply", each may be missing. `times` of its
    keys: see `Simcom.times`."""

    def __init__(self, port, uart, pins, bearer, uptime_ms, times, rate):
        self._port = port
        self._uart = uart
        self._key = pins.get("pwrkey")
        self._reset = pins.get("reset")
        self._supply = pins.get("supply")
        self._bearer = bearer
        self._uptime_ms = uptime_ms
        self._times = times
        if self._reset is None and times[4]:
            self._reset = self._key
        self._rate = rate
        self._started = False
        self._pause_ms = _FIRST_PAUSE_MS
        self.rungs = 0  # taken since start, for the log and for tests

    async def find(self):
        """True when the modem answers AT at the configured rate; False after one climb of the whole ladder
        in silence, and its pause: whoever calls makes sure then that somebody listens."""
        port = self._port
        first = not self._started
        self._started = True
        if first:
            # A terminal that only restarted itself finds its modem running: then nothing is pressed.
            drive(self._key, 0)
            drive(self._reset, 0)
            drive(self._supply, 1)
        again = self._pause_ms > _FIRST_PAUSE_MS  # the last climb ended in silence
        found = await port.probe(1 if again else 3) or (first and await self._switch_on())
        for rung in (self._other_rates, self._reset_line, self._power_key, self._supply_switch):
            found = found or await self._held_off() or await rung()
        if found:
            self._pause_ms = _FIRST_PAUSE_MS
            return True
        return await self._pause()

    async def boot(self, ms=BOOT_MS):
        """True as soon as the modem answers, within `ms`."""
        end = self._uptime_ms() + ms
        while self._uptime_ms() < end:
            if await self._port.probe(1):
                return True
        return False

    async def _held_off(self):
        """Waits while a young panic forbids to touch a working link; True when the modem answers then."""
        while not self._bearer.may_disturb():
            if await self._port.probe(1):
                return True
        return False

    async def _pause(self):
        self._say("silent through the whole ladder, again in %d s" % (self._pause_ms // 1000))
        end = self._uptime_ms() + self._pause_ms
        self._pause_ms = min(2 * self._pause_ms, _LONGEST_PAUSE_MS)
        while True:
            if self._bearer.panic_active:
                end = min(end, self._uptime_ms() + _PANIC_PAUSE_MS)
            left = end - self._uptime_ms()
            if left <= 0:
                return False
            await self._port.idle(self._uptime_ms() + min(left, _ASK_EVERY_MS))
            if await self._port.probe(1):
                return True

    # --- the rungs: each True when the modem answers

    async def _other_rates(self):
        self._say("asking at other rates")
        for rate in _RATES:
            if rate == self._rate:
                continue
            self._set_rate(rate)
            for _ in range(2):
                if await self._port.command(b"AT", _RATE_PROBE_MS) == at.OK:
                    await self._port.command(b"AT+IPR=%d" % self._rate, _SET_RATE_MS)
                    self._set_rate(self._rate)
                    await self._port.pause(_RATE_SETTLE_MS)
                    self._say("found at %d baud" % rate)
                    return await self._port.probe(3)
        self._set_rate(self._rate)
        return await self._port.probe(1)

    def _set_rate(self, rate):
        self._uart.init(baudrate=rate, rxbuf=_RXBUF)

    async def _reset_line(self):
        if self._reset is None:
            return False
        self._say("reset line")
        await self._pulse(self._reset, self._times[3])
        return await self.boot()

    async def _power_key(self):
        if self._key is None:
            return False
        # Whether it is on cannot be known. A short press only switches on: so that first, off only then.
        if await self._switch_on():
            return True
        self._say("power key: off")
        await self._pulse(self._key, self._times[1])
        await self._port.pause(self._times[2])
        return await self._switch_on()

    async def _supply_switch(self):
        if self._supply is None:
            return False
        self._say("supply off")
        drive(self._supply, 0)
        try:
            await self._port.pause(_SUPPLY_OFF_MS)
        finally:
            drive(self._supply, 1)
        await self._port.pause(_SUPPLY_ON_MS)
        return await self._switch_on()

    async def _switch_on(self):
        if self._key is None:
            return self._supply is not None and await self.boot()
        self._say("power key: on", _NEWS)  # the first thing of every day: nothing is wrong
        await self._pulse(self._key, self._times[0])
        return await self.boot()

    async def _pulse(self, pin, ms):
        self._bearer.restarts += 1
        drive(pin, 1)
        try:
            await self._port.pause(ms)
        finally:
            drive(pin, 0)

    def _say(self, text, level=_PROBLEM):
        self.rungs += 1
        self._bearer.say(level, text)
