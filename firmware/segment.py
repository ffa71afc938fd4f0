"""One block of the journal: a head, then records one behind the other, each with its own checks.

Head: twice "<BBHIII" = magic, lane, spare, first and last number, CRC-32. Records: "<BBHIIIHBB" = magic,
kind, length, boot, seq, CRC-32 of these 12 bytes and of the frame, 16 bits of the CRC-32 of the 16 bytes
before, mark, spare; then the frame. NOR flash clears single bits without an erase: a mark of 0 says that the
gateway has the frame, a head of zeros that the block is free. What power interrupts is caught by the checks.
"""

import struct
from binascii import crc32

from protocol.compat import const
from protocol.errors import Misuse
from protocol.limits import MAX_FRAME

SIZE = const(4096)
START = const(32)  # of the first record
_HEAD = "<BBHIII"
_HALF = const(16)
_RECORD = "<BBHIIIHBB"
_RECORD_SIZE = const(20)
_CRC = const(12)
_CHECK = const(16)
MARK = const(18)
_HEAD_MAGIC = const(0x9B)
_MAGIC = const(0xA7)
_BEGIN = b"\xa7"
_PIECE = const(256)
_ERASE = const(6)  # of a block device

assert START == 2 * _HALF
assert START + _RECORD_SIZE + MAX_FRAME <= SIZE


# --- flash


def read(flash, block, at, buffer):
    _ask(flash.readblocks(block, buffer, at))


def program(flash, block, at, data):
    """Write and look: True when it stands there. A worn cell says nothing by itself."""
    there = bytearray(len(data))  # a heap without room fails here, before anything is written
    try:
        _ask(flash.writeblocks(block, data, at))
        read(flash, block, at, there)
    except OSError:
        return False
    return there == data


def erase(flash, block):
    """True when it is blank from end to end."""
    try:
        _ask(flash.ioctl(_ERASE, block))
        piece = bytearray(_PIECE)
        for at in range(0, SIZE, _PIECE):
            read(flash, block, at, piece)
            if bytes(piece).count(b"\xff") != _PIECE:
                return False
    except OSError:
        return False
    return True


def _ask(answer):
    # A block device says no with an exception or with a negative number.
    if answer is not None and answer < 0:
        raise OSError(-answer)


# --- the head of a block


def head(lane, first, last):
    """`first` and `last`: the number of the segment, or those of the two that were merged into it."""
    half = bytearray(_HALF)
    struct.pack_into(_HEAD, half, 0, _HEAD_MAGIC, lane, 0xFFFF, first, last, 0)
    struct.pack_into("<I", half, _CRC, crc32(memoryview(half)[:_CRC]))
    return half + half


def head_of(flash, block):
    """(lane, first, last), or None: there is no segment in this block."""
    data = bytearray(START)
    read(flash, block, 0, data)
    for at in (0, _HALF):
        if data[at] == _HEAD_MAGIC:
            _, lane, _, first, last, crc = struct.unpack_from(_HEAD, data, at)
            if crc32(memoryview(data)[at : at + _CRC]) == crc:
                return lane, first, last
    return None


# --- records


def record(kind, frame, boot, seq):
    """The bytes of one record."""
    if not 0 < len(frame) <= MAX_FRAME:
        raise Misuse("journal frame: %d bytes, at most %d" % (len(frame), MAX_FRAME))
    data = bytearray(_RECORD_SIZE + len(frame))
    view = memoryview(data)
    struct.pack_into(_RECORD, data, 0, _MAGIC, kind, len(frame), boot, seq, 0, 0, 0xFF, 0xFF)
    struct.pack_into("<I", data, _CRC, crc32(frame, crc32(view[:_CRC])))
    struct.pack_into("<H", data, _CHECK, crc32(view[:_CHECK]) & 0xFFFF)
    data[_RECORD_SIZE:] = frame
    return data


def count(data):
    """How many records of a whole block wait: a quick look from one to the next. 0 too when it leads to no
    good end."""
    at = START
    waiting = 0
    while at < SIZE - _RECORD_SIZE and data[at] == _MAGIC:
        if data[at + MARK]:
            waiting += 1
        at += _RECORD_SIZE + (data[at + 2] | data[at + 3] << 8)
    return waiting if at <= SIZE and (at >= SIZE - _RECORD_SIZE or data[at] == 0xFF) else 0


class Walk:
    """From record to record of a block: `step()` until it is False. Only heads are read, `frame()` reads the
    rest."""

    def __init__(self, flash, block, at=START):
        self._flash = flash
        self._block = block
        self.at = self.end = at  # of the record, and behind it
        self.size = self.kind = self.done = 0  # of the record, head included
        self.damaged = 0  # stretches in which no record could be read
        self._head = bytearray(_RECORD_SIZE)
        self._view = memoryview(self._head)

    def step(self):
        at = self.end
        lost = False
        while at < SIZE - _RECORD_SIZE:
            read(self._flash, self._block, at, self._head)
            head = self._head
            size = _RECORD_SIZE + (head[2] | head[3] << 8)
            check = crc32(self._view[:_CHECK]) & 0xFFFF
            if head[0] == _MAGIC and check == head[_CHECK] | head[_CHECK + 1] << 8 and at + size <= SIZE:
                self.at = at
                self.end = at + size
                self.size = size
                self.kind = head[1]
                self.done = head[MARK] == 0
                return True
            if not lost:
                if bytes(self._head).count(b"\xff") == _RECORD_SIZE:
                    break  # nothing was written from here on
                lost = True
                self.damaged += 1
            at = self._search(at + 1)
        self.end = at
        return False

    def _search(self, at):
        """The next place that may begin a record: what lies behind damage is not lost."""
        while at < SIZE:
            piece = bytearray(min(_PIECE, SIZE - at))
            read(self._flash, self._block, at, piece)
            found = bytes(piece).find(_BEGIN)
            if found >= 0:
                return at + found
            at += len(piece)
        return SIZE

    def name(self):
        """(boot, seq)"""
        return struct.unpack_from("<II", self._head, 4)

    def frame(self):
        """The frame, None when it is not what was written."""
        frame = bytearray(self.size - _RECORD_SIZE)
        read(self._flash, self._block, self.at + _RECORD_SIZE, frame)
        crc = crc32(frame, crc32(self._view[:_CRC]))
        return bytes(frame) if crc == struct.unpack_from("<I", self._head, _CRC)[0] else None
