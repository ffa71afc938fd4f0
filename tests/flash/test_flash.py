"""`./flash.py flash` against a simulated board: real console, selector and slots, on simulated flash."""

import pytest

from flashing.board.console import Console
from hwsim.board_stand import BoardStand
from tests.flash.conftest import result
from tests.flash.small_programs import program


@pytest.fixture
def stand():
    with BoardStand() as board:
        yield board


def test_a_board_with_nothing_but_micropython_runs_the_program_after_it(stand, flash_run):
    done = result(flash_run(stand, program("0.1.0"), "--json"))
    assert done["started"] == {"version": "0.1.0", "slot": 0}
    assert done["transfer"]["sent"] == 8


def test_an_update_sends_what_changed_into_the_other_slot(stand, flash_run):
    result(flash_run(stand, program("0.1.0"), "--json"))
    done = result(flash_run(stand, program("0.2.0", changed=(3,)), "--json"))
    assert done["started"] == {"version": "0.2.0", "slot": 1}
    assert done["transfer"]["was"] == "0.1.0"
    assert done["transfer"]["copied"] >= 4


def test_the_same_again_sends_nothing(stand, flash_run):
    result(flash_run(stand, program("0.1.0"), "--json"))
    done = result(flash_run(stand, program("0.1.0"), "--json"))
    assert done["transfer"]["unchanged"]
    assert done["transfer"]["bytes_sent"] == 0
    assert done["started"] == {"version": "0.1.0", "slot": 0}


def test_a_program_of_which_nothing_lies_there_is_over_in_seconds(stand, flash_run):
    """170 KB that cannot be squeezed, over the board's 921,600 baud, by the board's own clock. A real program
    is on trial for ten seconds more: firmware/update.py."""
    result(flash_run(stand, program("0.1.0"), "--json"))
    with Console.open(stand.port) as console:
        console.enter()  # its clock stands while the prompt waits
    began_us = stand.now_us
    said, up_us = bytearray(), []

    def hear(data):
        said.extend(data)
        if not up_us and b"runs from slot 1" in said:
            up_us.append(stand.now_us)  # it runs on, faster than the wall, until the tool has read that

    stand.heard_by.append(hear)
    done = result(flash_run(stand, program("0.2.0", blocks=42, seed=2), "--json"))
    assert done["transfer"]["sent"] >= 42
    assert 2 < (up_us[0] - began_us) / 1_000_000 < 15
