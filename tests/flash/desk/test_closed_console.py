"""A finished terminal gives nobody its prompt, but to who holds two keys while it is switched on."""

import pytest

from flashing.board.console import Console
from flashing.desk.device import Device
from flashing.errors import FlashError


def finished(bench, stand, starts):
    """A provisioned terminal whose console is closed after so many starts, and that has just been started."""
    board = stand()
    code, _, err = bench.provision(board, "--skip-sim")
    assert code == 0, err
    with Console.open(str(board.port), 921600) as console:
        device = Device(console, "./flash.py flash")
        device.begin()
        device.workshop(starts)
    again(board)
    return board


def again(board, held=()):
    """Off and on, with some keys held until its program has looked at them."""
    board.pull()
    for key in held:
        board.do(board.panel.down, key)
    began = board.now_us
    board.plug()
    if len(held) == 2:
        assert board.until(lambda: board.terminal.level("red") and board.terminal.level("green"))
        began = board.now_us
    assert board.until(lambda: board.now_us > began + 15_000_000)
    for key in held:
        board.do(board.panel.up, key)


def opens(board):
    with Console.open(str(board.port), 921600) as console:
        console.enter(patience_s=3)
        return console.exec("print(6 * 7)") == b"42\n"


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
    running = board.now_us
    assert board.until(lambda: board.now_us > running + 20_000_000)
    assert sum(event.what == "start" for event in board.events) == starts  # it runs on


def test_two_keys_at_power_on_open_it(bench, stand):
    board = finished(bench, stand, 0)
    board.speed = 10
    again(board, ["available"])
    refused(board)  # one is not enough
    again(board, ["available", "off_duty"])
    assert opens(board)
    board.speed = 0
    code, _, err = bench.provision(board, "--skip-sim")
    assert code == 0, err


def test_a_car_that_nobody_tested_closes_by_itself(bench, stand):
    board = finished(bench, stand, 2)  # this start was one of them
    board.speed = 10
    again(board)
    again(board)
    refused(board)
