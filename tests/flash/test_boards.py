"""The boards' descriptions: each is right; a wrong one is refused with the entry, the fault and the remedy,
and no image is built from it."""

import copy
import json
import re
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
