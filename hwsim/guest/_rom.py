"""The part of flash that is executed where it lies, as MicroPython gives it to programs: `vfs.rom_ioctl(2,
0)` is a block device and memory in one (ports/esp32/esp32_partition.c does it so for the partition `romfs`).
"""

import sys

import _memory
import uctypes
import vfs
from _norflash import BenchFlash

_SEGMENTS, _SEGMENT = 1, 2
_EINVAL = 22


class _Rom(uctypes.struct):
    """Its bytes are those of a structure that is nothing but bytes: Python itself has no buffer protocol.
    What is not named here, the structure looks for among its fields."""

    def __init__(self, memory, flash):
        super().__init__(uctypes.addressof(memory), {"all": (uctypes.ARRAY | 0, flash.size | uctypes.UINT8)})
        self.flash = flash

    def readblocks(self, block, buffer, offset=0):
        return self.flash.readblocks(block, buffer, offset)

    def writeblocks(self, block, data, offset=None):
        return self.flash.writeblocks(block, data, offset)

    def ioctl(self, request, argument):
        return self.flash.ioctl(request, argument)


class _Overlay:
    """`vfs` in the program's eyes."""

    def __init__(self, rom):
        for name in dir(vfs):
            setattr(self, name, getattr(vfs, name))

        def rom_ioctl(request, *_):
            if request == _SEGMENTS:
                return 1
            return rom if request == _SEGMENT else -_EINVAL

        self.rom_ioctl = rom_ioctl


def attach(file, size, block, begin):
    """The block device. Where nothing maps it (a MicroPython of one's own), it has no memory."""
    memory = _memory.mapped("PATROLA_ROM")
    flash = BenchFlash(file, size, block, begin)
    rom = flash if memory is None else _Rom(memory, flash)
    sys.modules["vfs"] = _Overlay(rom)
    return rom
