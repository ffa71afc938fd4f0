"""What the stories about the modem driver have in common."""

import asyncio
import gc
import time

from firmware.clock import Clock
from firmware.driver import Modem
from firmware.simcom import Simcom
from tests.firmware.scripted_modem import ScriptedModem, Wire

CONFIG = {
    "apn": "patrola",
    "user": "",
    "password": "",
    "pin": "",
    "host": "10.1.2.3",
    "port": 5683,
    "local_port": 5683,
}


# What a story keeps lies between what the driver throws away: without this, days of it leave no large gap.
gc.threshold(2000000)


class Story:
    """A driver, its scripted modem, and everything it told."""

    def __init__(self, scripted=None, store=None, pins=None, make=Simcom, **config):
        self.modem = scripted or ScriptedModem()
        self.pwrkey, self.reset, self.supply = Wire(), Wire(), Wire()
        if pins is None:
            pins = {"pwrkey": self.pwrkey, "reset": self.reset, "supply": self.supply}
        self.log = []
        self.datagrams = []
        self.states = []
        self.times = []
        self.longest_silence = 0  # between two signs of life to the supervisor, ms
        self._last_alive = None
        settings = dict(CONFIG)
        settings.update(config)
        clock = Clock(time.ticks_ms, time.ticks_diff)
        self.driver = Modem(make, self.modem, pins, settings, clock, self._log, store)
        self.driver.on_datagram = self.datagrams.append
        self.driver.on_state = lambda: self.states.append((time.ticks_ms(), self.driver.state))
        self.driver.on_network_time = self.times.append
        self._task = None

    def _log(self, level, text):
        self.log.append((time.ticks_ms(), level, text))

    def start(self):
        self.begun = time.ticks_ms()
        self._last_alive = self.begun
        self._task = asyncio.create_task(self.driver.run(self._alive))

    def _alive(self):
        now = time.ticks_ms()
        self.longest_silence = max(self.longest_silence, time.ticks_diff(now, self._last_alive))
        self._last_alive = now

    def ms(self):
        return time.ticks_diff(time.ticks_ms(), self.begun)

    async def until(self, condition, within_ms):
        """Wait until it holds; fail when it does not in time."""
        end = time.ticks_ms() + within_ms
        look_ms = 5 if within_ms <= 20000 else 50
        while not condition():
            if time.ticks_ms() >= end:
                raise AssertionError(
                    "not within %d ms; state %d, heard %r, log %r"
                    % (
                        within_ms,
                        self.driver.state,
                        self.modem.commands()[-12:],
                        [row[2] for row in self.log[-8:]],
                    )
                )
            await asyncio.sleep_ms(look_ms)
        return time.ticks_ms()

    async def up(self, within_ms=20000):
        if self._task is None:
            self.start()
        await self.until(lambda: self.driver.up, within_ms)
        self.modem.heard.clear()

    async def stop(self):
        self._task.cancel()
        try:
            await self._task
        except asyncio.CancelledError:
            pass
