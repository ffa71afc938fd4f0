"""A finished terminal gives nobody its prompt, but to who holds two keys while it is switched on."""

import pytest

from flashing.board.console import Console
from flashing.desk.device import Device
from flashing.errors import FlashError
from flashing.image import load_board
from tests.flash.desk.hands import again


def finished(bench, stand, starts):
    """A provisioned terminal whose console is closed after so many starts, and that has just been started."""
    board = stand()
    code, _, err = bench.provision(board, "--skip-sim")
    assert code == 0, err
    with Console.open(str(board.port), 921600) as console:
        device = Device(console, load_board("SIM"), "./flash.py flash")
        device.begin()
        device.workshop(starts)
    again(board)
    return board


def opens(board):
    """Its prompt answers; what the log kept of before is returned."""
    with Console.open(str(board.port), 921600) as console:
        console.enter(patience_s=3)
        assert console.exec("print(6 * 7)") == b"42\n"
        return console.exec("import machine\nprint(machine.RTC().memory())")


def runs(board):
    """Its program is at work: the green lamp says what it knows."""
    seen = []
    board.do(board.terminal.watch_pin, "green", seen.append)
    return board.until(lambda: len(seen) >= 6 and board.panel.green.state == "fix")


def refused(board):
    with pytest.raises(FlashError) as found:
        opens(board)
    return found.value


def test_ctrl_c_stops_nothing_and_the_text_says_how_it_is_opened(bench, stand):
    board = finished(bench, stand, 0)
    board.speed = 10
    error = refused(board)
    assert "hold AVAILABLE and OFF DUTY" in "\n".join(error.lines())
    starts = sum(event.what == "start" for event in board.events)
    assert runs(board)
    assert sum(event.what == "start" for event in board.events) == starts  # it runs on


def test_two_keys_at_power_on_open_it_and_one_does_not(bench, stand):
    board = finished(bench, stand, 0)
    board.speed = 10
    again(board, ["available"])
    refused(board)
    assert runs(board)  # it was not silent for being dead
    again(board, ["available", "off_duty"])
    assert b"console: opened by its keys" in opens(board)
    with Console.open(str(board.port), 921600) as console:
        console.enter()
        console.reset()
    opens(board)  # the program has been started once more, as at the end of each command
    again(board)
    refused(board)
    again(board, ["available", "off_duty"])
    opens(board)
    board.speed = 0
    code, _, err = bench.provision(board, "--skip-sim")
    assert code == 0, err


def test_a_car_that_nobody_tested_closes_by_itself(bench, stand):
    board = finished(bench, stand, 2)  # this start was one of them
    board.speed = 10
    again(board)
    again(board)
    refused(board)
