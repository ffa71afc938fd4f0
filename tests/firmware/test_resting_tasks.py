# runs on: micropython+guest
"""Lamps and keys that rest are stirred each 20 s: one that hangs is missed 25 s after its last word."""

import asyncio
import time

from firmware import indicator, keys
from firmware.supervisor import Supervisor

DEADLINE_MS = 5000  # of both, in app.py
MISSED_MS = 26000  # the promise, and a round of the supervisor's


async def _for_ever(_):
    await asyncio.Event().wait()


class Terminal:
    quiet = True  # parked

    def __init__(self):
        self.fed = 0
        self.missed_ms = None
        self.rested_ms = 0
        self._begun = time.ticks_ms()
        self.supervisor = Supervisor(self._feed, self.uptime_ms, lambda: 0, self._log)

    def uptime_ms(self):
        return time.ticks_diff(time.ticks_ms(), self._begun)

    def _feed(self):
        self.fed += 1

    def _log(self, level, text):
        assert "hangs" in text, text
        self.missed_ms = self.uptime_ms()

    def stir(self):
        raise AssertionError("nobody did anything")

    def watch(self, start):
        """Its last word is noted."""
        watch = self.supervisor.add("it", start, DEADLINE_MS)
        plain = watch.rest

        def rest(ms, signal):
            self.rested_ms = self.uptime_ms()
            plain(ms, signal)

        watch.rest = rest

    async def is_missed(self, signal):
        """It rests well for five minutes, then hangs in its rest: ms from its last word to that."""
        task = asyncio.create_task(self.supervisor.run())
        await asyncio.sleep_ms(300_000)
        assert self.missed_ms is None and self.fed >= 298 and self.rested_ms > 270_000
        signal.wait_ms = _for_ever
        await asyncio.sleep_ms(60_000)
        task.cancel()
        self.supervisor.watches[0].task.cancel()
        return self.missed_ms - self.rested_ms


async def test_lamps_that_rest_and_hang_are_missed():
    terminal = Terminal()
    dark = lambda level: None  # noqa: E731
    lamps = indicator.Indicator(dark, dark, dark, dark, False, terminal.uptime_ms)
    lamps.link(True, True)
    terminal.watch(lambda watch: indicator.run(watch, lamps))
    assert DEADLINE_MS < await terminal.is_missed(lamps.changed) <= MISSED_MS


class Pin:
    def value(self):
        return 1


async def test_keys_that_rest_and_hang_are_missed():
    terminal = Terminal()
    logic = keys.KeyLogic(["panic"], time.ticks_diff, 600, 30000, 2000, None)
    panel = keys.Keys(logic, [Pin()], time.ticks_ms)
    panel.flag = asyncio.ThreadSafeFlag()
    terminal.watch(lambda watch: keys.run(watch, panel, terminal))
    terminal.supervisor.look = panel.look
    assert DEADLINE_MS < await terminal.is_missed(panel.woken) <= MISSED_MS
