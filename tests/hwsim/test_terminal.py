"""Small programs under real MicroPython, in lock-step with the bench: time, wires, memory, repetition."""

import asyncio

from hwsim.flash import ERASE
from hwsim.panel import Panel
from tests.hwsim.small_bench import Recorder, SmallBench

BUSY = """
    import asyncio, gc, os, random
    from machine import Pin, UART, WDT
    led = Pin(10, Pin.OUT)
    key = Pin(20, Pin.IN, Pin.PULL_UP)
    uart = UART(1, 9600, rxbuf=512)
    flag = asyncio.ThreadSafeFlag()
    def edge(pin):
        flag.set()
    key.irq(edge)
    async def blink():
        while True:
            led.toggle()
            await asyncio.sleep_ms(random.randrange(20, 200))
    async def keys():
        while True:
            await flag.wait()
            print("key", key.value())
    async def store():
        n = 0
        while True:
            n += 1
            with open("/n.new", "w") as f:
                f.write(str(n) + os.urandom(2).hex())
            os.rename("/n.new", "/n")
            await asyncio.sleep_ms(700)
    async def read():
        reader = asyncio.StreamReader(uart)
        while True:
            print(await reader.readline())
    async def main():
        dog = WDT(timeout=2000)
        for task in (blink, keys, store, read):
            asyncio.create_task(task())
        while True:
            await asyncio.sleep_ms(500)
            dog.feed()
            print("free", gc.mem_free())
    asyncio.run(main())
"""


def busy_run(folder, seed):
    folder.mkdir()
    bench = SmallBench(folder, BUSY, seed=seed)
    panel = Panel(bench.terminal, bench.kernel)
    port = bench.terminal.attach_uart("gnss")
    rng = bench.kernel.rng("story")
    for n in range(20):
        bench.kernel.at(rng.randrange(20_000_000), panel.press, "panic", 80)
        bench.kernel.at(n * 1_000_000, port.send_to_guest, b"$GNRMC,%d\r\n" % rng.getrandbits(40))
    bench.kernel.at(12_345_678, bench.terminal.cut_power, 0.5)
    bench.boot(20)
    bench.terminal.close()
    return bench.kernel.trace, (folder / f"flash-{seed}.bin").read_bytes(), bench


def test_one_seed_one_run(tmp_path):
    """Clock, keys, bytes, flash, randomness, free heap, a power cut: all of it happens again in the same way,
    wherever it runs."""
    one, flash_one, bench = busy_run(tmp_path / "one", 5)
    two, flash_two, _ = busy_run(tmp_path / ("two" * 30), 5)
    other, _, _ = busy_run(tmp_path / "other", 6)
    assert one == two and flash_one == flash_two
    assert one != other
    assert len(bench.seen("start")) == 2
    assert len([line for line in bench.lines() if line.startswith("key")]) > 20
    assert len([line for line in bench.lines() if "GNRMC" in line]) >= 18
    assert bench.seen("watchdog") == []


def test_waits_end_on_the_microsecond(bench):
    run = bench(
        """
        import time
        from machine import Pin
        led = Pin(10, Pin.OUT)
        for ms in (1, 10, 100):
            led.on()
            time.sleep_ms(ms)
            led.off()
            time.sleep_us(250)
        """
    ).boot(2)
    times = [event.t_us for event in run.seen("pin")]
    assert [b - a for a, b in zip(times, times[1:], strict=False)] == [1000, 250, 10_000, 250, 100_000]
    assert {event.fields["pin"] for event in run.seen("pin")} == {"red"}


def test_ticks_wrap_soon_after_every_start(bench):
    run = bench(
        """
        import time
        first = time.ticks_ms()
        time.sleep(30)
        print(first > time.ticks_ms(), time.ticks_diff(time.ticks_ms(), first))
        """
    ).boot(31)
    assert run.lines()[0] == "True 30000"


def test_an_interrupt_during_flash_work_is_served_when_that_is_over(bench):
    """An ESP32 that writes its flash runs only what is in RAM: handlers come, and read the clock, late."""
    run = bench(
        """
        import time
        from machine import Pin
        key = Pin(20, Pin.IN, Pin.PULL_UP)
        at = [0, 0]
        def edge(pin):
            at[key.value()] = time.ticks_us()
        key.irq(edge)
        print("armed")
        time.sleep_ms(3)
        armed = time.ticks_us()
        with open("/x", "w") as f:
            f.write("y" * 8000)
        wrote = time.ticks_us()
        time.sleep_ms(1)
        print(at[0] - armed, at[1] - wrote)
        """
    )
    flash, kernel = run.terminal.flash, run.kernel
    time_us = flash.time_us
    erases = []

    def told(kind, data):
        if kind == ERASE and run.lines():
            erases.append(kernel.now_us)
            if len(erases) == 1:  # before there is flash work, and in the middle of it
                kernel.after(10_000, run.terminal.pin_in, "panic", 1)
        return time_us(kind, data)

    flash.time_us = told
    run.terminal.power_on()
    assert kernel.run_until(run.lines, 2)
    kernel.after(1_234, run.terminal.pin_in, "panic", 0)
    kernel.run_for(1)
    assert erases and run.lines()[1] == "-1766 0"


def test_the_program_has_the_chips_heap_and_no_more(bench):
    run = bench("import gc; gc.collect(); print(gc.mem_free()); bytearray(199 * 1024)").boot(1)
    free = int(run.lines()[0])
    assert 192 * 1024 <= free < 199 * 1024  # _BESIDE of hwsim/terminal.py
    assert any("MemoryError" in line for line in run.lines())


def test_the_program_sees_its_flash_and_nothing_of_the_computer(bench):
    run = bench(
        """
        import os, sys
        print(os.listdir("/"), os.getcwd(), sys.path)
        for path in ("/etc/passwd", "/tmp", __file__ if "__file__" in globals() else "/proc/self/maps"):
            try:
                open(path)
                print("open:", path)
            except OSError as error:
                print("errno", error.errno)
        open("/kept", "w").write("yes")
        """
    ).boot(1)
    assert run.lines()[0] == "[] / ['/rom', '.frozen', '/lib']"
    assert [line for line in run.lines() if line.startswith("open:")] == []
    assert run.lines().count("errno 2") == 3


def test_key_to_lamp_through_an_interrupt(bench):
    """The lamp follows the first edge of a bouncing key; the handler sees the time of its edge."""
    run = bench(
        """
        import asyncio, time
        from machine import Pin
        lamp = Pin(10, Pin.OUT)
        key = Pin(20, Pin.IN, Pin.PULL_UP)
        flag = asyncio.ThreadSafeFlag()
        at = [0]
        def edge(pin):
            at[0] = time.ticks_ms()
            flag.set()
        key.irq(edge, Pin.IRQ_FALLING)
        async def main():
            begun = time.ticks_ms()
            await flag.wait()
            lamp.on()
            print("edge after", time.ticks_diff(at[0], begun))
        asyncio.run(main())
        """
    )
    panel = Panel(run.terminal, run.kernel)
    run.kernel.at(1_000_000, panel.press, "panic", 600)
    run.boot(3)
    lit = [event.t_us for event in run.seen("pin")]
    assert lit == [1_000_000]
    booted = [line for line in run.lines() if line.startswith("edge after")]
    assert len(booted) == 1 and 640 <= int(booted[0].split()[-1]) <= 750


def test_bytes_reach_a_stream_reader_and_come_back_paced(bench):
    run = bench(
        """
        import asyncio
        from machine import UART
        uart = UART(2, 115200, rxbuf=2048, txbuf=256)
        async def main():
            reader, writer = asyncio.StreamReader(uart), asyncio.StreamWriter(uart, {})
            while True:
                line = await reader.readline()
                writer.write(line.upper())
                await writer.drain()
        asyncio.run(main())
        """
    )
    recorder = Recorder(run.kernel)
    port = run.terminal.attach_uart("modem", recorder)
    sent = b"at+cipsend" * 60 + b"\r\n"
    run.kernel.at(1_000_000, port.send_to_guest, sent)
    run.boot(3)
    assert b"".join(data for _, data in recorder.got) == sent.upper()
    line_us = len(sent) * 10_000_000 // 115200
    last = recorder.got[-1][0]
    assert 1_000_000 + 2 * line_us <= last <= 1_000_000 + 2 * line_us + 3000
    assert port.baud == 115200


def test_i2c_reaches_the_device_at_its_address(bench):
    class Thermometer:
        def transfer(self, written, count):
            return bytes([written[0] if written else 0, 42])[:count]

    run = bench(
        """
        from machine import I2C
        bus = I2C(0)
        print(bus.scan(), bus.readfrom_mem(0x48, 7, 2))
        try:
            bus.readfrom(0x49, 1)
        except OSError as error:
            print("errno", error.errno)
        """
    )
    run.terminal.attach_i2c(0, 0x48, Thermometer())
    run.boot(1)
    assert run.lines()[:2] == ["[72] b'\\x07*'", "errno 19"]


def test_a_program_that_prints_a_lot_does_not_stand_still(bench):
    run = bench("for n in range(5000): print('x' * 100)").boot(1)
    assert len(run.lines()) == 5001


async def test_paced_the_same_program_follows_the_wall(bench):
    """The demonstration runs the same code on the wall's clock: late at times, never ahead of it."""
    run = bench(
        """
        import time
        from machine import Pin
        led = Pin(10, Pin.OUT)
        while True:
            led.toggle()
            time.sleep_ms(50)
        """
    )
    stop = asyncio.Event()
    run.terminal.power_on()
    run.kernel.at(1_000_000, stop.set)
    await run.kernel.run_paced(stop)
    times = [event.t_us for event in run.seen("pin")]
    assert len(times) >= 5
    assert all(at >= 250_000 + n * 50_000 for n, at in enumerate(times))
    assert times[-1] > 700_000


async def test_a_program_that_runs_already_goes_on_paced(bench):
    run = bench("import time\nwhile True:\n    print('on')\n    time.sleep_ms(50)").boot(1)
    before = len(run.lines())
    stop = asyncio.Event()
    run.kernel.after(500_000, stop.set)
    await run.kernel.run_paced(stop)
    assert 2 <= len(run.lines()) - before <= 11
