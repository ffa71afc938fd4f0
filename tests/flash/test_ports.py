"""Which port: found by its USB numbers, or said why not. Each text is what a technician sees."""

import errno
import os
import stat
from types import SimpleNamespace

import pytest

from flashing.board import holders, ports
from flashing.errors import FlashError, Usage

BOARDS = {
    "ONE": {"usb": {"ids": ["1A86:7523", "10c4:ea60"]}},
    "TWO": {"usb": {"ids": ["303a:1001"]}},
    "SIM": {},
}


def device(name, vid=None, pid=None, product=None):
    return SimpleNamespace(device=name, vid=vid, pid=pid, product=product)


@pytest.fixture
def computer(monkeypatch):
    """`plug(devices)`: what this computer has."""
    there = []
    monkeypatch.setattr(ports.list_ports, "comports", lambda: there)
    monkeypatch.setattr(ports, "load_board", BOARDS.__getitem__)
    monkeypatch.setattr(ports, "board_names", lambda: sorted(BOARDS))
    return there.extend


CH340 = device("/dev/ttyUSB1", 0x1A86, 0x7523, "USB Serial")
CP2102 = device("/dev/ttyUSB0", 0x10C4, 0xEA60, "CP2102 USB to UART Bridge")
NATIVE = device("/dev/ttyACM0", 0x303A, 0x1001, "USB JTAG/serial debug unit")
MOUSE = device("/dev/ttyACM1", 0x046D, 0xC52B)
SOLDERED = device("/dev/ttyS0")


def refused(board, given=None):
    with pytest.raises(FlashError) as error:
        ports.choose(board, given)
    return error.value


def test_ports_are_listed_with_the_boards_they_may_be(computer):
    computer([CH340, NATIVE, MOUSE, SOLDERED])
    assert [row.line() for row in ports.listing()] == [
        "/dev/ttyACM0     303a:1001  USB JTAG/serial debug unit: may be TWO",
        "/dev/ttyACM1     046d:c52b  -: no board of ours",
        "/dev/ttyUSB1     1a86:7523  USB Serial: may be ONE",
    ]
    assert ports.listing()[2].as_json() == {
        "name": "/dev/ttyUSB1",
        "usb": "1a86:7523",
        "product": "USB Serial",
        "boards": ["ONE"],
        "held_by": [],
    }


def test_the_only_port_that_fits_is_taken(computer):
    computer([MOUSE, NATIVE, CH340])
    assert ports.choose("ONE", None) == "/dev/ttyUSB1"
    assert ports.choose("TWO", None) == "/dev/ttyACM0"


def test_a_port_that_is_named_is_taken_as_it_is(computer):
    computer([CH340])
    assert ports.choose("ONE", "/dev/ttyACM9") == "/dev/ttyACM9"


def test_none_fits(computer):
    computer([NATIVE, MOUSE])
    error = refused("ONE")
    assert error.lines() == [
        "no port has the USB numbers of ONE (10c4:ea60, 1a86:7523)",
        "  where:  the ports here: /dev/ttyACM0 (303a:1001 USB JTAG/serial debug unit), "
        "/dev/ttyACM1 (046d:c52b)",
        "  do:     plug the board in with a cable that carries data; if it is there under another number, "
        "name its port with --port",
        "  run:    ./flash.py ports",
    ]


def test_there_is_no_port_at_all(computer):
    computer([SOLDERED])
    assert refused("ONE").where == "this computer has no USB serial port"


def test_several_fit(computer):
    computer([CH340, CP2102])
    error = refused("ONE")
    assert error.reason == "many-ports"
    assert error.what == "2 ports may be ONE: /dev/ttyUSB0 /dev/ttyUSB1"


def test_a_board_without_usb_numbers_needs_its_port_named(computer):
    error = refused("SIM")
    assert isinstance(error, Usage)
    assert "--port" in error.do


@pytest.mark.parametrize(
    "group, mode, do, command",
    [
        (
            20,
            0o660,
            "join the group dialout, then log out and in again",
            'sudo usermod -a -G dialout "$USER"',
        ),
        # Who is in these may open it no sooner; and root's is nobody's to join.
        (20, 0o600, "it is root's alone: this makes it yours until the board is unplugged", "sudo chown"),
        (0, 0o660, "it is root's alone: this makes it yours until the board is unplugged", "sudo chown"),
    ],
)
def test_a_port_that_this_user_may_not_open(tmp_path, monkeypatch, group, mode, do, command):
    port = tmp_path / "ttyUSB0"
    port.touch()
    looked = os.stat_result((stat.S_IFCHR | mode, 1, 1, 1, 0, group, 0, 0, 0, 0))
    with monkeypatch.context() as patch:
        patch.setattr("grp.getgrgid", lambda _: SimpleNamespace(gr_name="dialout"))
        patch.setattr(holders.os, "stat", lambda *_, **__: looked)
        error = holders.explain(str(port), PermissionError(errno.EACCES, "Permission denied"))
    command += f' "$USER" {port}' if command == "sudo chown" else ""
    assert error.lines() == [
        "this user may not open the port",
        f"  where:  {port}",
        f"  do:     {do}",
        f"  run:    {command}",
    ]


def test_modem_manager_is_told_to_let_go():
    error = holders._busy("/dev/ttyUSB0", [(812, "ModemManager")])
    assert error.what == "ModemManager (process 812) holds the port"
    assert error.command == "sudo systemctl stop ModemManager"


def test_what_is_no_serial_port(tmp_path):
    file = tmp_path / "file"
    file.touch()
    error = holders.explain(str(file), OSError(errno.ENOTTY, os.strerror(errno.ENOTTY)))
    assert error.reason == "no-port"
    assert "no serial port" in error.what
