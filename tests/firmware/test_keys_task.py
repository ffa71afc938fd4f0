# runs on: micropython+guest
"""The keys' task on real asyncio in virtual time: an edge wakes it, and goes on doing so."""

import asyncio
import time

from firmware import keys

HOLD_MS = 600


class Pin:
    def __init__(self):
        self.level = 1  # active low

    def value(self):
        return self.level


class Flag:
    """An interrupt's flag; of those who wait for it the first `hung` ones never hear of it."""

    def __init__(self, hung):
        self.hung = hung
        self.waits = 0
        self._flag = asyncio.ThreadSafeFlag()

    def set(self):
        self._flag.set()

    async def wait(self):
        self.waits += 1
        if self.waits <= self.hung:
            await asyncio.Event().wait()
        await self._flag.wait()


class Beat:
    quiet = True

    def __init__(self):
        self.stirred = 0

    def stir(self):
        self.stirred += 1


class Watch:
    def alive(self):
        pass

    def rest(self, ms, signal):
        pass


async def rounds(keys):
    """The supervisor's."""
    while True:
        await asyncio.sleep_ms(4000)
        keys.look()


class Panel:
    def __init__(self, hung=0):
        self.heard = []
        self.pin = Pin()
        logic = keys.KeyLogic(["panic"], time.ticks_diff, HOLD_MS, 30000, 2000, self._emit)
        self.keys = keys.Keys(logic, [self.pin], time.ticks_ms)
        self.keys.flag = self.flag = Flag(hung)
        self.beat = Beat()
        self.task = asyncio.create_task(keys.run(Watch(), self.keys, self.beat))
        asyncio.create_task(rounds(self.keys))

    def _emit(self, meaning, number):
        self.heard.append((time.ticks_ms(), meaning))

    def edge(self, level):
        self.pin.level = 1 - level
        self.keys._edges[0].handler(self.pin)

    async def press(self):
        """ms from the press to its alarm."""
        began = time.ticks_ms()
        self.edge(1)
        await asyncio.sleep_ms(8000)
        self.edge(0)
        await asyncio.sleep_ms(8000)
        raised = [at for at, meaning in self.heard if meaning == "panic"]
        self.heard.clear()
        assert len(raised) == 1
        return time.ticks_diff(raised[0], began)


async def test_an_edge_wakes_it():
    panel = Panel()
    await asyncio.sleep_ms(20000)
    assert panel.beat.stirred == 0
    assert HOLD_MS <= await panel.press() <= HOLD_MS + 40
    assert panel.flag.waits >= 2
    panel.task.cancel()


async def test_who_waits_for_the_flag_and_hangs_is_replaced():
    panel = Panel(hung=1)
    await asyncio.sleep_ms(9000)
    # The first press is found by the look at the pins, and shows that nobody was woken.
    assert await panel.press() <= 4000 + HOLD_MS
    assert panel.beat.stirred
    assert HOLD_MS <= await panel.press() <= HOLD_MS + 40
    panel.task.cancel()


async def test_an_edge_that_was_lost_is_found_by_the_supervisors_look():
    panel = Panel()
    await asyncio.sleep_ms(20000)
    panel.pin.level = 0
    await asyncio.sleep_ms(4000 + HOLD_MS + 40)
    assert [meaning for _, meaning in panel.heard] == ["down", "panic"]
    panel.task.cancel()
