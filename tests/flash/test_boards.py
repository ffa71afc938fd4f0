"""The boards' descriptions: each is right; a wrong one is refused with the entry, the fault and the remedy;
and the program finds its way about each chip."""

import copy
import json
import re
import sys
import types
from pathlib import Path

import pytest

from flashing import image
from flashing.cli import boards as command
from flashing.cli import pin
from flashing.describe.check import check
from flashing.describe.partitions import csv
from flashing.describe.rules import regions, uses
from flashing.errors import FlashError
from flashing.reach import reached
from tests.flash.fake_chip import Chip

ROOT = Path(__file__).resolve().parents[2]
NAMES = image.board_names()
REAL = [name for name in NAMES if not name.startswith("SIM")]


@pytest.mark.parametrize("name", NAMES)
def test_a_description_is_right(name):
    assert [str(problem) for problem in check(image.load_board(name))] == []


def test_there_are_boards_of_every_kind():
    chips = {image.load_board(name)["chip"] for name in REAL}
    drivers = {image.load_board(name)["modem"]["driver"] for name in REAL}
    assert len(REAL) >= 3 and chips == {"esp32", "esp32s3", "rp2040"} and drivers == {"simcom", "quectel"}


WRONG = [
    ("LILYGO-T-A7670", "pins.rde", 18, "[pins] rde is not an entry of a board: write \"red\""),
    ("LILYGO-T-A7670", "colour", "blue", "colour is not an entry of a board"),
    ("LILYGO-T-A7670", "chip", "esp23", "chip is 'esp23', wanted is one of esp32"),
    ("LILYGO-T-A7670", "keys.panic", None, "[keys] panic is missing"),
    ("LILYGO-T-A7670", "keys.panic", "23", "[keys] panic is '23', a whole number from 0 to 63 is wanted"),
    ("LILYGO-T-A7670", "pins.red", 19, "[pins] green is pin 19, which is [pins] red already"),
    ("LILYGO-T-A7670", "pins.red", 24, "[pins] red is pin 24, which an ESP32 has not"),
    ("LILYGO-T-A7670", "pins.red", 36, "which on an ESP32 has no output and no pull-up"),
    ("LILYGO-T-A7670", "keys.event", 36, "which on an ESP32 has no output and no pull-up"),
    ("LILYGO-T-A7670", "pins.red", 8, "which serves the module's flash"),
    ("LILYGO-T-A7670", "pins.red", 33, "which the board uses: RING of the modem"),
    ("LILYGO-T-A7670", "adc.supply", 18, "which cannot measure"),
    ("LILYGO-T-A7670", "strapping.15", None, "[keys] event is pin 15, which the chip reads at a reset"),
    ("LILYGO-T-A7670", "strapping.18", "no", "[strapping] 18 is not used, or not read at a reset"),
    ("LILYGO-T-A7670", "uarts.gnss.id", 0, "[uarts.gnss] id is 0, and an ESP32 has 1 or 2"),
    ("LILYGO-T-A7670", "uarts.gnss.id", 2, "and so is [uarts."),
    ("LILYGO-T-A7670", "uarts.gnss.tx", None, "[uarts.gnss] tx is missing"),
    ("LILYGO-T-A7670", "flash.journal.address", 0x270000, "[flash.journal] begins at"),
    ("LILYGO-T-A7670", "flash.journal.address", 0x280800, "begins or ends within a block of 4096"),
    ("LILYGO-T-A7670", "flash.slots.1.size", 0x80000, "behind the flash's end"),
    ("LILYGO-T-A7670", "flash.slots.1.size", 0x30000, "have to be of one size, side by side"),
    ("LILYGO-T-A7670", "flash.files.size", None, "[flash.files] size is missing"),
    ("LILYGO-T-A7670", "micropython.sha256", "0", "64 hexadecimal digits is wanted"),
    ("LILYGO-T-A7670", "modem.active_low", ["supply", "key"], "[modem] active_low is ['supply', 'key']"),
    ("LILYGO-T-SIM7600", "modem.active_low", ["reset"], "the board has no [pins] modem_reset"),
    ("LILYGO-T-SIM7600", "pins.modem_pwrkey", None, "has nothing to switch the modem on with"),
    ("LILYGO-T-A7670", "usb.ids", ["1A86:55D4"], '"vid:pid" in hexadecimal is wanted'),
    ("LILYGO-T-A7670X-S3", "flash.slots.0.address", 0x408000, "begin at a multiple of 0x10000"),
    ("LILYGO-T-A7670X-S3", "pins.red", 23, "which an ESP32-S3 has not"),
    ("LILYGO-T-A7670X-S3", "pins.red", 20, "which serves USB"),
    ("SIXFAB-PICO-LTE", "uarts.modem.tx", 2, "which UART 0 does not reach"),
    ("SIXFAB-PICO-LTE", "uarts.gnss.id", 2, "an RP2040 has 0 or 1"),
    ("SIXFAB-PICO-LTE", "adc.supply", 3, "choose one of 26, 27, 28, 29"),
    ("SIM", "flash.slots", [], "has to be program0, then program1"),
    ("SIM", "console", None, "[console] is missing"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "entry", "value", "said"), WRONG, ids=[f"{row[1]}={row[2]}" for row in WRONG]
)
def test_a_wrong_entry_is_named_with_what_is_wrong_and_what_to_do(name, entry, value, said):
    board = copy.deepcopy(image.load_board(name))
    *path, last = entry.split(".")
    table = board
    for part in path:
        table = table[int(part)] if part.isdigit() and isinstance(table, list) else table.setdefault(part, {})
    if value is None:
        del table[last]
    else:
        table[last] = value
    found = check(board)
    assert any(said in str(problem) for problem in found), [str(problem) for problem in found]
    assert all(problem.where and problem.what and problem.do for problem in found)


def test_a_wrong_description_stops_the_build_with_a_command_to_paste(tmp_path, monkeypatch):
    (tmp_path / "X").mkdir()
    text = (ROOT / "boards" / "SIM" / "board.toml").read_text()
    (tmp_path / "X" / "board.toml").write_text(text.replace("red = 10", "red = 11"))
    monkeypatch.setattr(image, "BOARDS", tmp_path)
    with pytest.raises(FlashError) as caught:
        image.load_board("X")
    assert caught.value.what == "[pins] green is pin 11, which is [pins] red already"
    assert caught.value.command == "./flash.py boards --board X" and caught.value.do
    assert command.row_of("X")["problems"]


@pytest.mark.parametrize("name", NAMES)
def test_the_list_shows_each(name, capsys):
    row = command.row_of(name)
    assert row["title"] and row["chip"] and row["problems"] == [] and row["pins"]
    json.dumps(row)


@pytest.mark.parametrize("name", REAL)
def test_each_has_a_wiring_table_that_names_every_pin_it_uses_and_its_sources(name):
    board, page = image.load_board(name), (ROOT / "boards" / name / "README.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("|")]
    cells = " ".join(row.split("|")[2] for row in rows)
    for where, number, _ in uses(board):
        assert re.search(rf"\b{number}\b", cells), f"{where}: pin {number}"
    assert board["maker"] in page and "commit" in page
    for number in board.get("taken", {}):
        assert re.search(rf"\b{number}\b|\b\d+ to \d+\b", page.split("Not to be used")[1]), number


@pytest.mark.parametrize("name", REAL)
def test_its_micropython_is_built_for_its_layout(name):
    board, folder = image.load_board(name), ROOT / "boards" / name / "micropython"
    config = (folder / "mpconfigboard.h").read_text() + (folder / "mpconfigboard.cmake").read_text()
    slots = sum(row["size"] for row in board["flash"]["slots"])
    if board["chip"] == "rp2040":
        files, journal = board["flash"]["files"], board["flash"]["journal"]
        assert f"MICROPY_HW_ROMFS_BYTES {slots})" in config
        assert f"MICROPY_HW_FLASH_STORAGE_BYTES {files['size'] + journal['size']})" in config
        assert f"FILES = {files['size']}\n" in (folder / "modules" / "_boot.py").read_text()
        # MicroPython puts its files at the end of flash, its ROMFS below them.
        assert [where for where, _, _ in regions(board)][-2:] == ["[flash.files]", "[flash.journal]"]
        assert regions(board)[-1][2] == board["flash"]["size"]
        assert board["flash"]["slots"][0]["address"] + slots == files["address"]
    else:
        assert (folder / "partitions.csv").read_text() == csv(board)
        assert "MICROPY_VFS_ROM (1)" in config
        assert board["console"].get("usb") or f"REPL_BAUD ({board['console']['baud']})" in config


def test_the_simulated_boards_differ_in_their_modem_only():
    one, other = image.load_board("SIM"), image.load_board("SIM-QUECTEL")
    assert one.pop("modem")["driver"] == "simcom" and other.pop("modem")["driver"] == "quectel"
    for board in (one, other):
        del board["name"], board["title"]
    assert one == other


@pytest.mark.parametrize("name", NAMES)
def test_an_image_holds_one_maker_s_driver_and_nothing_that_only_people_read(name):
    board = image.load_board(name)
    held = set(reached(image.with_maker(image.modules(image.ROOMS), board), image.APART))
    drivers = {"firmware.simcom", "firmware.quectel", "protocol.at_quectel", "firmware.maker"} & held
    if board["modem"]["driver"] == "simcom":
        assert drivers == {"firmware.simcom"}
    else:
        assert drivers == {"firmware.quectel", "protocol.at_quectel"}
    told = repr(image.described(board))
    assert "github" not in told and "strapping" not in told and "'panic'" in told


def test_an_unknown_driver_is_no_image():
    board = image.load_board("SIM") | {"modem": {"driver": "telit"}}
    with pytest.raises(FlashError, match="telit"):
        image.with_maker(image.modules(image.ROOMS), board)


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


def test_a_file_is_pinned_when_it_is_for_the_chip(tmp_path, monkeypatch, capsys):
    from flashing.errors import FlashError as Error

    folder = tmp_path / "LILYGO-T-A7670"
    folder.mkdir()
    text = (ROOT / "boards" / "LILYGO-T-A7670" / "board.toml").read_text()
    (folder / "board.toml").write_text(text)
    monkeypatch.setattr(image, "BOARDS", tmp_path)
    good, bad = tmp_path / "good.bin", tmp_path / "bad.bin"
    good.write_bytes(b"\xe9" + bytes(11) + b"\x00\x00" + bytes(100))
    bad.write_bytes(b"\xe9" + bytes(11) + b"\x09\x00" + bytes(100))
    options = type("O", (), {"board": "LILYGO-T-A7670", "micropython": bad, "json": False})
    with pytest.raises(Error, match="esp32s3"):
        pin.run(options)
    assert (folder / "board.toml").read_text() == text
    options.micropython = good
    for _ in range(2):  # pinned anew, not twice
        assert pin.run(options) == 0
    board = image.load_board("LILYGO-T-A7670")
    assert re.fullmatch("[0-9a-f]{64}", board["micropython"]["sha256"]) and check(board) == []
    assert (folder / "board.toml").read_text().count("sha256") == 1
    with pytest.raises(Error, match="cannot be read"):
        options.micropython = tmp_path / "none"
        pin.run(options)


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
