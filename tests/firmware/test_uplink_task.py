# runs on: micropython+guest
"""The uplink's task on real asyncio in virtual time: what wakes it, and that it always reports."""

import asyncio
import time

from firmware.clock import Clock
from protocol.report import KIND_PANIC
from tests.firmware.uplink_bench import Bench
from tests.firmware.uplink_frames import frame

CLOCK = Clock(time.ticks_ms, time.ticks_diff)


class Watch:
    def __init__(self):
        self.times = []

    def alive(self):
        self.times.append(CLOCK.uptime_ms())


class Ether:
    """The bench's network and gateway, driven by asyncio's time instead of its own."""

    def __init__(self):
        self.bench = Bench()
        self.bench.boots = 0
        self.bench.boot(60, CLOCK.uptime_ms)

    async def run(self):
        bench = self.bench
        while True:
            bench.now = CLOCK.uptime_ms()
            bench.carry()
            await asyncio.sleep_ms(10)


async def started():
    ether = Ether()
    watch = Watch()
    tasks = [asyncio.create_task(ether.run()), asyncio.create_task(ether.bench.uplink.run(watch))]
    await asyncio.sleep_ms(3000)
    assert ether.bench.uplink.linked
    return ether.bench, watch, tasks


def stop(tasks):
    for task in tasks:
        task.cancel()


async def test_a_frame_wakes_the_task_at_once():
    bench, _, tasks = await started()
    await asyncio.sleep_ms(20000)
    pressed = CLOCK.uptime_ms()
    bench.say(0, KIND_PANIC)
    await asyncio.sleep_ms(0)
    await asyncio.sleep_ms(1)
    assert bench.when("sent", 0) - pressed <= 1
    await asyncio.sleep_ms(200)
    assert bench.when("stored", 0) - pressed <= 120
    stop(tasks)


async def test_the_task_reports_twice_a_minute_with_and_without_a_bearer():
    bench, watch, tasks = await started()
    for up in (True, False):
        bench.modem.set_up(up)
        del watch.times[:]
        await asyncio.sleep_ms(120000)
        assert len(watch.times) >= 5
        assert max([watch.times[i + 1] - watch.times[i] for i in range(len(watch.times) - 1)]) <= 24000
        assert len(watch.times) < 80, "and it sleeps in between"
    stop(tasks)


async def test_a_listener_that_fails_does_not_stop_the_link():
    bench, _, tasks = await started()

    def fails(*arguments):
        raise ValueError(arguments)

    uplink = bench.uplink
    uplink.on_sent = uplink.on_stored = uplink.on_command = uplink.on_gateway_time = uplink.on_change = fails
    bench.say(0, KIND_PANIC)
    bench.command(5)
    bench.modem.set_up(False)
    await asyncio.sleep_ms(100)
    bench.modem.set_up(True)
    await asyncio.sleep_ms(3000)
    assert bench.stored == {(1, 0): 1} and [(id, answer) for _, id, answer in bench.answers] == [(5, 3)]
    assert not tasks[1].done()
    stop(tasks)


async def test_a_flood_of_datagrams_is_bounded_and_passes():
    bench, _, tasks = await started()
    for n in range(100):
        bench.modem.on_datagram(bytes((0x40, 0, n, n)))
    assert bench.uplink.overrun == 92
    bench.modem.on_datagram(b"")
    await asyncio.sleep_ms(100)
    bench.say(1, KIND_PANIC)
    await asyncio.sleep_ms(300)
    assert (1, 1) in bench.stored and len(frame(1, 1)) < 440
    stop(tasks)
