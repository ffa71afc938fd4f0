"""One of the two places on flash for an image of the program, on every chip: the selector, the updater and
flash.py's scripts write and read it here.

Both lie side by side in the part of flash that MicroPython gives as `vfs.rom_ioctl(2, 0)`: block device, and
memory where it maps it (on an ESP32 the partition `romfs`, the only one that it maps; on an RP2
what is built in as MICROPY_HW_ROMFS_BYTES).
"""

import hashlib

try:
    import rp2
except ImportError:
    rp2 = None

BLOCK = 4096
_PAGE = 256
_PIECE = 512
_SEGMENT = 2
_ERASE = 6


class SlotError(Exception):
    """What is wrong with the slots, and what to do."""


class SlotFlash:
    """`size` bytes of `device` from its block `first` on. Offsets are the slot's own."""

    def __init__(self, device, first, size, memory=None):
        self._device = device
        self._first = first
        self.size = size
        self.memory = memory  # where it can be read in place

    def read(self, offset, buffer):
        """Fill `buffer` with what lies at `offset`."""
        self._inside(offset, len(buffer))
        self._device.readblocks(self._first + offset // BLOCK, buffer, offset % BLOCK)

    def erase(self, offset):
        """The block that begins there."""
        self._inside(offset, BLOCK)
        if self._device.ioctl(_ERASE, self._first + offset // BLOCK):
            raise OSError(5)

    def write(self, offset, data):
        """Program erased flash."""
        self._inside(offset, len(data))
        if rp2 is not None:
            offset, data = _in_pages(offset, data)
        self._device.writeblocks(self._first + offset // BLOCK, data, offset % BLOCK)

    def _inside(self, offset, count):
        # A slot must never reach into the other.
        if offset < 0 or offset + count > self.size:
            raise ValueError("slot: %d bytes at %d of %d" % (count, offset, self.size))


def digest(flash, begin, size):
    """SHA-256 of `size` bytes at `begin` of a SlotFlash, in pieces: None after each, at last the digest."""
    whole = hashlib.sha256()
    at = begin
    end = begin + size
    buffer = memoryview(bytearray(_PIECE))
    while at < end:
        n = min(BLOCK, end - at)
        if flash.memory is not None:
            whole.update(flash.memory[at : at + n])
        else:
            n = min(_PIECE, n)
            flash.read(at, buffer[:n])
            whole.update(buffer[:n])
        at += n
        yield None
    yield whole.digest()


def _in_pages(offset, data):
    """An RP2 programs whole pages; ones in front and behind leave what is there as it is."""
    front = offset % _PAGE
    return offset - front, b"\xff" * front + bytes(data) + b"\xff" * (-(front + len(data)) % _PAGE)


def open_slot(flash, number):
    """The slot of that number, from a board's `[flash]`. Raises SlotError."""
    import vfs  # not where the rest is used: flash.py's tests make slots on a computer

    slots = flash.get("slots", ())
    if not 0 <= number < len(slots):
        raise SlotError("board: [[flash.slots]] has no number %d" % number)
    row = slots[number]
    size = row["size"]
    device = vfs.rom_ioctl(_SEGMENT, 0) if hasattr(vfs, "rom_ioctl") else None
    if device is None or isinstance(device, int):
        raise SlotError("this MicroPython has no partition `romfs`; put the board's own on it with flash.py")
    begin = row["address"] - slots[0]["address"]
    try:
        memory = memoryview(device)[begin : begin + size]
    except TypeError:
        memory = None
    return SlotFlash(device, begin // BLOCK, size, memory)
