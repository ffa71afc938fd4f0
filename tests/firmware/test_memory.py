"""The whole terminal in the room of a small chip: 96 KB of a 32-bit heap, a quarter of it free.

A 64-bit MicroPython needs twice that for the same program, so it gets 192 KB, and the image on top. The
firmware is the image that is flashed; modem, receiver, keys and flash are the bench's.
"""

import copy
import re

import pytest

from hwsim import technician
from hwsim.rig import Kit, Rig
from hwsim.terminal import CHIP_HEAP
from protocol.errors import Malformed

QUARTER = CHIP_HEAP // 4
FIFTH = CHIP_HEAP // 5
# The program as ever, and beside it one more task that looks at the heap: every second, and ten times as
# often while the modules of a handshake are loaded.
WATCHED = """\
import asyncio, gc, sys
run = asyncio.run
async def look():
    while True:
        shakes = "protocol.edhoc" in sys.modules
        await asyncio.sleep_ms(100 if shakes else 1000)
        gc.collect()
        print("shaking" if shakes and "protocol.edhoc" in sys.modules else "free", gc.mem_free())
def watched(coroutine):
    asyncio.create_task(look())
    run(coroutine)
asyncio.run = watched
from firmware.main import main
main()
"""


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    return Kit(tmp_path_factory.mktemp("kit"), settings={"log": 2})


@pytest.fixture(scope="module")
def quectel(kit, tmp_path_factory):
    """The same terminals, with the program of a board that has Quectel's modem."""
    other = copy.copy(kit)
    other.image = technician.build_image(tmp_path_factory.mktemp("quectel"), "SIM-QUECTEL")
    return other


class Bench(Rig):
    def __init__(self, kit, folder, heap=CHIP_HEAP, profile="a7670"):
        watched = folder / "watched.py"
        watched.write_text(WATCHED, encoding="utf-8")
        super().__init__(
            kit, folder, script=watched, heap=heap, cpu=0, profile=profile
        )  # a charge takes room, too
        self.car = self.cars[0]
        self.kid = bytes.fromhex(self.car.kid)
        self._read = 0

    def free(self, what="free"):
        """Bytes free after each collection in the time since the last call."""
        lines = self.lines()[self._read :]
        self._read += len(lines)
        return [int(m.group(1)) for line in lines if (m := re.fullmatch(what + r" (\d+)", line))]

    def said(self, text):
        return any(text in line for line in self.lines())

    def alarm(self):
        """Frames pile up in the journal, an alarm is repeated twice a second."""
        for key in ("available", "event", "panic", "on_scene"):
            self.car.press(key)
            self.kernel.run_for(5)
        self.kernel.run_for(180)
        assert self.said("panic 65537"), self.lines()[-50:]

    def well(self):
        assert not self.said("Traceback"), "\n".join(self.lines()[-50:])
        assert self.car.terminal.starts == 1


@pytest.mark.parametrize(("modem", "profile"), [("kit", "a7670"), ("quectel", "ec25")])
def test_a_quarter_of_the_heap_is_free_whatever_the_terminal_does(request, tmp_path, modem, profile):
    with Bench(request.getfixturevalue(modem), tmp_path, profile=profile) as bench:
        bench.working()
        bench.free()
        bench.kernel.run_for(60)
        steady = bench.free()
        assert len(steady) > 30 and min(steady) >= QUARTER, steady
        bench.desk.awake = False
        bench.alarm()
        busy = bench.free()
        assert len(busy) > 150 and min(busy) >= QUARTER, min(busy)
        # It neither leaks nor starts again.
        assert min(busy[-20:]) >= min(busy[:60]) - 2048, busy
        bench.well()
        print(f"{profile}: free of {CHIP_HEAP}: {min(steady)} steady, {min(busy)} in an alarm without a link")


def test_a_handshake_fits_beside_whatever_the_terminal_does(kit, tmp_path):
    """What is loaded for it goes again; and an alarm that waits for keys leaves a fifth."""
    with Bench(kit, tmp_path) as bench:
        bench.working()
        bench.kernel.run_for(20)
        before = bench.free()
        for _ in range(3):
            made = len(bench.desk.known)
            bench.desk.renew(bench.kid)
            assert bench.kernel.run_until(lambda made=made: len(bench.desk.known) > made, 120)
            bench.kernel.run_for(20)
        renewing = bench.free("shaking")
        assert len(renewing) >= 3 and min(renewing) >= QUARTER, renewing
        bench.kernel.run_for(20)
        after = bench.free()
        assert min(after[-10:]) >= min(before[-10:]) - 2048, (before[-10:], after[-10:])
        # The gateway has lost everything, and takes nobody up again: attempts without end beside an alarm.
        bench.desk.lose_everything()
        bench.desk.shakes._third = _refuse
        bench.alarm()
        worst = bench.free("shaking")
        assert len(worst) > 10 and min(worst) >= FIFTH, (len(worst), min(worst))
        bench.well()
        print(
            f"free of {CHIP_HEAP}: {min(renewing)} in a renewal, {min(worst)} in a handshake beside an alarm"
        )


def _refuse(payload):
    raise Malformed("nobody is known here")


def test_the_measure_measures(kit, tmp_path):
    """With 32 KB less the same look shows 32 KB less: the room is the chip's, not the computer's."""
    with Bench(kit, tmp_path, CHIP_HEAP - 32 * 1024) as bench:
        bench.working()
        bench.kernel.run_for(20)
        free = bench.free()
        assert free and max(free) < QUARTER + 16 * 1024, free
