"""MicroPython onto a chip: the real esptool against a loader on a pty, UF2 files onto a folder."""

import hashlib
import io
import random
import struct

import pytest

from flashing import programmer
from flashing.errors import FlashError
from flashing.programmer import esp, image_file, uf2
from flashing.progress import Steps
from tests.flash.boards import pair
from tests.flash.fake_rom import FakeRom

ESP32 = bytes((0xE9,)) + bytes(11) + struct.pack("<H", 0) + random.Random(1).randbytes(60_000)


def board(data, chip="esp32", **more):
    pinned = {"version": "1.29.0", "file": "micropython.bin", "sha256": hashlib.sha256(data).hexdigest()}
    return {"name": "ANY", "chip": chip, "micropython": pinned, **more}


def uf2_file(family=uf2.FAMILIES["rp2040"], blocks=40):
    rows = []
    for number in range(blocks):
        head = (*(0x0A324655, 0x9E5D5157), 0x2000, 0x10000000 + 256 * number, 256, number, blocks, family)
        rows.append(struct.pack("<8I476sI", *head, bytes([number]) * 256, 0x0AB16F30))
    return b"".join(rows)


@pytest.fixture
def told():
    return io.StringIO()


@pytest.fixture
def file(tmp_path):
    def write(data):
        path = tmp_path / "micropython.bin"
        path.write_bytes(data)
        return path

    return write


def failing(call, *arguments):
    with pytest.raises(FlashError) as error:
        call(*arguments)
    return error.value


@pytest.mark.parametrize("options", [[], ["--no-stub"]])
def test_esptool_writes_it_where_the_chip_starts_from(options, file, told):
    described = board(ESP32, programmer={"options": options})
    with pair() as (end, port), FakeRom(end) as rom:
        programmer.put(described, port, file(ESP32), Steps(told))
        assert bytes(rom.flash[0x1000 : 0x1000 + len(ESP32)]) == ESP32
        assert rom.flash[:0x1000] == b"\xff" * 0x1000
    assert "MicroPython: 59 KB of 59 KB" in told.getvalue()


def test_another_chip_is_told_from_the_one_meant(file, told):
    with pair() as (end, port), FakeRom(end, "esp32s3") as rom:
        error = failing(programmer.put, board(ESP32), port, file(ESP32), Steps(told))
        assert set(rom.flash) == {0xFF}
    assert error.reason == "wrong-board"
    assert error.what == "wrong board: the chip is an ESP32-S3, this board has an ESP32"


def test_flash_that_does_not_keep_what_is_written_is_found(file, told):
    with pair() as (end, port), FakeRom(end, bad_write=True):
        error = failing(programmer.put, board(ESP32), port, file(ESP32), Steps(told))
    assert error.reason == "esptool"
    assert "MD5" in error.what


def test_a_chip_that_is_not_in_its_loader(told):
    heard = "Connecting......\nA fatal error occurred: Failed to connect to ESP32: No serial data received.\n"
    error = esp.explain("/dev/ttyUSB0", heard, "")
    assert error.reason == "loader"
    assert "hold BOOT" in error.do


def test_only_the_pinned_image_is_taken(file):
    other = ESP32[:-1] + bytes((ESP32[-1] ^ 1,))
    error = failing(image_file.checked, board(ESP32), file(other))
    assert error.reason == "digest"
    assert hashlib.sha256(other).hexdigest() in error.where
    assert hashlib.sha256(ESP32).hexdigest() in error.where
    assert image_file.checked(board(ESP32), file(ESP32)) == ESP32


def test_an_image_for_another_chip_is_named_as_such(file):
    other = ESP32[:12] + struct.pack("<H", 9) + ESP32[14:]
    assert "it is for esp32s3, not for esp32" in failing(image_file.checked, board(ESP32), file(other)).what
    # Even if somebody pinned it.
    assert failing(image_file.checked, board(other), file(other)).reason == "chip"


def test_nothing_is_pinned_or_there_is_no_such_file(file, tmp_path):
    assert failing(image_file.checked, {"name": "ANY", "chip": "esp32"}, file(ESP32)).reason == "unpinned"
    error = failing(image_file.checked, board(ESP32), tmp_path / "none.bin")
    assert error.reason == "file"
    assert "get micropython.bin" in error.do


def mounted(tmp_path, label="RPI-RP2"):
    """A drive as the loader shows it, and the list of mounts in which it stands."""
    drive = tmp_path / "RPI RP2"
    drive.mkdir()
    (drive / "INFO_UF2.TXT").write_text(f"UF2 Bootloader v3.0\nModel: Raspberry Pi RP2\nBoard-ID: {label}\n")
    mounts = tmp_path / "mounts"
    escaped = str(drive).replace(" ", "\\040")
    mounts.write_text(f"proc /proc proc rw 0 0\n/dev/sdz1 {escaped} vfat rw 0 0\n")
    return drive, mounts


def test_uf2_goes_onto_the_loaders_drive(tmp_path, told):
    drive, mounts = mounted(tmp_path)
    data = uf2_file()
    assert uf2.complaint(data, "rp2040") == ""
    uf2.put("rp2040", "USB", data, Steps(told), mounts, 0)
    assert (drive / "micropython.uf2").read_bytes() == data


def test_without_the_drive_it_says_how_to_get_it(tmp_path, told):
    _, mounts = mounted(tmp_path, label="SOMETHING-ELSE")
    error = failing(uf2.put, "rp2040", "USB", uf2_file(), Steps(told), mounts, 0)
    assert error.reason == "no-drive"
    assert error.command == "udisksctl mount -b /dev/disk/by-label/RPI-RP2"


@pytest.mark.parametrize(
    "data, says",
    [
        (uf2_file(0xE48BFF59), "it is for rp2350, not for rp2040"),
        (uf2_file()[:-1], "no whole UF2 file"),
        (ESP32 + bytes(-len(ESP32) % 512), "no UF2 file"),
    ],
)
def test_what_is_no_uf2_for_the_chip(data, says, file):
    assert says in failing(image_file.checked, board(uf2_file(), "rp2040"), file(data)).what
