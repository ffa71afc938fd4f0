# runs on: micropython+guest
"""The overlays without a bench: virtual time, real MicroPython, real asyncio."""

import asyncio
import select
import time

import _bench
import _solo
import machine
from machine import UART, WDT, Pin

from tests.portable import raises


def test_time_jumps_and_ticks_wrap():
    begun = _bench.now_us
    before = time.ticks_ms()
    time.sleep_ms(30_000)
    after = time.ticks_ms()
    assert _bench.now_us - begun == 30_000_000
    assert time.ticks_diff(after, before) == 30_000
    assert time.ticks_add(before, 30_000) == after
    time.sleep_ms((1 << 30) - 30_000)
    assert time.ticks_ms() == before
    assert 0 <= before < 1 << 30


async def test_sleeps_are_exact_and_ordered():
    said = []

    async def sayer(name, ms):
        for _ in range(3):
            await asyncio.sleep_ms(ms)
            said.append((name, time.ticks_diff(time.ticks_ms(), begun)))

    begun = time.ticks_ms()
    await asyncio.gather(sayer("a", 100), sayer("b", 70))
    assert said == [("b", 70), ("a", 100), ("b", 140), ("a", 200), ("b", 210), ("a", 300)], said


async def test_tasks_due_together_run_in_the_order_they_were_made():
    said = []

    async def sayer(name):
        await asyncio.sleep_ms(50)
        said.append(name)

    await asyncio.gather(*[sayer(n) for n in range(12)])
    assert said == list(range(12)), said


async def test_wait_for_times_out_and_cancels():
    events = []

    async def slow():
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            events.append("cancelled")
            raise

    begun = time.ticks_ms()
    with raises(asyncio.TimeoutError):
        await asyncio.wait_for(slow(), 2)
    assert events == ["cancelled"]
    assert time.ticks_diff(time.ticks_ms(), begun) == 2000

    async def quick():
        await asyncio.sleep_ms(5)
        return 7

    assert await asyncio.wait_for_ms(quick(), 100) == 7


async def test_event_lock_and_task_result():
    event = asyncio.Event()
    lock = asyncio.Lock()
    order = []

    async def waiter(n):
        await event.wait()
        async with lock:
            order.append(n)
            await asyncio.sleep_ms(10)
        return n * 2

    tasks = [asyncio.create_task(waiter(n)) for n in range(3)]
    await asyncio.sleep_ms(1)
    assert order == [] and not tasks[0].done()
    event.set()
    assert await asyncio.gather(*tasks) == [0, 2, 4]
    assert order == [0, 1, 2]
    assert tasks[0].done() and not tasks[0].cancel()


async def test_an_exception_reaches_who_awaits():
    async def fails():
        await asyncio.sleep_ms(1)
        raise ValueError("broken")

    task = asyncio.create_task(fails())
    with raises(ValueError) as caught:
        await task
    assert caught.value.args[0] == "broken"


async def test_cancelling_a_task_that_awaits_another_cancels_the_inner_one():
    seen = []

    async def inner():
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            seen.append("inner")
            raise

    async def outer():
        try:
            await asyncio.create_task(inner())
        except asyncio.CancelledError:
            seen.append("outer")
            raise

    task = asyncio.create_task(outer())
    await asyncio.sleep_ms(1)
    task.cancel()
    with raises(asyncio.CancelledError):
        await task
    assert seen == ["inner", "outer"]


async def test_interrupt_wakes_a_task_through_a_flag():
    flag = asyncio.ThreadSafeFlag()
    key = Pin(20, Pin.IN, Pin.PULL_UP)
    assert key.value() == 1
    levels = []

    def edge(pin):
        flag.set()

    key.irq(edge, Pin.IRQ_FALLING)
    _solo.later(500, lambda: key.drive(0))
    begun = time.ticks_ms()
    await flag.wait()
    levels.append(key.value())
    assert time.ticks_diff(time.ticks_ms(), begun) == 500
    key.drive(1)  # a rising edge is not what the handler asked for
    with raises(asyncio.TimeoutError):
        await asyncio.wait_for_ms(flag.wait(), 100)
    assert levels == [0]
    key.irq(None)


def test_an_interrupt_handler_may_not_allocate():
    calls = []
    pin = Pin(21, Pin.IN, Pin.PULL_UP)

    def careless(_):
        calls.append([1, 2, 3])

    pin.irq(careless, Pin.IRQ_FALLING)
    pin.drive(0)
    assert calls == []
    pin.drive(1)
    pin.drive(0)
    assert calls == []  # switched off after the failure, as on a chip


async def test_stream_reader_reads_lines_that_arrive_in_pieces():
    uart = UART(1, 9600, rxbuf=64)
    reader = asyncio.StreamReader(uart)
    _solo.later(100, lambda: uart.inject(b"$GNR"))
    _solo.later(200, lambda: uart.inject(b"MC\r\n$x\r\n"))
    begun = time.ticks_ms()
    assert await reader.readline() == b"$GNRMC\r\n"
    assert time.ticks_diff(time.ticks_ms(), begun) == 200
    assert await reader.readline() == b"$x\r\n"
    assert uart.read() is None and uart.any() == 0


async def test_a_full_receive_buffer_loses_bytes_and_counts_them():
    uart = UART(1, 9600, rxbuf=16)
    uart.inject(b"0123456789")
    buffer = bytearray(8)
    assert uart.readinto(buffer) == 8 and buffer == b"01234567"
    uart.inject(b"abcdefghijklmnopqrst")
    assert uart.any() == 16
    assert uart.overflowed == 6
    assert uart.read(5) == b"89abc"
    assert uart.read() == b"defghijklmn"


async def test_writes_take_the_time_of_their_bytes():
    uart = UART(2, 9600, txbuf=32)
    assert uart.write(b"x" * 100) == 32
    assert uart.write(b"x") is None
    writer = asyncio.StreamWriter(uart, {})
    begun = time.ticks_ms()
    writer.write(b"y" * 96)
    await writer.drain()
    uart.flush()
    passed = time.ticks_diff(time.ticks_ms(), begun)
    assert 130 <= passed <= 136, passed  # 128 bytes of 10 bits at 9600 baud
    assert uart.taken() == b"x" * 32 + b"y" * 96


def test_poll_waits_no_longer_than_asked():
    uart = UART(1, 9600)
    poller = select.poll()
    poller.register(uart, select.POLLIN)
    begun = time.ticks_ms()
    assert poller.poll(250) == []
    assert time.ticks_diff(time.ticks_ms(), begun) == 250
    uart.inject(b"a")
    assert poller.poll(250) == [(uart, select.POLLIN)]
    assert time.ticks_diff(time.ticks_ms(), begun) == 250


def test_a_busy_program_makes_time_pass():
    begun = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), begun) < 100:
        continue
    assert time.ticks_diff(time.ticks_ms(), begun) == 100


def test_waiting_for_nothing_is_an_error_and_no_hang():
    with raises(RuntimeError):
        _bench.wait(_bench.FOREVER)


def test_the_watchdog_bites_the_silent_and_spares_the_living():
    dog = WDT(timeout=1000)
    for _ in range(5):
        time.sleep_ms(900)
        dog.feed()
    with raises(_solo.WatchdogBite):
        time.sleep_ms(1001)
    _solo.watchdog = None


def test_reset_says_so():
    assert machine.reset_cause() == machine.PWRON_RESET
    with raises(_solo.ResetRequest):
        machine.reset()


def test_clock_counts_from_2000():
    rtc = machine.RTC()
    rtc.datetime((2024, 2, 29, 0, 12, 30, 15, 250_000))
    time.sleep_ms(1750)
    assert rtc.datetime()[:3] == (2024, 2, 29)
    assert rtc.datetime()[3] == 3  # a Thursday
    assert rtc.datetime()[4:] == (12, 30, 17, 0)
    assert time.gmtime()[:6] == (2024, 2, 29, 12, 30, 17)
    assert time.mktime((2000, 1, 1, 0, 0, 0, 0, 0)) == 0
    assert time.time_ns() == time.time() * 1_000_000_000


def test_randomness_repeats_and_does_not_repeat_itself():
    import os

    assert len(os.urandom(40)) == 40
    assert os.urandom(16) != os.urandom(16)
