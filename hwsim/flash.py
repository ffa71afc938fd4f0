"""NOR flash in an image file: programming clears bits, erasing sets a whole block, power may fail in between.

The bench writes the image; the program in the terminal reads it through a file of its own.
"""

import collections
import os

PROGRAM, ERASE = "program", "erase"

# Typical of a W25Q at the rates an ESP32 drives it.
_PROGRAM_US = 50
_PROGRAM_BYTE_US = 3
_ERASE_US = 45_000
_PREPROGRAM = 0.2  # of an erase


class Flash:
    def __init__(self, path, size, block=4096):
        if size % block:
            raise ValueError(f"a flash of {size} bytes is no whole number of blocks of {block}")
        self.path = str(path)
        self.size = size
        self.block = block
        self.programs = self.erases = self.bytes_programmed = 0
        self.wear = collections.Counter()  # erases of each block
        self.written = collections.Counter()  # programs of each block
        self.torn = 0
        self.set_again = 0  # bits that a program wanted to set: they stay clear, and the writer has a bug
        self.worn = {}  # block -> share of its bits that an erase does not set any more
        self._cut_at = None
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        if os.fstat(self._file).st_size != size:
            self.wipe()

    @property
    def operations(self):
        return self.programs + self.erases

    def close(self):
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def wipe(self):
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, b"\xff" * self.size, 0)

    def read(self, address, count):
        return os.pread(self._file, count, address)

    def cut_at(self, operation):
        """Power shall fail in the middle of that operation, counted as in `operations` (None: of none)."""
        self._cut_at = operation

    def cut_now(self):
        """Is the operation that begins now the one that power shall fail in? True only once."""
        if self._cut_at is None or self.operations < self._cut_at:
            return False
        self._cut_at = None
        return True

    def time_us(self, kind, data):
        return _ERASE_US if kind == ERASE else _PROGRAM_US + _PROGRAM_BYTE_US * len(data)

    def check(self, kind, address, data):
        end = address + (self.block if kind == ERASE else len(data))
        if end > self.size or (kind == ERASE and address % self.block):
            raise ValueError(f"{kind} at {address} up to {end} of a flash of {self.size} bytes")

    def _clear_bits(self, address, data):
        old = self.read(address, len(data))
        wanted = int.from_bytes(data, "little")
        had = int.from_bytes(old, "little")
        missing = wanted & ~had
        if missing and self.worn:
            # What an erase could not set is no bug of who writes there: he finds out when he reads it.
            weak = self._erased(address)[address % self.block :][: len(data)]
            missing &= int.from_bytes(weak, "little")
        self.set_again += missing.bit_count()
        os.pwrite(self._file, (wanted & had).to_bytes(len(data), "little"), address)

    def rot(self, address, bit):
        """One cell loses its charge: a programmed bit reads 1 again. False when it was not programmed."""
        (byte,) = self.read(address, 1)
        os.pwrite(self._file, bytes((byte | 1 << bit,)), address)
        return not byte >> bit & 1

    def wear_out(self, block, rng, share=0.001):
        """From now on an erase of `block` leaves that share of its bits at 0, always the same ones."""
        weak = bytearray(b"\xff" * self.block)
        for _ in range(max(1, round(share * 8 * self.block))):
            weak[rng.randrange(self.block)] &= ~(1 << rng.randrange(8))
        self.worn[block] = bytes(weak)

    def _erased(self, address):
        return self.worn.get(address // self.block) or b"\xff" * self.block

    def do(self, kind, address, data=b""):
        """One whole operation."""
        self.check(kind, address, data)
        if kind == ERASE:
            self.erases += 1
            self.wear[address // self.block] += 1
            os.pwrite(self._file, self._erased(address), address)
        else:
            self.programs += 1
            self.written[address // self.block] += 1
            self.bytes_programmed += len(data)
            self._clear_bits(address, data)

    def tear(self, kind, address, data, progress, rng):
        """The same operation, when power fails after `progress` (0..1) of its time."""
        self.check(kind, address, data)
        self.torn += 1
        if kind == ERASE:
            self.erases += 1
            self.wear[address // self.block] += 1
            # A NOR chip first programs a block to zeroes, so that its cells age alike, and then erases it.
            cleared = min(1.0, progress / _PREPROGRAM)
            erased = max(0.0, (progress - _PREPROGRAM) / (1 - _PREPROGRAM))
            old = self.read(address, self.block)
            new = bytes(byte & ~self._bits(rng, cleared) | self._bits(rng, erased) for byte in old)
            os.pwrite(self._file, new, address)
            return
        self.programs += 1
        self.written[address // self.block] += 1
        whole = int(len(data) * progress)
        part = bytearray(data[:whole])
        if whole < len(data):
            # Some of its bits are down already; those that were down before stay so.
            part.append(data[whole] | self._bits(rng, 1 - progress) & self.read(address + whole, 1)[0])
        self.bytes_programmed += len(part)
        self._clear_bits(address, part)

    @staticmethod
    def _bits(rng, probability):
        return sum(1 << n for n in range(8) if rng.random() < probability)
