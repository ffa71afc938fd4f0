"""A board without a file system: the power went while its MicroPython made one, or it broke later."""

import json

import pytest

import flash as tool
from flashing.board import files
from flashing.board.console import Console
from flashing.board.filesystem import BLOCK, HEAD
from flashing.desk import options
from flashing.errors import FlashError
from hwsim.board_stand import BoardStand
from tests.flash.conftest import error, result
from tests.flash.small_programs import program

FIRST = program("0.1.0")
IDENTITY = b"whose it is"
TORN = b"\x01\x00\x00\x00\xf0\x0f\xff\xf7littlefs"


def torn(path):
    """The flash of a board that lost power in its first start."""
    path.write_bytes(TORN + b"\xff" * (4194304 - len(TORN)))
    return path


@pytest.fixture(scope="module")
def making():
    """How many flash operations the making of a file system takes."""
    with BoardStand() as stand:
        assert stand.prompts()
        return stand.flash.operations


def test_power_fails_while_it_makes_its_file_system(making, flash_run):
    """In each of its operations: the same command finishes."""
    damaged = 0
    for operation in range(making):
        with BoardStand() as stand:
            stand.pull_at(operation=operation)
            assert flash_run(stand, FIRST, "--json")[0] == 1
            assert not stand.plugged
            stand.plug()
            done = flash_run(stand, FIRST, "--json")
            assert result(done)["started"] == {"version": "0.1.0", "slot": 0}, operation
            damaged += "its file system was never finished, nothing is in it; making a new one" in done[2]
    assert damaged


def test_power_fails_while_the_new_one_is_made(tmp_path, making, flash_run):
    for operation in range(making):
        with BoardStand(flash_path=torn(tmp_path / "flash")) as stand:
            stand.pull_at(operation=operation)
            assert error(flash_run(stand, FIRST, "--json"))["reason"] == "gone"
            stand.plug()
            result(flash_run(stand, FIRST, "--json"))


def test_a_terminal_whose_file_system_broke_keeps_it_until_somebody_lets_it_go(tmp_path, flash_run):
    flash = tmp_path / "flash"
    with BoardStand(flash_path=flash) as stand:
        result(flash_run(stand, FIRST, "--json"))
        with Console.open(stand.port) as console:
            console.enter()
            files.put(console, "/identity", IDENTITY)
    with flash.open("r+b") as file:
        file.write(bytes(HEAD * BLOCK))
    before = flash.read_bytes()
    with BoardStand(flash_path=flash) as stand:
        failed = error(flash_run(stand, FIRST, "--json"))
        assert (failed["reason"], failed["where"]) == ("files", stand.port)
        assert failed["what"].startswith("the board's file system is damaged: it cannot be read")
        assert "identity, keys and settings of a terminal are lost" in failed["do"]
        assert failed["command"] == failed["again"] + " --format"
        assert flash.read_bytes() == before
        done = flash_run(stand, FIRST, "--json", "--format")
        assert result(done)["started"] == {"version": "0.1.0", "slot": 0}
        assert "making a new one, as --format wants" in done[2]


def test_whatever_was_ever_written_behind_its_head_is_something(tmp_path, flash_run):
    """The last block of the file system; what comes behind it is none of its business."""
    flash = torn(tmp_path / "flash")
    with BoardStand(flash_path=flash) as stand:
        end = stand.board["flash"]["journal"]["address"]
        with flash.open("r+b") as file:
            file.seek(end - 1)
            file.write(b"\xfe\x00")
        assert error(flash_run(stand, FIRST, "--json"))["reason"] == "files"
        with flash.open("r+b") as file:
            file.seek(end - 1)
            file.write(b"\xff")
        result(flash_run(stand, FIRST, "--json"))


def test_a_whole_file_system_stays_with_that_option(flash_run):
    with BoardStand() as stand:
        result(flash_run(stand, FIRST, "--json"))
        with Console.open(stand.port) as console:
            console.enter()
            files.put(console, "/identity", IDENTITY)
        result(flash_run(stand, FIRST, "--json", "--format"))
        with Console.open(stand.port) as console:
            console.enter()
            assert files.get(console, "/identity") == IDENTITY


def test_another_board_is_left_as_it_is(tmp_path, flash_run):
    flash = torn(tmp_path / "flash")
    before = flash.read_bytes()
    with BoardStand(flash_path=flash, platform="esp32") as stand:
        assert error(flash_run(stand, FIRST, "--json", "--format"))["reason"] == "wrong-board"
    assert flash.read_bytes() == before


def test_other_commands_say_which_one_helps(tmp_path, capsys):
    with BoardStand(flash_path=torn(tmp_path / "flash")) as stand:
        assert tool.main(["files", "--board", "SIM", "--port", stand.port, "--json"]) == 1
        failed = json.loads(capsys.readouterr().out)["error"]
        assert failed["what"] == "the board has no file system: what lies there cannot be read as one"
        assert "run ./flash.py flash on it" in failed["do"]
        with pytest.raises(FlashError) as wrong, options.opened("SIM", stand.port, None) as device:
            device.begin()
        assert wrong.value.command == f"./flash.py flash --board SIM --port {stand.port}"
