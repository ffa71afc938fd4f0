# runs on: micropython+guest
"""littlefs on the flash model, with power cut at every operation: what was stored stays stored."""

import _bench
import vfs
from _norflash import NorFlash, PowerLost

from tests.portable import raises

SIZE = 64 * 4096


def fresh():
    flash = NorFlash(SIZE)
    vfs.VfsLfs2.mkfs(flash)
    return flash


def put(fs, path, text):
    file = fs.open(path + ".new", "w")
    file.write(text)
    file.close()
    fs.rename(path + ".new", path)


def get(fs, path):
    file = fs.open(path, "r")
    text = file.read()
    file.close()
    return text


def test_littlefs_keeps_to_the_rules_of_nor_flash():
    flash = fresh()
    fs = vfs.VfsLfs2(flash, mtime=False)
    for n in range(40):
        put(fs, "/state", "n=%d" % n + "." * (n * 30))
    assert get(fs, "/state").startswith("n=39")
    assert flash.set_again == 0
    assert flash.programs > 40


def test_programming_only_clears_bits():
    flash = NorFlash(8192)
    flash.program(0, b"\x0f\xf0")
    assert flash.set_again == 0
    flash.program(0, b"\xf1\xf0")
    assert bytes(flash.data[:2]) == b"\x01\xf0"
    assert flash.set_again == 1
    flash.writeblocks(0, b"\x55" * 4096)
    assert bytes(flash.data[:4097]) == b"\x55" * 4096 + b"\xff"


def test_reading_a_chip_without_power_is_no_reading():
    flash = NorFlash(SIZE)
    flash.cut_at(0)
    with raises(PowerLost):
        flash.erase(0)
    with raises(PowerLost):
        flash.readblocks(0, bytearray(16))
    flash.power_on()
    flash.readblocks(0, bytearray(16))


def test_renamed_files_survive_a_cut_at_every_operation():
    """One value after the other is stored by rename; power fails at operation k, for every k."""
    whole = fresh()
    first = whole.operations
    fs = vfs.VfsLfs2(whole, mtime=False)
    for n in range(6):
        put(fs, "/state", "value %d" % n)
    cuts = whole.operations - first
    assert cuts > 12
    image = fresh()
    blank = bytes(image.data)
    for k in range(cuts):
        flash = NorFlash(SIZE)
        flash.data[:] = blank
        flash.cut_at(k)
        stored = -1
        try:
            fs = vfs.VfsLfs2(flash, mtime=False)
            for n in range(6):
                put(fs, "/state", "value %d" % n)
                stored = n
        except PowerLost:
            pass
        assert stored < 5, (k, stored)
        flash.power_on()
        fs = vfs.VfsLfs2(flash, mtime=False)
        if stored >= 0:
            seen = get(fs, "/state")
            assert seen in ("value %d" % stored, "value %d" % (stored + 1)), (k, stored, seen)


def test_a_torn_write_is_really_torn():
    """Over many cuts, some leave a part of the page; a model that never tears would prove nothing."""
    parts = set()
    for _ in range(30):
        flash = NorFlash(4096)
        flash.cut_at(0)
        try:
            flash.program(0, b"\x00" * 100)
        except PowerLost:
            parts.add(sum(1 for byte in flash.data[:100] if byte == 0))
    assert len(parts) > 10, parts
    assert _bench.solo()
