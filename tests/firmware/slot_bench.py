"""A small flash with a file system for the state and two slots, power that fails in any operation of it, and
images to put there."""

import hashlib

import vfs

from firmware.slotflash import SlotFlash
from firmware.slots import HEAD, Slots
from tests.firmware.flashpower import Chip

BLOCK = 4096
FILES = 16  # blocks of the file system
SLOT = 4  # of a slot
PLACE = "/slotbench"
PATH = PLACE + "/slots"
_TORN = "/slottorn"


def image(letter, size=5000):
    return (letter * size)[:size]


OLD, NEW = image(b"old "), image(b"new one ")


class Part:
    """Some blocks of a chip, as MicroPython gives a partition."""

    def __init__(self, chip, first, count):
        self._chip = chip
        self._first = first
        self._count = count

    def readblocks(self, block, buffer, offset=0):
        self._chip.readblocks(self._first + block, buffer, offset)

    def writeblocks(self, block, buffer, offset=None):
        self._chip.writeblocks(self._first + block, buffer, offset)

    def ioctl(self, request, argument):
        if request == 4:
            return self._count
        if request == 6:
            argument += self._first
        return self._chip.ioctl(request, argument)


def new_chip(watch=None):
    chip = Chip(FILES + 2 * SLOT)
    vfs.VfsLfs2.mkfs(Part(chip, 0, FILES))
    chip.watch = watch
    return chip


class Board:
    """A board whose flash is `chip`; `with` mounts its files. Two of them may be there at once."""

    def __init__(self, chip, mapped=True, place=PLACE):
        self.chip = chip
        self.place = place
        self.path = place + "/slots"
        self._mapped = mapped

    def __enter__(self):
        vfs.mount(vfs.VfsLfs2(Part(self.chip, 0, FILES)), self.place)
        return self

    def __exit__(self, *_):
        vfs.umount(self.place)
        return False

    def slots(self, running=None):
        both = []
        for number in range(2):
            first = FILES + number * SLOT
            memory = None
            if self._mapped:
                memory = memoryview(self.chip.data)[first * BLOCK : (first + SLOT) * BLOCK]
            both.append(SlotFlash(Part(self.chip, first, SLOT), 0, SLOT * BLOCK, memory))
        return Slots(both, running, self.path)

    def start(self):
        """What the selector would start: (slots, the image or None)."""
        slots = self.slots()
        number = slots.pick()
        if number is None:
            return slots, None
        size = slots.image(number).size
        at = (FILES + number * SLOT) * BLOCK + HEAD
        return slots, bytes(self.chip.data[at : at + size])


def torn(chip):
    return Board(chip, place=_TORN)


def write(slots, data, version, piece=1000):
    """As the updater does."""
    slots.begin(len(data), hashlib.sha256(data).digest(), version, "SIM")
    for at in range(0, len(data), piece):
        slots.write(at, data[at : at + piece])


def factory(board, data=OLD, version=1):
    slots = board.slots()
    write(slots, data, version)
    assert slots.stage()
    return slots
