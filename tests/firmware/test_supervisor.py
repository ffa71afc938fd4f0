# runs on: micropython+guest
"""The watchdog is fed only while every task is well; the dead are started again, the hung are not covered
up."""

import asyncio
import time

import _solo
import machine

from firmware.signal import Signal
from firmware.supervisor import Supervisor
from tests.portable import raises


class Bench:
    def __init__(self):
        self.begun = time.ticks_ms()
        self.fed = 0
        self.said = []
        self.supervisor = Supervisor(
            self.feed, self.uptime_ms, lambda: 0, lambda level, text: self.said.append(text)
        )

    def uptime_ms(self):
        return time.ticks_diff(time.ticks_ms(), self.begun)

    def feed(self):
        self.fed += 1

    async def run(self, seconds):
        task = asyncio.create_task(self.supervisor.run())
        await asyncio.sleep_ms(seconds * 1000)
        task.cancel()
        for watch in self.supervisor.watches:
            watch.task.cancel()


async def _well(watch):
    while True:
        watch.alive()
        await asyncio.sleep_ms(1000)


async def test_it_is_fed_while_all_report():
    bench = Bench()
    for name in ("a", "b", "c"):
        bench.supervisor.add(name, _well, 5000)
    await bench.run(60)
    assert 58 <= bench.fed <= 61 and bench.supervisor.restarts() == 0


async def test_one_that_hangs_is_enough_not_to_feed():
    bench = Bench()

    async def hangs(watch):
        watch.alive()
        await asyncio.Event().wait()

    bench.supervisor.add("well", _well, 5000)
    bench.supervisor.add("hung", hangs, 5000)
    await bench.run(60)
    assert 4 <= bench.fed <= 6
    assert bench.supervisor.overdue == "hung" and len(bench.said) == 1, bench.said


async def test_one_that_rests_is_missed_when_it_is_called_and_does_not_come():
    """Until then, and as long as it comes, it need not say that it lives."""
    bench = Bench()
    signal = Signal()
    comes = [True]
    calls = []

    async def rests(watch):
        while True:
            watch.rest(60000, signal)
            if await signal.wait_ms(60000):
                calls.append(bench.uptime_ms())
            if not comes[0]:
                signal.set()
                watch.rest(60000, signal)
                await asyncio.Event().wait()

    bench.supervisor.add("rests", rests, 5000)
    task = asyncio.create_task(bench.run(300))
    await asyncio.sleep_ms(150_000)
    signal.set()
    await asyncio.sleep_ms(50)
    assert len(calls) == 1 and bench.fed >= 148
    comes[0] = False
    signal.set()
    fed = bench.fed
    await asyncio.sleep_ms(20_000)
    assert bench.supervisor.overdue == "rests" and bench.fed <= fed + 3
    await task


async def test_one_that_rests_too_long_hangs():
    bench = Bench()

    async def rests(watch):
        watch.rest(30000, Signal())
        await asyncio.Event().wait()

    bench.supervisor.add("rests", rests, 5000)
    await bench.run(60)
    assert 34 <= bench.fed <= 37 and bench.supervisor.overdue == "rests"


async def test_the_look_comes_with_each_round():
    bench = Bench()
    looks = []
    bench.supervisor.look = lambda: looks.append(bench.uptime_ms())
    await bench.run(10)
    assert 9 <= len(looks) <= 11


async def test_the_dead_are_started_again_with_growing_pauses_and_counted():
    bench = Bench()
    starts = []

    async def dies(watch):
        starts.append(bench.uptime_ms() // 1000)
        watch.alive()
        raise ValueError("broken")

    bench.supervisor.add("well", _well, 5000)
    bench.supervisor.add("dies", dies, 5000)
    await bench.run(40)
    assert starts == [0, 1, 3, 7, 15, 31], starts
    assert bench.supervisor.restarts() == 6
    assert bench.fed >= 39, "a task known to be dead is not a task that hangs"


async def test_what_an_alarm_needs_is_never_away_for_long():
    bench = Bench()
    starts = []

    async def dies(watch):
        starts.append(bench.uptime_ms())
        raise ValueError("broken")

    bench.supervisor.add("keys", dies, 5000, 2000)
    await bench.run(30)
    assert all(starts[i + 1] - starts[i] <= 2000 for i in range(len(starts) - 1)), starts
    assert len(starts) >= 10 and bench.supervisor.overdue == "keys", "then a fresh start is the better cure"
    assert bench.fed <= 20


async def test_one_that_cannot_live_ends_in_a_fresh_start():
    bench = Bench()

    async def dies(watch):
        raise MemoryError

    bench.supervisor.add("dies", dies, 5000)
    await bench.run(600)
    fed = bench.fed
    assert 180 < fed < 420, fed
    await bench.run(5)
    assert bench.supervisor.overdue == "dies"


async def test_a_death_long_ago_is_forgiven():
    bench = Bench()
    lives = []

    async def dies_sometimes(watch):
        lives.append(bench.uptime_ms())
        for _ in range(100):
            watch.alive()
            await asyncio.sleep_ms(1000)

    bench.supervisor.add("sometimes", dies_sometimes, 5000)
    await bench.run(1500)
    assert bench.supervisor.watches[0].failing == 1 and len(lives) >= 14
    assert bench.fed > 1490


def test_a_hung_task_lets_the_real_watchdog_bite():
    asyncio.new_event_loop()
    bench = Bench()
    watchdog = machine.WDT(timeout=8000)
    bench.supervisor._feed = watchdog.feed

    async def hangs(watch):
        await asyncio.Event().wait()

    bench.supervisor.add("hung", hangs, 5000)
    with raises(_solo.WatchdogBite) as bite:
        asyncio.run(bench.run(60))
    _solo.watchdog = None
    assert "not fed for 8000 ms" in str(bite.value)
    assert 12000 <= bench.uptime_ms() <= 14000


async def test_a_death_that_cannot_be_handled_is_not_covered_up():
    """Without a random number there is no pause, and the task is never started again."""
    bench = Bench()

    def no_random():
        raise OSError(5)

    async def dies(watch):
        watch.alive()
        raise ValueError("broken")

    bench.supervisor._random16 = no_random
    bench.supervisor.add("well", _well, 5000)
    bench.supervisor.add("dies", dies, 5000)
    try:
        await bench.run(60)
    except OSError:
        pass
    assert bench.fed <= 6 and bench.supervisor.overdue == "dies", bench.fed
