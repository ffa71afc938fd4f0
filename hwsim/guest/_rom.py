"""The part of flash that is executed where it lies, as MicroPython gives it to programs: `vfs.rom_ioctl(2,
0)` is a block device and memory in one (ports/esp32/esp32_partition.c does it so for the partition `romfs`).
"""

import sys

import _bench
import uctypes
import vfs
from _norflash import BenchFlash

_SEGMENTS, _SEGMENT = 1, 2
_EINVAL = 22


class _Rom(uctypes.struct, BenchFlash):
    """Its bytes are those of a structure that is nothing but bytes: Python itself has no buffer protocol."""

    def __init__(self, memory, file, size, block, begin):
        super().__init__(uctypes.addressof(memory), {"all": (uctypes.ARRAY | 0, size | uctypes.UINT8)})
        BenchFlash.__init__(self, file, size, block, begin)


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
    memory = _bench.mapped("PATROLA_ROM")
    if memory is None:
        rom = BenchFlash(file, size, block, begin)
    else:
        rom = _Rom(memory, file, size, block, begin)
    sys.modules["vfs"] = _Overlay(rom)
    return rom
