"""A program that runs ahead of the bench to the horizon lives the life of one that asks at every step."""

from hwsim.desk import PANIC_RECEIPT
from hwsim.panel import Panel
from hwsim.rig import Kit, Rig
from tests.hwsim.small_bench import SmallBench
from tests.hwsim.test_terminal import BUSY


def lived(kernel, events):
    return kernel.trace, [(event.t_us, event.source, event.what) for event in events]


def small(folder, ahead):
    """Interrupts, bytes, flash, a watchdog, randomness, at times that have nothing to do with each other."""
    folder.mkdir()
    # Messages leave garbage, so what is free before a collection depends on how many there were.
    bench = SmallBench(folder, BUSY.replace("gc.mem_free()", "len(os.listdir())"), seed=9)
    bench.kernel.look_ahead = ahead
    panel = Panel(bench.terminal, bench.kernel)
    port = bench.terminal.attach_uart("gnss")
    rng = bench.kernel.rng("story")
    for _ in range(25):
        bench.kernel.at(rng.randrange(15_000_000), panel.press, "panic", 80)
        bench.kernel.at(rng.randrange(15_000_000), port.send_to_guest, b"$GNRMC,%d\r\n" % rng.getrandbits(40))
    bench.boot(20)
    bench.terminal.close()
    return lived(bench.kernel, bench.events), bench.terminal.messages


def test_a_small_program_sees_the_same_at_the_same_microsecond(tmp_path):
    (one, _), (two, _) = small(tmp_path / "ahead", True), small(tmp_path / "step", False)
    assert one == two


def drive(kit, folder, ahead):
    """Two cars: keys, an alarm that is answered and cleared, new keys for the link, loss on the way."""
    folder.mkdir()
    with Rig(kit, folder, seed=4, weather={"loss": 0.1, "reorder": 0.05, "duplicate": 0.05}) as rig:
        rig.kernel.look_ahead = ahead
        rig.working()
        first, second = rig.cars
        kid = bytes.fromhex(first.kid)
        rig.kernel.after(7_123_457, first.press, "available")
        rig.kernel.after(9_765_431, second.press, "panic")
        rig.kernel.after(11_000_003, rig.desk.renew, kid)
        rig.kernel.after(13_500_011, first.press, "panic")
        for later_us, stage in ((5_000_007, 5), (9_000_001, 7)):
            rig.kernel.after(
                13_500_011 + later_us, rig.desk.command, kid, PANIC_RECEIPT, {0: 65537, 1: stage}
            )
        rig.kernel.run_for(31)
        second.park()
        assert rig.kernel.run_until(lambda: first.panel.red.state == "off", 20)
        rig.kernel.run_for(25)
        messages = sum(car.terminal.messages for car in rig.cars)
        return lived(rig.kernel, rig.events), messages


def test_the_firmware_sees_the_same_at_the_same_microsecond_in_fewer_messages(tmp_path):
    """With the chip's computing time charged, and every pin, lamp, frame and line in the trace."""
    kit = Kit(tmp_path, units=2)
    ahead, few = drive(kit, tmp_path / "ahead", True)
    step, many = drive(kit, tmp_path / "step", False)
    assert ahead == step
    assert few * 2 < many


def test_a_key_between_two_runs_of_the_kernel_is_seen_at_once(tmp_path):
    """The end of `run` is a horizon: what a test does there is not too late for a program that runs ahead."""
    bench = SmallBench(
        tmp_path,
        """
        import time
        from machine import Pin
        key = Pin(20, Pin.IN, Pin.PULL_UP)
        lamp = Pin(10, Pin.OUT)
        key.irq(lambda pin: lamp.value(1 - pin.value()))
        while True:
            time.sleep_ms(7)
        """,
    ).boot(1)
    for _ in range(20):
        at_us = bench.kernel.now_us
        bench.terminal.pin_in("panic", 0)
        bench.kernel.run_for(0.0123)
        bench.terminal.pin_in("panic", 1)
        bench.kernel.run_for(0.1001)
        assert [event.t_us - at_us for event in bench.seen("pin")[-2:]] == [0, 12_300]
    assert bench.terminal.messages < 200
    bench.terminal.close()


def test_a_program_that_feeds_too_late_is_bitten_though_it_ran_ahead(tmp_path):
    """Nothing is due but the dog itself: the program is far ahead when the bench hears of its feeding."""
    bench = SmallBench(
        tmp_path,
        """
        import time
        from machine import WDT
        dog = WDT(timeout=2000)
        for _ in range(10):
            time.sleep_ms(1900)
            dog.feed()
        time.sleep_ms(2100)
        dog.feed()
        time.sleep(1)
        print("never said")
        """,
    ).boot(30)
    bench.terminal.close()
    (start, *_), (bite, *_) = bench.seen("start"), bench.seen("watchdog")
    assert 21_000_000 < bite.t_us - start.t_us < 21_500_000
    assert "never said" not in bench.lines()


def test_what_is_printed_is_heard_when_it_is_said(tmp_path):
    bench = SmallBench(
        tmp_path, "import time\nfor n in range(5):\n    print(n)\n    time.sleep_ms(333)\n"
    ).boot(3)
    bench.terminal.close()
    times = [event.t_us for event in bench.seen("log")[:5]]
    assert [after - before for before, after in zip(times, times[1:], strict=False)] == [333_000] * 4
