"""A board behind a port whose flash holds a program: what whoever sits at the computer sees of its start."""

import shutil
from pathlib import Path

import pytest

from hwsim.board_stand import BoardStand
from tests.hwsim import slotted
from tests.hwsim.prompt_client import Client
from tests.hwsim.test_slots_boot import RAISES, STAYS, image

OPENS = """\
import micropython, time
def main(slot):
    print('closed', slot)
    time.sleep(5)
    micropython.kbd_intr(3)
    print('open')
    while True:
        time.sleep(1)
"""
WATCHED = """\
import machine, micropython, time
def main(slot):
    watchdog = machine.WDT(timeout=3000)
    micropython.kbd_intr(3)
    print('watched')
    while True:
        watchdog.feed()
        time.sleep(1)
"""


@pytest.fixture(scope="module")
def blank(tmp_path_factory):
    return slotted.board(tmp_path_factory.mktemp("boards"))


@pytest.fixture
def flash(blank, tmp_path):
    return Path(shutil.copyfile(blank, tmp_path / "flash"))


def stand(flash, program, **options):
    if program is not None:
        slotted.put_image(flash, 0, image(program, "it"))
    return BoardStand(flash_path=flash, **options)


def causes(stand):
    return [event.fields["cause"] for event in stand.events if event.what == "start"]


def test_the_program_runs_and_ctrl_c_counts_only_when_it_says_so(flash):
    with stand(flash, OPENS) as board, Client(board.port) as client:
        client.write(b"\x03\x03")
        said = client.until(b"closed 0\r\n")
        assert b"KeyboardInterrupt" not in said and b">>>" not in said
        client.write(b"\x03")
        client.until(b"open\r\n")
        client.write(b"\x03")
        assert b"KeyboardInterrupt" in client.until(b">>> ")
        assert causes(board) == ["power"]


def test_a_watchdog_once_started_runs_on_at_the_prompt_and_hold_helps(flash):
    with stand(flash, WATCHED) as board, Client(board.port) as client:
        client.until(b"watched\r\n")
        client.write(b"\x03")
        client.until(b">>> ")
        client.write(b"import time; time.sleep(10)\r\n")
        client.until(b"watched\r\n")  # it has bitten, and the program runs again
        assert causes(board) == ["power", "watchdog"]
        client.write(b"\x03")
        client.until(b">>> ")
        client.write(b"open('/hold', 'w').close(); import machine; machine.reset()\r\n")
        assert b"watched" not in client.until(b'Type "help()"')
        client.until(b">>> ")
        client.write(b"import time, os, machine; time.sleep(20); os.listdir('/')\r\n")
        assert client.until(b"]\r\n").endswith(b"\r\n['main.py', 'selector.py', 'slots']\r\n")  # no `hold`
        client.write(b"machine.reset()\r\n")
        client.until(b"watched\r\n")  # it was held once only
        assert causes(board) == ["power", "watchdog", "hard", "hard"]


def test_a_board_without_an_image_says_so_and_has_an_open_prompt(flash):
    with stand(flash, None) as board, Client(board.port) as client:
        client.until(b"./flash.py flash --board SIM")
        client.write(b"\x03")
        assert b"KeyboardInterrupt" in client.until(b">>> ")
        assert board.do(lambda: board.panel.red.state) in ("fault", "off", "unclear")


def test_a_program_that_fails_leaves_no_prompt(flash):
    with stand(flash, RAISES) as board, Client(board.port) as client:
        client.until(b"ValueError: no good\r\n")
        client.write(b"\x03\x03")
        said = client.until(b"it raises\r\n")
        assert b">>>" not in said
        assert causes(board)[:2] == ["power", "hard"] and set(causes(board)[1:]) == {"hard"}


def test_power_goes_and_comes_while_the_program_runs(flash):
    with stand(flash, STAYS) as board:
        with Client(board.port) as client:
            client.until(b"it runs 0\r\n")
        board.pull()
        board.plug()
        with Client(board.port) as client:
            client.until(b"it runs 0\r\n")
