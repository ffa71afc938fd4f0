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


class WornRoot(NorFlash):
    """From `worn` on an erase leaves every eighth byte of the root's two blocks at zero."""

    worn = False

    def erase(self, address):
        NorFlash.erase(self, address)
        if self.worn and address < 2 * self.block:
            for at in range(address, address + self.block, 8):
                self.data[at] = 0


def worn_after(stored, tries):
    """The error numbers of so many more that are stored, after `stored` on sound flash."""
    flash = WornRoot(SIZE)
    vfs.VfsLfs2.mkfs(flash)
    fs = vfs.VfsLfs2(flash, mtime=False)
    kept = {}
    errors = []
    for n in range(stored + tries):
        flash.worn = n >= stored
        path, text = "/state%d" % (n % 5), "value %d" % n
        try:
            put(fs, path, text)
            kept[path] = text
        except OSError as error:
            errors.append(error.errno)
    fs = vfs.VfsLfs2(flash, mtime=False)
    assert {path: get(fs, path) for path in kept} == kept
    return errors


def test_on_a_worn_root_nothing_is_stored_any_more_and_what_was_stays():
    """28: no space. 36, a name too long, is what littlefs makes of it where the file would be a new one."""
    errors = worn_after(20, 40)
    assert len(errors) > 20 and set(errors) == {28, 36}


def test_a_root_that_was_written_a_hundred_times_is_somewhere_else():
    """littlefs moves it then, and leaves the first two blocks alone: there they may wear out."""
    assert worn_after(4000, 40) == []


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
