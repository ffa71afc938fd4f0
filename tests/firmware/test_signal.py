# runs on: micropython+guest
"""Waiting for an event or a time, whichever comes first; and being cancelled in the middle of it."""

import asyncio
import time

from firmware.signal import Signal


async def test_set_before_the_wait_counts_once():
    signal = Signal()
    signal.set()
    begun = time.ticks_ms()
    assert await signal.wait_ms(1000)
    assert time.ticks_diff(time.ticks_ms(), begun) == 0
    assert not await signal.wait_ms(1000)
    assert time.ticks_diff(time.ticks_ms(), begun) == 1000


async def test_set_ends_the_wait():
    signal = Signal()

    async def later():
        await asyncio.sleep_ms(300)
        signal.set()
        signal.set()

    asyncio.create_task(later())
    begun = time.ticks_ms()
    assert await signal.wait_ms(60000)
    assert time.ticks_diff(time.ticks_ms(), begun) == 300
    assert not await signal.wait_ms(10)


async def test_a_cancelled_task_stays_cancelled_when_the_signal_is_set_in_the_same_moment():
    for set_first in (False, True):
        signal = Signal()
        ended = []

        async def wait(signal=signal, ended=ended):
            try:
                while True:
                    await signal.wait_ms(1000)
            finally:
                ended.append(True)

        task = asyncio.create_task(wait())
        await asyncio.sleep_ms(10)
        if set_first:
            signal.set()
        task.cancel()
        signal.set()
        await asyncio.sleep_ms(5000)
        assert ended == [True], set_first
