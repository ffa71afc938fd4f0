"""The whole terminal in the room of a small chip: 96 KB of a 32-bit heap, a quarter of it free.

A 64-bit MicroPython needs twice that for the same program, so it gets 192 KB, and the image on top. The
firmware is the image that is flashed; modem, receiver, keys and flash are the bench's.
"""

import datetime
import json
import re

import pytest

from hwsim import world
from hwsim.fleet import Car, build_image
from hwsim.kernel import Kernel
from hwsim.modem import PROFILES
from hwsim.network import GATEWAY_ADDRESS, Network
from hwsim.terminal import CHIP_HEAP, Terminal
from tests.firmware.gateway_key import GATEWAY_KEY

QUARTER = CHIP_HEAP // 4
EPOCH = datetime.datetime(2026, 6, 3, 6, 0, tzinfo=datetime.UTC)
PROVISION = """\
from board import BOARD
from firmware import provision
from firmware.hal import Hal
provision.create_identity(Hal(BOARD))
print("installed", provision.install({config!r}))
"""
# Keys of the link, as an earlier handshake has left them. (In the image all modules are one, `patrola`.)
AGREED = """\
import patrola
patrola.Session(patrola.AesCcm()).adopt(bytes(16), bytes(8), bytes(4), b"\\x01", None)
print("agreed")
"""
# The program as ever, and beside it one more task that looks at the heap.
WATCHED = """\
import asyncio, gc
run = asyncio.run
async def look():
    while True:
        await asyncio.sleep_ms(1000)
        gc.collect()
        print("free", gc.mem_free())
def watched(coroutine):
    asyncio.create_task(look())
    run(coroutine)
asyncio.run = watched
from firmware.main import main
main()
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return build_image(tmp_path_factory.mktemp("image"))


class Bench:
    def __init__(self, image, folder, heap=CHIP_HEAP, agreed=True):
        self.lines = []
        self.flash = folder / "flash"
        config = {"host": GATEWAY_ADDRESS[0], "gateway_key": GATEWAY_KEY, "apn": "internet", "log": 2}
        self._script(folder, image, PROVISION.format(config=json.dumps(config)), "installed []")
        if agreed:
            self._script(folder, image, AGREED, "agreed")
        self.lines.clear()
        self.kernel = self._kernel()
        watched = folder / "watched.py"
        watched.write_text(WATCHED, encoding="utf-8")
        unit = next(iter(world.units(1)))
        options = {"epoch": EPOCH, "modem": PROFILES["a7670"], "nmea": None}
        identity = {"kid": "00" * 8}
        self.car = Car(self.kernel, 0, unit, identity, image, self.flash, Network(self.kernel), options)
        self.car.terminal.script = watched
        self.car.terminal.heapsize = heap
        self.car.start()

    def _kernel(self):
        kernel = Kernel(1)
        kernel.subscribe(self._event)
        return kernel

    def _event(self, event):
        if event.what == "log":
            self.lines.append(event.fields["line"])

    def _script(self, folder, image, text, expected):
        path = folder / "once.py"
        path.write_text(text, encoding="utf-8")
        kernel = self._kernel()
        terminal = Terminal(kernel, "car", "SIM", image, self.flash, script=path)
        terminal.power_on()
        kernel.run_for(20)
        terminal.close()
        assert expected in self.lines, self.lines

    def free(self):
        """Bytes free after each collection in the time since the last call."""
        found = [int(m.group(1)) for line in self.lines if (m := re.fullmatch(r"free (\d+)", line))]
        self.lines = [line for line in self.lines if not line.startswith("free ")]
        return found

    def said(self, text):
        return any(text in line for line in self.lines)


def test_a_quarter_of_the_heap_is_free_whatever_the_terminal_does(image, tmp_path):
    bench = Bench(image, tmp_path)
    car, kernel = bench.car, bench.kernel
    try:
        kernel.run_for(40)
        assert bench.said("modem: up"), bench.lines
        assert not bench.said("Traceback"), bench.lines
        steady = bench.free()
        assert len(steady) > 30 and min(steady) >= QUARTER, steady
        # No gateway answers: frames pile up in the journal, an alarm is repeated twice a second.
        for key in ("available", "event", "panic", "on_scene"):
            car.press(key)
            kernel.run_for(5)
        kernel.run_for(180)
        assert bench.said("panic 65537"), bench.lines
        assert not bench.said("Traceback"), "\n".join(bench.lines)
        busy = bench.free()
        assert len(busy) > 180 and min(busy) >= QUARTER, min(busy)
        # It neither leaks nor starts again.
        assert min(busy[-20:]) >= min(busy[:60]) - 2048, busy
        assert car.terminal.starts == 1
        print(f"free of {CHIP_HEAP}: {min(steady)} steady, {min(busy)} in an alarm without a link")
    finally:
        car.close()


def test_the_measure_measures(image, tmp_path):
    """With 32 KB less the same look shows 32 KB less: the room is the chip's, not the computer's."""
    bench = Bench(image, tmp_path, CHIP_HEAP - 32 * 1024)
    try:
        bench.kernel.run_for(20)
        free = bench.free()
        assert free and max(free) < QUARTER + 16 * 1024, free
    finally:
        bench.car.close()
