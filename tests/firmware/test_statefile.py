# runs on: micropython
"""Small files through power cuts: the old content or the new one, never a mixture, never neither."""

import vfs

from firmware import bootcount, statefile
from tests.firmware.ramflash import PowerLost, RamFlash

ROOM = "/state"
PATH = ROOM + "/boot"


def entropy(n):
    return bytes(range(1, n + 1))


class Room:
    def __init__(self, flash=None):
        self.flash = flash or RamFlash(16)
        if flash is None:
            vfs.VfsLfs2.mkfs(self.flash)

    def __enter__(self):
        vfs.mount(vfs.VfsLfs2(self.flash), ROOM)
        return self

    def __exit__(self, kind, value, trace):
        self.flash.off = False
        self.flash.cut_at = None
        vfs.umount(ROOM)
        return False


def test_what_was_written_is_read():
    with Room():
        assert statefile.read(PATH) is None
        statefile.write(PATH, b"one")
        assert statefile.read(PATH) == b"one"
        statefile.write(PATH, b"")
        assert statefile.read(PATH) == b""
        assert statefile.remove(PATH) and not statefile.remove(PATH)


def test_any_changed_byte_is_noticed():
    with Room():
        statefile.write(PATH, b"\x00\x00\x00\x07")
        with open(PATH, "rb") as file:
            good = file.read()
        for at in range(len(good)):
            bad = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
            statefile.replace(PATH, bad)
            assert statefile.read(PATH) is None, at
        statefile.replace(PATH, good[:5])
        assert statefile.read(PATH) is None


def _cut(flash_data, blocks, operation):
    """What a power cut in that operation of writing b"new" over b"old" leaves; None when it was done by
    then."""
    flash = RamFlash(blocks, bytearray(flash_data))
    vfs.mount(vfs.VfsLfs2(flash), ROOM)
    flash.programs = flash.erases = 0
    flash.cut_at = operation
    cut = False
    try:
        statefile.write(PATH, b"new")
    except (PowerLost, OSError):
        cut = True
    finally:
        try:
            vfs.umount(ROOM)
        except PowerLost:
            pass
    with Room(RamFlash(blocks, flash.data)):
        found = statefile.read(PATH)
        assert found is not None, "neither old nor new, cut in operation %d" % operation
        return found if cut else None


def test_a_cut_at_any_operation_leaves_the_old_or_the_new():
    with Room() as room:
        statefile.write(PATH, b"old")
    left = []
    for operation in range(200):
        found = _cut(room.flash.data, room.flash.blocks, operation)
        if found is None:
            break
        assert found in (b"old", b"new"), (operation, found)
        left.append(found)
    # Data, the new file's entry, and the rename.
    assert 3 <= len(left) < 200 and b"old" in left, left


class Shaky(RamFlash):
    """One operation fails, as in a dip of the supply; the next ones work until power is gone."""

    fail_at = None
    unread = 0  # so many reads fail

    def readblocks(self, block, buffer, offset=0):
        if self.unread:
            self.unread -= 1
            return -5
        return RamFlash.readblocks(self, block, buffer, offset)

    def writeblocks(self, block, data, offset=None):
        if self._fails():
            return -5
        return RamFlash.writeblocks(self, block, data, offset)

    def ioctl(self, request, argument):
        if request == 6 and self._fails():
            return -5
        return RamFlash.ioctl(self, request, argument)

    def _fails(self):
        if self.fail_at is None or self.operations < self.fail_at:
            return False
        self.fail_at = None
        return True


def test_a_write_that_fails_and_a_cut_after_it_leave_the_old_or_the_new():
    with Room() as room:
        statefile.write(PATH, b"old")
    failed = 0
    for fail_at in range(8):
        for cut_at in range(fail_at, fail_at + 6):
            flash = Shaky(room.flash.blocks, bytearray(room.flash.data))
            vfs.mount(vfs.VfsLfs2(flash), ROOM)
            flash.programs = flash.erases = 0
            flash.fail_at, flash.cut_at = fail_at, cut_at
            try:
                statefile.write(PATH, b"new")
            except (PowerLost, OSError):
                failed += 1
            finally:
                try:
                    vfs.umount(ROOM)
                except PowerLost:
                    pass
            with Room(RamFlash(flash.blocks, flash.data)):
                assert statefile.read(PATH) in (b"old", b"new"), (fail_at, cut_at)
    assert failed > 10


def test_a_counter_that_cannot_be_looked_at_is_not_a_missing_one():
    """Number 1 would name new frames like old ones."""
    counted = Room()
    with counted:
        bootcount.next_boot(entropy, PATH)
    flash = Shaky(counted.flash.blocks, counted.flash.data)
    with Room(flash):
        flash.unread = 2
        boot, trouble = bootcount.next_boot(entropy, PATH)
    assert flash.unread == 0 and boot >= 1 << 30 and "damaged" in trouble


def test_the_boot_counter_counts():
    with Room():
        assert [bootcount.next_boot(entropy, PATH) for _ in range(3)] == [(1, None), (2, None), (3, None)]


def test_a_damaged_counter_goes_on_far_away():
    with Room():
        bootcount.next_boot(entropy, PATH)
        statefile.replace(PATH, b"garbage")
        boot, trouble = bootcount.next_boot(entropy, PATH)
        assert boot >= 1 << 30 and "damaged" in trouble
        assert bootcount.next_boot(entropy, PATH) == (boot + 1, None)


def test_a_counter_that_cannot_be_kept_is_random_and_says_so():
    boot, trouble = bootcount.next_boot(entropy, "absent/boot")
    assert boot >= 1 << 30 and "cannot be written" in trouble
