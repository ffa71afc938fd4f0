"""The cable pulled, and with it the board's power, at any moment of `./flash.py flash`: the board starts what
it had or what it was to get, and the same command finishes.

PATROLA_PULLS=60 in the environment tries that many moments of each kind; otherwise a few, others each day."""

import datetime
import os
import random

import pytest

from flashing.board import console as consoles
from flashing.board import files
from flashing.board.console import Console
from flashing.board.line import GONE
from hwsim.board_stand import BoardStand
from tests.flash.conftest import result
from tests.flash.small_programs import program

_PULLS = int(os.environ.get("PATROLA_PULLS", "2"))
_SEED = int(os.environ.get("PATROLA_SEED", datetime.datetime.now(datetime.UTC).toordinal()))
OLD = program("0.1.0", blocks=4)
NEW = program("0.2.0", blocks=4, changed=(1, 2))


# Of which the board has nothing yet, whatever was there the last time.
def another(number):
    return program("0.2.0", blocks=4, seed=2 + number)


RUNS = "patrola {} runs from slot"


class Ear:
    """Hears all that a board says on its line, whoever has its port open, or nobody."""

    def __init__(self, stand):
        self._stand = stand
        self._heard = bytearray()
        stand.heard_by.append(self._heard.extend)

    def comes_up(self, versions):
        """The board, switched on anew, starts one of these by itself."""
        self._heard.clear()
        self._stand.plug()
        texts = [RUNS.format(version).encode() for version in versions]
        assert self._stand.until(lambda: any(text in self._heard for text in texts), 120), bytes(self._heard)


def pulled(stand, run, image, **moment):
    """Flash, with the cable pulled at that moment; True when the command was still at it."""
    stand.pull_at(**moment)
    code, _, err = run(stand, image, "--json")
    stand.pull_at()
    gone = not stand.plugged
    assert code == (1 if gone else 0), err
    if gone:
        assert GONE in err
        assert "again:  ./flash.py flash" in err
    return gone


def moments(name, most):
    dice = random.Random(f"{_SEED} {name}")
    return sorted(dice.sample(range(1, most + 1), min(_PULLS, most)))


@pytest.fixture(scope="module")
def sizes(tmp_path_factory, flash_run):
    """How many bytes over the console an update takes, and how many flash operations."""
    with BoardStand() as stand:
        result(flash_run(stand, OLD, "--json"))
        before = stand.console.bytes, stand.flash.operations
        result(flash_run(stand, another(0), "--json"))
        return {"byte": stand.console.bytes - before[0], "operation": stand.flash.operations - before[1]}


@pytest.mark.parametrize("kind", ["byte", "operation"])
def test_pulled_at_any_moment_of_an_update(kind, sizes, flash_run):
    """Any byte over the console, any flash operation."""
    with BoardStand() as stand:
        ear = Ear(stand)
        result(flash_run(stand, OLD, "--json"))
        for number, at in enumerate(moments(kind, sizes[kind])):
            new = another(number)
            if pulled(stand, flash_run, new, **{kind: at}):
                ear.comes_up(("0.1.0", "0.2.0"))
            assert result(flash_run(stand, new, "--json"))["started"]["version"] == "0.2.0", at
            result(flash_run(stand, OLD, "--json", "--allow-downgrade"))


def test_pulled_at_every_flash_operation_of_the_switch_over(flash_run):
    """Both programs lie in their slots: all that is left is to say which one starts, and to keep it."""
    with BoardStand() as stand:
        ear = Ear(stand)
        for image in (OLD, NEW, OLD):
            result(flash_run(stand, image, "--json", "--allow-downgrade"))
        before = stand.flash.operations
        done = result(flash_run(stand, NEW, "--json"))
        assert done["transfer"]["sent"] == done["transfer"]["copied"] == 0
        assert not done["transfer"]["unchanged"]
        for operation in moments("switch", stand.flash.operations - before):
            result(flash_run(stand, OLD, "--json", "--allow-downgrade"))
            if pulled(stand, flash_run, NEW, operation=operation):
                ear.comes_up(("0.1.0", "0.2.0"))
            assert result(flash_run(stand, NEW, "--json"))["started"]["version"] == "0.2.0", operation


def test_pulled_just_after_the_board_was_asked_to_start_nothing(flash_run):
    """What asked for that is a file, and goes with the power all the same."""
    with BoardStand() as stand:
        ear = Ear(stand)
        result(flash_run(stand, OLD, "--json"))
        with Console.open(stand.port) as console:
            console.enter(fresh=False)
            assert console.exec(consoles._HOLD) == b"held\n"
        stand.pull()
        ear.comes_up(("0.1.0",))
        with Console.open(stand.port) as console:
            console.enter(fresh=False)
            assert files.get(console, "/hold") is None


def test_pulled_just_before_the_board_got_what_starts_it(flash_run):
    """Nothing is there to hear of it when the next command asks the board to start nothing."""
    with BoardStand() as stand:
        result(flash_run(stand, OLD, "--json"))
        with Console.open(stand.port) as console:
            console.enter(fresh=False)
            console.exec("import os\nos.remove('/main.py')")
        assert result(flash_run(stand, OLD, "--json"))["started"] == {"version": "0.1.0", "slot": 0}


def test_pulled_while_a_board_gets_its_first_program(flash_run):
    """It has nothing to start yet, and says so; the same command finishes."""
    with BoardStand() as stand:
        result(flash_run(stand, OLD, "--json"))
        most = stand.flash.operations
    for operation in moments("first", most):
        with BoardStand() as stand:
            if pulled(stand, flash_run, OLD, operation=operation):
                stand.plug()
            assert result(flash_run(stand, OLD, "--json"))["started"] == {"version": "0.1.0", "slot": 0}
