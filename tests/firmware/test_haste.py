# runs on: micropython+guest
"""What can wait waits for an alarm that may be about to come, and for a lamp that has just begun to tell how
far one is: a signature in between would let it stand still."""

import asyncio

from firmware import beat, idle
from firmware.app import App
from firmware.indicator import Indicator
from firmware.panic import RAISED, RECEIVED
from tests.portable import raises

READ_MS = 1600  # until an officer has read what the red lamp says


class Enough(Exception):
    pass  # what comes next is of no interest


class _Any:
    def __init__(self, **parts):
        for name, part in parts.items():
            setattr(self, name, part)


class Terminal:
    """With the decision of the real one. `done`: what could wait and was done."""

    def __init__(self):
        self.now = 1000
        self.is_hasty = False
        self.done = []
        dark = lambda level: None  # noqa: E731
        self.indicator = Indicator(dark, dark, dark, dark, False, self.uptime_ms)
        self.clock = _Any(uptime_ms=self.uptime_ms)
        self.receiver = _Any(fix=_Any(valid=True))
        self.desk = _Any(tidy=self._tidy)
        self.journal = _Any(prepare=lambda: False)
        self.signer = _Any(prepare=self._point)
        self.builder = None
        self.used = _Any(wait_ms=self._rest)
        self.safe = 0
        self.proven = True
        self.update = self.due = None

    def uptime_ms(self):
        return self.now

    def hasty(self):
        return self.is_hasty

    def linked(self):
        return True

    def waits(self):
        return App.waits(self)

    def _tidy(self):
        self.done.append("beat")
        raise Enough

    def _point(self):
        self.done.append("point")
        return False

    async def _rest(self, ms):
        raise Enough

    async def idles(self):
        """Its idle task for a while."""
        task = asyncio.create_task(idle.run(_Any(alive=lambda: None), self))
        await asyncio.sleep_ms(1000)
        if "point" not in self.done:
            task.cancel()
        try:
            await task
        except (Enough, asyncio.CancelledError):
            pass

    def beats(self):
        config = {"track_s": 60, "keepalive_s": 40, "idle_keepalive_s": 240}
        turn = beat.Beat(config, self, None, None).turn
        if self.waits():
            turn()
        else:
            with raises(Enough):
                turn()


async def test_nothing_is_signed_or_written_before_the_lamp_is_read():
    terminal = Terminal()
    for stage in (RAISED, RECEIVED):
        terminal.indicator.panic(stage)
        terminal.now += READ_MS - 200
        terminal.beats()
        await terminal.idles()
        assert terminal.done == [], terminal.done
        terminal.now += 300
        terminal.beats()
        await terminal.idles()
        assert terminal.done == ["beat", "point"], terminal.done
        terminal.done.clear()


async def test_nothing_is_signed_or_written_while_an_alarm_may_come():
    terminal = Terminal()
    terminal.is_hasty = True
    terminal.beats()
    await terminal.idles()
    assert terminal.done == []
