"""Bytes handed over before their time: the program gets them as if each had come by itself."""

import pytest

from hwsim.gnss import GnssTrack
from hwsim.roads import Fix
from tests.hwsim.small_bench import SmallBench

POLLS = """
    import time
    from machine import UART
    uart = UART(1, 9600, rxbuf=600)
    while True:
        time.sleep_us(7_013)
        n = uart.any()
        if n:
            print(time.ticks_us(), n, uart.read())
"""
STREAM = """
    import asyncio, time
    from machine import UART
    uart = UART(1, 9600, rxbuf=600)
    async def main():
        reader = asyncio.StreamReader(uart)
        while True:
            data = await reader.read(400)
            print(time.ticks_us(), data)
    asyncio.run(main())
"""
INTERRUPTS = """
    import time
    from machine import UART
    uart = UART(1, 9600, rxbuf=600)
    at = [0] * 40
    def heard(uart):
        at[39] = (at[39] + 1) % 39
        at[at[39]] = time.ticks_us()
    uart.irq(heard)
    while True:
        time.sleep_ms(500)
        print(at, uart.read())
"""
GLANCES = """
    import time
    from machine import UART
    uart = UART(1, 9600, rxbuf=600)
    data = bytearray(100)
    while True:
        time.sleep_us(9_613_000)
        while uart.any():
            uart.readinto(data)
        time.sleep_us(1_300_000)
        print(time.ticks_us(), uart.any(), uart.read())
"""


class Standing:
    def at(self, _t_s):
        return Fix(45.0, 19.0, 84.0, 5.0, 90.0)


def lines(folder, program, ahead, seconds=14):
    folder.mkdir()
    bench = SmallBench(folder, program)
    port = bench.terminal.port("gnss")
    gnss = GnssTrack(bench.kernel, port, Standing(), first_fix_s=0)
    bench.terminal.attach_uart("gnss", gnss)
    sent = []
    if not ahead:
        port._offer = None
    else:
        told = port.told
        port.told = lambda now_us: sent.append(now_us) or told(now_us)
    gnss.start()
    # In the middle of a burst, between two, and long before those that were made ahead are over.
    bench.kernel.at(4_220_000, setattr, gnss, "signal", False)
    bench.kernel.at(6_900_000, setattr, gnss, "signal", True)
    bench.kernel.at(9_500_000, setattr, gnss, "antenna", "open")
    bench.boot(seconds)
    bench.terminal.close()
    assert bool(sent) == ahead
    return bench.lines(), bench.terminal.messages, gnss


@pytest.mark.parametrize(
    "program", [POLLS, STREAM, INTERRUPTS, GLANCES], ids=["polls", "stream", "interrupts", "glances"]
)
def test_a_program_cannot_tell_that_bytes_came_in_advance(tmp_path, program):
    seconds = 60 if program is GLANCES else 14
    one, few, _ = lines(tmp_path / "ahead", program, True, seconds)
    two, many, _ = lines(tmp_path / "timed", program, False, seconds)
    assert len(one) > 2 and any("RMC" in line for line in one)
    assert one == two
    assert few <= many + 10


def test_what_nobody_reads_is_not_made(tmp_path):
    made = []
    for name, program in (("glances", GLANCES), ("polls", POLLS)):
        _, _, gnss = lines(tmp_path / name, program, True, 120)
        made.append(gnss.port.to_guest // 300)
    assert made[0] < made[1] // 2, made
