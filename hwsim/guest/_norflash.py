"""Flash of the simulated terminal as a MicroPython block device.

`BenchFlash` reads the image file and lets the bench do the writing, since power may fail in the middle of it.
`NorFlash` is the same chip in memory, for tests without a bench: programming only clears bits, and power can
be made to fail at any operation.
"""

import os

import _bench

_PAGE = 256  # a NOR chip programs at most a page at a time
_BLOCKS, _BLOCK_SIZE, _ERASE = 4, 5, 6


class PowerLost(BaseException):
    """Power failed: nothing that the program does from here on counts."""


class _BlockDevice:
    def writeblocks(self, block, data, offset=None):
        address = block * self.block
        if offset is None:
            for at in range(address, address + len(data), self.block):
                self.erase(at)
        else:
            address += offset
        data = memoryview(data)
        at = 0
        while at < len(data):
            n = min(_PAGE - (address + at) % _PAGE, len(data) - at)
            self.program(address + at, data[at : at + n])
            at += n

    def ioctl(self, request, argument):
        if request == _BLOCKS:
            return self.size // self.block
        if request == _BLOCK_SIZE:
            return self.block
        if request == _ERASE:
            self.erase(argument * self.block)
        return 0


class BenchFlash(_BlockDevice):
    """`size` bytes of the chip, from `begin` on."""

    def __init__(self, image, size, block, begin=0):
        self._image = image
        self._begin = begin
        self.size = size
        self.block = block

    def readblocks(self, block, buffer, offset=0):
        self._image.seek(self._begin + block * self.block + offset)
        self._image.readinto(buffer)

    def program(self, address, data):
        _bench.request(_bench.PROGRAM, self._begin + address, data)

    def erase(self, address):
        _bench.request(_bench.ERASE, self._begin + address, b"")


class NorFlash(_BlockDevice):
    def __init__(self, size, block=4096):
        self.size = size
        self.block = block
        self.data = bytearray(size)
        for at in range(0, size, block):
            self.data[at : at + block] = b"\xff" * block
        self.programs = self.erases = 0
        self.set_again = 0  # programs that wanted to set a bit: a bug of the writer
        self._cut_at = None
        self._off = False

    @property
    def operations(self):
        return self.programs + self.erases

    def cut_at(self, operation):
        """Power fails in the middle of that operation, counted from 0 as in `operations`."""
        self._cut_at = operation

    def power_on(self):
        self._off = False
        self._cut_at = None

    def readblocks(self, block, buffer, offset=0):
        if self._off:
            raise PowerLost()
        at = block * self.block + offset
        buffer[:] = memoryview(self.data)[at : at + len(buffer)]

    def _begin(self):
        if self._off:
            raise PowerLost()
        return self._cut_at is not None and self.operations >= self._cut_at

    def program(self, address, data):
        cut = self._begin()
        self.programs += 1
        n = len(data)
        if cut:
            noise = os.urandom(4)
            n = int.from_bytes(noise[:2], "little") % (n + 1)
        for i in range(n):
            had = self.data[address + i]
            if data[i] & ~had:
                self.set_again += 1
            self.data[address + i] = had & data[i]
        if cut:
            if n < len(data):
                self.data[address + n] &= data[n] | noise[2]  # half of its bits are down already
            self._fail()

    def erase(self, address):
        cut = self._begin()
        self.erases += 1
        if not cut:
            self.data[address : address + self.block] = b"\xff" * self.block
            return
        # A NOR chip first programs a block to zeroes and then erases it: anything may stand there meanwhile.
        noise = os.urandom(64)
        for i in range(self.block):
            self.data[address + i] = noise[i % 64]
        self._fail()

    def _fail(self):
        self._off = True
        raise PowerLost()
