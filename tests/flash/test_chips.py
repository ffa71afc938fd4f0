"""On strict fakes of each chip: pins, UARTs, watchdog, memory, journal, slots, as the program uses them."""

import copy
import sys
import types

import pytest

from flashing import image
from tests.flash.fake_chip import Chip

REAL = [name for name in image.board_names() if not name.startswith("SIM")]


@pytest.mark.parametrize("name", REAL)
def test_the_program_finds_its_way_about_the_chip(name):
    board = image.load_board(name)
    chip = Chip(board)
    hal, module = chip.hal()
    assert all(chip.levels[board["pins"][lamp]] == 0 for lamp in ("red", "green"))
    hal.uart("gnss"), hal.uart("modem")
    row = board["uarts"]["modem"]
    assert chip.uarts[row["id"]] == (row["baud"], row["tx"], row["rx"])
    for number in hal.keys.values():
        hal.key_pin(number)
    assert chip.pulled == set(board["keys"].values())
    pins = hal.modem_pins()
    for name_, pin_ in pins.items():
        active = 0 if name_ in board["modem"].get("active_low", ()) else 1
        number = board["pins"]["modem_" + name_]
        assert chip.levels[number] == (active if name_ == "supply" else 1 - active)
        pin_.value(1)
        assert chip.levels[number] == active
    for held in board.get("held", {}).values():
        assert chip.levels[held["pin"]] == held["level"]
    options = hal.modem_options()
    assert options["modem"] == board["modem"]["model"] and options["baud"] == 115200
    hal.start_watchdog(60)
    assert chip.watchdog_ms == (8388 if board["chip"] == "rp2040" else 60000)
    if "adc" in board:
        assert abs(hal.supply_mv() - 13750) <= 15  # 1.25 V at the pin of an 11 to 1 divider
    else:
        assert hal.supply_mv() is None
    assert 100 < hal.temperature_dc() < 600 if board["chip"] != "rp2040" else hal.temperature_dc() is not None
    journal = hal.journal()
    if board["chip"] != "rp2040":
        assert journal == (board["flash"]["journal"]["address"], board["flash"]["journal"]["size"])


def test_a_signal_that_is_active_low_is_driven_so():
    board = copy.deepcopy(image.load_board("LILYGO-T-A7670"))
    board["modem"]["active_low"] = ["reset"]
    chip = Chip(board)
    pins = chip.hal()[0].modem_pins()
    assert chip.levels[5] == 1 and chip.levels[4] == 0
    pins["reset"].value(1)
    assert chip.levels[5] == 0


def test_an_rp2040_s_journal_takes_any_bytes_anywhere_and_lies_behind_the_files():
    board = image.load_board("SIXFAB-PICO-LTE")
    chip = Chip(board)
    device = chip.hal()[0].journal()
    at = board["flash"]["journal"]["address"]
    assert device.ioctl(4, 0) == board["flash"]["journal"]["size"] // 4096
    device.writeblocks(2, b"one", 5)
    device.writeblocks(2, bytes(range(256)) * 2, 250)
    device.writeblocks(2, b"two", 8)
    room = bytearray(300)
    device.readblocks(2, room, 5)
    assert room[:6] == b"onetwo" and room[6:245] == b"\xff" * 239 and room[245:] == bytes(range(55))
    assert chip.flash[at + 2 * 4096 + 5 : at + 2 * 4096 + 8] == b"one"
    assert chip.flash[:at] == b"\xff" * at
    device.ioctl(6, 2)
    device.readblocks(2, room, 5)
    assert room == b"\xff" * 300


def test_a_watchdog_s_reset_leaves_an_rp2040_what_it_has_of_the_starts_before(monkeypatch):
    from firmware.trace import FAILS, LAYOUT, LENGTH, ROOM, RUNNING, STATE, TEXT, Trace

    chip = Chip(image.load_board("SIXFAB-PICO-LTE"))
    hal, module = chip.hal()
    memory = hal.memory
    assert memory() == b""
    data = bytearray(TEXT + ROOM)
    data[LAYOUT], data[STATE], data[FAILS] = 0xA1, RUNNING, 3
    trace = Trace(data, memory)
    trace.say(1000, "last words")
    held = memory()
    assert held[LAYOUT] == 0xA1 and held[STATE] == RUNNING and held[FAILS] == 3 and held[LENGTH] == 0
    monkeypatch.setitem(sys.modules, "firmware.hal", module)
    from firmware import aftermath

    found, fails, _ = aftermath.begin(hal)
    assert fails == 4 and found.safe == 1
    chip.words[0x4005800C] ^= 1
    assert memory() == b""


def test_a_journal_s_frame_survives_on_an_rp2040():
    from firmware.journal import Journal

    board = image.load_board("SIXFAB-PICO-LTE")
    chip = Chip(board)
    journal = Journal(chip.hal()[0].journal(), 64 * 1024, 256 * 1024)
    frames = [bytes([n]) * (40 + 17 * n) for n in range(12)]
    for number, frame in enumerate(frames):
        journal.append(True, frame, 1, number)
        journal.append(False, frame[::-1], 2, number)
    again = Journal(chip.hal()[0].journal(), 64 * 1024, 256 * 1024)
    assert [row[1] for row in again.peek(True, 20)] == frames
    assert again.count(False) == 12


def test_a_slot_of_an_rp2040_takes_any_bytes_anywhere_in_it(monkeypatch):
    board = image.load_board("SIXFAB-PICO-LTE")
    chip = Chip(board)
    slots = board["flash"]["slots"]
    chip.modules["vfs"] = types.SimpleNamespace(rom_ioctl=lambda *_: chip.romfs())
    slotflash = chip.program("slotflash", monkeypatch)
    slotflash.memoryview = lambda device: device.memory  # Python classes are no buffers before 3.12
    for number, row in enumerate(slots):
        slot = slotflash.open_slot(board["flash"], number)
        slot.erase(4096)
        slot.write(4096 + 100, b"image")
        slot.write(4096 + 105, bytes(range(200)))
        room = bytearray(210)
        slot.read(4096 + 100, room)
        assert room == b"image" + bytes(range(200)) + b"\xff" * 5
        assert chip.flash[row["address"] + 4196 : row["address"] + 4201] == b"image"
        assert bytes(slot.memory[4196:4201]) == b"image" and slot.size == row["size"]
    assert chip.flash[: slots[0]["address"]].count(b"\xff") == slots[0]["address"]
