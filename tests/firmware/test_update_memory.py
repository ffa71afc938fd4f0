"""The room that an update leaves to an alarm without a link: what it takes while it is loaded is given back
some seconds after PANIC is pressed. See test_memory.py."""

import re

import pytest

from hwsim.conformance.case import Case
from hwsim.conformance.cases import upd
from hwsim.conformance.office import Office
from hwsim.conformance.shelf import Shelf
from hwsim.conformance.stage import Stage
from hwsim.rig import Rig
from hwsim.terminal import CHIP_HEAP
from protocol import report, update

LEAST = CHIP_HEAP * 3 // 16  # for the seconds until it has gone
QUARTER = CHIP_HEAP // 4  # without an update, started from its slot: what is promised, as a board starts
CASE = Case("UPD-00", (), "", None, "", "", slots=True)
# The board as ever, and beside its program one more task that looks at the heap.
WATCHED = """\
import asyncio, gc, sys
plain_run = asyncio.run
async def look():
    while True:
        await asyncio.sleep_ms(1000)
        gc.collect()
        print("update" if "firmware.update" in sys.modules else "free", gc.mem_free())
def watched(coroutine):
    asyncio.create_task(look())
    plain_run(coroutine)
asyncio.run = watched
sys.path[0] = ""  # as where a board finds its selector
def main():
    with open("/main.py") as file:
        return compile(file.read(), "main.py", "exec")
exec(main())  # its text goes, as on a board
"""


class Bench(Rig):
    def __init__(self, shelf, folder):
        watched = folder / "watched.py"
        watched.write_text(WATCHED, encoding="utf-8")
        kit = shelf.kit(CASE)
        super().__init__(kit, folder, script=watched, heap=CHIP_HEAP, cpu=0, desk=Office)
        self.desk.adopt(kit.links)
        self.stage = Stage(self)
        self.stage.workshop = shelf.workshop
        self._alarm = 0

    def free(self, what):
        """Bytes free after each collection since the alarm."""
        lines = self.lines()[self._alarm :]
        return [int(m.group(1)) for line in lines if (m := re.fullmatch(what + r" (\d+)", line))]

    def state(self, state):
        told = lambda: any(event.fields["state"] == state for event in self.seen("update"))  # noqa: E731
        assert self.kernel.run_until(told, 400)

    def alarm(self):
        """Frames pile up in the journal, an alarm is repeated twice a second."""
        self.desk.awake = False
        self._alarm = len(self.lines())
        for key in ("available", "event", "panic", "on_scene"):
            self.cars[0].press(key)
            self.kernel.run_for(5)
        self.kernel.run_for(120)


@pytest.fixture(scope="module")
def shelf():
    return Shelf()


@pytest.fixture(scope="module")
def without(shelf, tmp_path_factory):
    """The least that is free in an alarm when there is no update."""
    with Bench(shelf, tmp_path_factory.mktemp("without")) as bench:
        bench.stage.working()
        bench.alarm()
        return min(bench.free("free"))


def test_what_starts_a_board_does_not_stay_on_its_heap(without):
    assert without >= QUARTER
    print(f"free: {without} of {CHIP_HEAP}, started from a slot, in an alarm without a link")


@pytest.mark.parametrize("state", [update.FETCHING, update.TRYING])
def test_an_update_leaves_its_room_to_an_alarm(shelf, without, tmp_path, state):
    with Bench(shelf, tmp_path) as bench:
        bench.stage.working()
        upd.offer(bench.stage)
        upd.notice(bench.stage)
        bench.state(update.FETCHING)
        if state == update.FETCHING:
            bench.kernel.run_for(13)  # in the middle
        else:
            bench.state(update.READY)
            bench.cars[0].park()
            bench.state(update.TRYING)
        bench.alarm()
        loaded, rest = bench.free("update"), bench.free("free")
        assert len(loaded) < 15 and min(loaded) >= LEAST, loaded
        assert len(rest) > 110 and min(rest) >= without - 2048, (without, rest)
        assert not any("Traceback" in line for line in bench.lines())
        print(f"free: {min(loaded)} until it went, {min(rest)} then, {without} without an update")
        bench.desk.awake = True
        bench.desk.awaken()
        before = len(bench.desk.offers.said)
        bench.stage.wait(20)
        bench.stage.clear(bench.stage.reports("panic", 0)[-1][report.PANIC][report.PANIC_ID])
        bench.stage.wait(60)
        assert len(bench.desk.offers.said) > before, "it goes on"
