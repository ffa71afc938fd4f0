"""What a terminal does when its program or its power fails, and what its flash keeps."""

from hwsim.power import VehicleSupply


def test_the_watchdog_bites_a_hung_task_and_says_so_after(bench):
    run = bench(
        """
        import machine, time
        print("cause", machine.reset_cause())
        dog = machine.WDT(timeout=3000)
        for _ in range(4):
            time.sleep(2)
            dog.feed()
        time.sleep(3600)
        """
    ).boot(13)
    starts = [(event.fields["cause"], event.t_us) for event in run.seen("start")]
    assert [cause for cause, _ in starts] == ["power", "watchdog"]
    assert 11_000_000 < starts[1][1] < 11_500_000
    assert [line for line in run.lines() if line.startswith("cause")] == ["cause 1", "cause 3"]


def test_the_watchdog_bites_a_program_that_spins(bench):
    run = bench(
        """
        import machine, time
        machine.WDT(timeout=1000)
        while True:
            time.ticks_ms()
        """
    ).boot(2)
    assert len(run.seen("watchdog")) == 1


def test_a_program_that_ends_is_restarted_by_the_watchdog_alone(bench):
    run = bench("import machine; machine.WDT(timeout=1000); 1 / 0").boot(2)
    assert any("ZeroDivisionError" in line for line in run.lines())
    assert len(run.seen("watchdog")) == 1
    quiet = bench("1 / 0").boot(30)
    assert len(quiet.seen("start")) == 1


def test_reset_darkens_the_lamps_and_keeps_the_clock(bench):
    run = bench(
        """
        import machine, time
        from machine import Pin
        if machine.reset_cause() == machine.PWRON_RESET:
            print("began", time.gmtime()[:1])
            machine.RTC().datetime((2024, 6, 3, 0, 12, 0, 0, 0))
            Pin(10, Pin.OUT).on()
            time.sleep(1)
            machine.reset()
        print("now", time.gmtime()[:5], machine.reset_cause())
        time.sleep(1000)
        """
    ).boot(5)
    assert run.lines() == ["began (2000,)", "now (2024, 6, 3, 12, 0) 2"]
    assert [event.fields["level"] for event in run.seen("pin")] == [1, 0]
    assert run.terminal.level("red") == 0


def test_rtc_memory_outlives_every_reset_and_no_loss_of_power(bench):
    run = bench(
        """
        import machine, time
        rtc = machine.RTC()
        print(machine.reset_cause(), rtc.memory())
        try:
            rtc.memory(bytes(2049))
        except ValueError:
            rtc.memory(rtc.memory() + b"x")
        if len(rtc.memory()) < 2:
            machine.reset()
        if len(rtc.memory()) < 3:
            machine.soft_reset()
        machine.WDT(timeout=1000)
        time.sleep(1000)
        """
    ).boot(2.5)
    run.terminal.cut_power(off_s=1)
    run.kernel.run_for(2)
    assert run.lines() == ["1 b''", "2 b'x'", "5 b'xx'", "3 b'xxx'", "1 b''", "2 b'x'", "5 b'xx'"]


STEADY = "import time\nfrom machine import Pin\nPin(10, Pin.OUT).on()\nwhile True: time.sleep_ms(10)"


def test_power_off_ends_it_in_the_middle_of_anything(bench):
    run = bench(STEADY).boot(1)
    before = run.terminal.messages
    run.terminal.power_off()
    run.kernel.run_for(10)
    assert run.terminal.messages == before
    assert run.terminal.level("red") == 0
    run.terminal.power_on()
    run.kernel.run_for(1)
    assert run.terminal.messages > before and run.terminal.level("red") == 1
    assert [event.fields["cause"] for event in run.seen("start")] == ["power", "power"]


COUNTER = """
    import os
    def load():
        try:
            with open("/n") as f:
                return int(f.read())
        except OSError:
            return 0
    n = load()
    print("found", n)
    while n < 400:
        n += 1
        with open("/n.new", "w") as f:
            f.write(str(n))
        os.rename("/n.new", "/n")
        print("stored", n)
"""


def test_power_cut_at_any_flash_operation_loses_nothing_that_was_stored(bench):
    """Power fails in the middle of one operation after the other; the terminal starts again each time."""
    run = bench(COUNTER)
    run.boot(0.6)
    flash = run.terminal.flash
    for step in range(60):
        stored = max([0] + [int(line.split()[1]) for line in run.lines() if line.startswith("stored")])
        flash.cut_at(flash.operations + 1 + step % 7)
        run.kernel.run_until(lambda: not run.terminal.powered, 5)
        del run.events[:]
        run.terminal.power_on()
        run.kernel.run_until(lambda: any(line.startswith("found") for line in run.lines()), 5)
        found = [int(line.split()[1]) for line in run.lines() if line.startswith("found")]
        assert found and found[0] >= stored, (step, stored, run.lines())
    assert flash.torn >= 60
    assert flash.set_again == 0


def test_flash_takes_its_time(bench):
    run = bench(
        """
        import time
        def put():
            begun = time.ticks_us()
            with open("/x", "w") as f:
                f.write("y" * 8000)
            print("took", time.ticks_diff(time.ticks_us(), begun))
        put()
        """
    ).boot(3)
    took = int(run.lines()[0].split()[1])
    assert 2 * 45_000 < took < 250_000


def test_bytes_wait_in_the_chip_while_flash_is_written(bench):
    run = bench(
        """
        import asyncio
        from machine import UART
        uart = UART(1, 9600, rxbuf=2048)
        async def main():
            with open("/x", "w") as f:
                f.write("y" * 8000)
            print(await asyncio.StreamReader(uart).readline())
        asyncio.run(main())
        """
    )
    port = run.terminal.attach_uart("gnss")
    run.kernel.at(370_000, port.send_to_guest, b"$GNRMC\r\n")
    run.boot(3)
    assert run.lines()[0] == "b'$GNRMC\\r\\n'"


def test_supply_ignition_and_a_dip(bench):
    run = bench(
        """
        import time
        from machine import ADC, Pin
        key = Pin(14, Pin.IN)
        supply = ADC(Pin(30))
        while True:
            print(key.value(), supply.read_u16() * 36300 // 65535)
            time.sleep(1)
        """
    )
    supply = VehicleSupply(run.terminal, run.kernel)
    supply.connect()
    run.kernel.run_for(2)
    supply.crank()
    run.kernel.run_for(0.2)
    supply_low = run.terminal.powered
    run.kernel.run_for(3)
    supply.dip(3000, 100)
    assert not run.terminal.powered
    run.kernel.run_for(2)
    assert supply_low and run.terminal.powered
    said = [line.split() for line in run.lines()]
    assert said[0][0] == "0" and abs(int(said[0][1]) - 12_600) < 5
    assert said[-1][0] == "1" and abs(int(said[-1][1]) - 12_600) < 5
    assert len(run.seen("start")) == 2


def test_a_program_without_its_bench_ends(bench):
    run = bench(
        """
        import asyncio
        async def main():
            while True:
                try:
                    await asyncio.sleep_ms(10)
                except Exception:
                    pass
        asyncio.run(main())
        """
    ).boot(1)
    process = run.terminal.program._process
    process.wire.close()
    assert process._process.wait(timeout=10) is not None
