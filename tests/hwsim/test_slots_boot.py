"""A board starts by itself from what its flash holds: /main.py, the selector, a slot, the program."""

import hashlib
import shutil

import pytest
from mpremote.romfs import VfsRomWriter

from firmware import slots
from firmware.slots import HEAD, NONE
from flashing.image import load_board
from flashing.selector import startup
from hwsim.kernel import Kernel
from hwsim.terminal import Terminal
from tests.hwsim import slotted

STAYS = """\
import time
def main(slot):
    print('{name} runs', slot)
    while True:
        time.sleep(1)
"""
HANGS = """\
import machine
def main(slot):
    print('{name} hangs')
    while True:
        machine.lightsleep()
"""
RAISES = """\
def main(slot):
    print('{name} raises')
    raise ValueError('no good')
"""
RETURNS = """\
def main(slot):
    print('{name} returns')
"""


def image(program, name="it"):
    """A ROMFS with a program of a test's own."""
    writer = VfsRomWriter()
    writer.opendir("firmware")
    writer.mkfile("__init__.py", b"")
    writer.mkfile("main.py", program.format(name=name).encode())
    writer.closedir()
    return writer.finalise()


@pytest.fixture(scope="module")
def blank(tmp_path_factory):
    """The flash of a board with a selector, and nothing in its slots."""
    return slotted.board(tmp_path_factory.mktemp("boards"))


class Bench:
    def __init__(self, flash):
        self.kernel = Kernel(3)
        self.events = []
        self.kernel.subscribe(self.events.append)
        self.flash = flash
        self.terminal = Terminal(self.kernel, "board", "SIM", None, flash)

    def lines(self):
        return [event.fields["line"] for event in self.events if event.what == "log"]

    def says(self, line, limit_s=60):
        return self.kernel.run_until(lambda: line in self.lines(), limit_s)

    def causes(self):
        return [event.fields["cause"] for event in self.events if event.what == "start"]

    def state(self, good, tried=NONE, tries=0, desk=0):
        """As `stage` leaves it."""
        row = bytes((slots._LAYOUT, good, tried, tries, NONE, desk))
        data = hashlib.sha256(row).digest()[:8] + row
        slotted.run_on(self.flash, f"with open('/slots', 'wb') as file: file.write({data!r})")

    def is_good(self):
        """The number of the good slot, as the state on flash says."""
        line = slotted.run_on(self.flash, "with open('/slots', 'rb') as file: print(list(file.read()[8:]))")
        return eval(line[0])


@pytest.fixture
def bench(blank, tmp_path):
    made = Bench(shutil.copyfile(blank, tmp_path / "flash"))
    yield made
    made.terminal.close()


def put(bench, number, program, name, version=1):
    slotted.put_image(bench.flash, number, image(program, name), version)


def test_it_starts_what_lies_in_a_slot(bench):
    put(bench, 1, STAYS, "one")
    bench.terminal.power_on()
    assert bench.says("one runs 1")
    bench.kernel.run_for(60)
    assert bench.causes() == ["power"]  # no watchdog: this image is nobody's experiment
    assert bench.is_good()[1] == 1


def test_the_newer_of_two(bench):
    put(bench, 0, STAYS, "new", 7)
    put(bench, 1, STAYS, "old", 6)
    bench.terminal.power_on()
    assert bench.says("new runs 0")


@pytest.mark.parametrize("program", (HANGS, RAISES, RETURNS))
def test_an_image_on_trial_that_is_no_good(bench, program):
    put(bench, 0, STAYS, "good")
    put(bench, 1, program, "bad", 2)
    bench.state(0, 1, 3)
    bench.terminal.power_on()
    assert bench.says("good runs 0", 120)
    assert sum(line.startswith("bad") for line in bench.lines()) == 3
    assert "slot 1: given up, slot 0 starts" in bench.lines()
    assert bench.causes()[1:] == ["watchdog" if program is HANGS else "hard"] * 3 or program is not HANGS
    bench.terminal.cut_power(1)
    bench.kernel.run_for(20)
    assert bench.lines().count("good runs 0") == 2 and bench.is_good()[:2] == [1, 0]


def test_an_image_on_trial_that_serves_is_tried_until_it_is_confirmed(bench):
    put(bench, 0, STAYS, "good")
    put(bench, 1, STAYS, "new", 2)
    bench.state(0, 1, 3)
    bench.terminal.power_on()
    assert bench.says("new runs 1")
    assert bench.is_good()[1:4] == [0, 1, 2]
    bench.kernel.run_for(20)
    assert "watchdog" in bench.causes()  # it does not feed it


def test_a_damaged_image_gives_way(bench):
    put(bench, 0, STAYS, "good")
    put(bench, 1, STAYS, "new", 2)
    bench.state(1)
    slotted.damage(bench.flash, 1, HEAD + 40)
    bench.terminal.power_on()
    assert bench.says("good runs 0")
    assert "slot 1: given up, slot 0 starts" in bench.lines()


def test_with_no_image_it_says_so_and_blinks(bench):
    put(bench, 0, STAYS, "good")
    slotted.damage(bench.flash, 0, HEAD + 40)
    bench.terminal.power_on()
    assert bench.says("No program: neither slot holds a whole image.")
    bench.kernel.run_for(5)
    assert any("./flash.py flash --board SIM" in line for line in bench.lines())
    levels = [event.fields for event in bench.events if event.what == "pin"]
    red = [f["level"] for f in levels if f["pin"] == "red"]
    green = [f["level"] for f in levels if f["pin"] == "green"]
    assert len(red) > 10 and len(green) > 10 and red[-1] != green[-1]
    assert bench.causes() == ["power"]


def test_power_fails_in_each_operation_of_a_start_on_trial(bench, tmp_path):
    put(bench, 0, STAYS, "good")
    put(bench, 1, STAYS, "new", 2)
    bench.state(0, 1, 2)
    kept = (tmp_path / "flash").read_bytes()
    operation = 0
    while True:
        copy = tmp_path / f"cut{operation}"
        copy.write_bytes(kept)
        again = Bench(copy)
        again.terminal.flash.cut_at(operation)
        again.terminal.power_on()
        cut = again.kernel.run_until(lambda b=again: not b.terminal.powered, 3)
        again.terminal.flash.cut_at(None)
        again.terminal.power_on()
        assert again.says("new runs 1"), operation
        assert again.says("good runs 0", 60), operation
        assert sum(line == "new runs 1" for line in again.lines()) <= 2
        again.terminal.close()
        if not cut:
            break
        operation += 1
    assert operation >= 3


def test_what_it_costs_to_start(bench, tmp_path):
    """The digest of an image as big as ours is charged, and a start stays within a second and a half."""
    times = []
    for extra in (0, 160_000):
        flash = shutil.copyfile(bench.flash, tmp_path / f"flash{extra}")
        data = image(STAYS, "one")
        again = Bench(flash)
        slotted.put_image(flash, 0, data + bytes(extra))
        again.terminal.power_on()
        assert again.says("one runs 0")
        times.append(again.kernel.now_us)
        again.terminal.close()
    assert 55_000 < times[1] - times[0] < 160_000 and times[1] < 1_500_000


def test_the_board_starts_the_same_selector_for_good(bench):
    """Nothing of a start is left in the heap but the program: what is on its flash is text for any
    version."""
    texts = startup(load_board("SIM"))
    assert set(texts) == {"/main.py", "/selector.py"}
    assert len(texts["/selector.py"]) < 12_000 and "firmware" not in texts["/selector.py"].split("\n", 1)[1]
