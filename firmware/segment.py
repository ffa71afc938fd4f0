"""One file of the journal: up to 4,096 bytes of records, each with its own check, on one block of littlefs.

Record: "<BBHIII" = magic, kind, length, boot, seq, CRC-32 of what stands before and of the frame; the frame;
zeros up to 64 bytes. So no two records start in the same 64 bytes, and a bit of a 64-bit number names each.

Appending to a littlefs file writes its last block anew, once, and then commits its size in one step: a power
cut leaves the old file or the new one. The check is for what littlefs cannot promise: worn cells, a foreign
file.
"""

import os
import struct
from array import array
from binascii import crc32

from protocol.compat import const
from protocol.errors import Misuse
from protocol.limits import MAX_FRAME

SIZE = const(4096)
_HEAD = "<BBHIII"
_HEAD_SIZE = const(16)
_CHECKED = const(12)  # bytes of the head that the CRC covers
_MAGIC = const(0xA7)
_GRAIN = const(6)
_SMALLEST = const(64)
_MARK = "<BIQ"
_MARK_SIZE = const(13)

assert SIZE >> _GRAIN == 64
assert _HEAD_SIZE + MAX_FRAME < SIZE


def record(kind, frame, boot, seq):
    """The bytes of one record."""
    if not 0 < len(frame) <= MAX_FRAME:
        raise Misuse("journal frame: %d bytes, at most %d" % (len(frame), MAX_FRAME))
    data = bytearray(max(_HEAD_SIZE + len(frame), _SMALLEST))
    struct.pack_into(_HEAD, data, 0, _MAGIC, kind, len(frame), boot, seq, 0)
    crc = crc32(frame, crc32(memoryview(data)[:_CHECKED]))
    struct.pack_into("<I", data, _CHECKED, crc)
    data[_HEAD_SIZE : _HEAD_SIZE + len(frame)] = frame
    return data


def record_size(data, at, end):
    """Size of the sound record at `at`, or 0 when there is none before `end`."""
    if end - at < _SMALLEST or data[at] != _MAGIC:
        return 0
    _, _, length, _, _, crc = struct.unpack_from(_HEAD, data, at)
    size = max(_HEAD_SIZE + length, _SMALLEST)
    if not 0 < length <= MAX_FRAME or size > end - at:
        return 0
    view = memoryview(data)
    start = at + _HEAD_SIZE
    if crc32(view[start : start + length], crc32(view[at : at + _CHECKED])) != crc:
        return 0
    return size


def kind_of(data):
    return data[1]


def name_of(data):
    """(boot, seq) of a record."""
    return struct.unpack_from("<II", data, 4)


def frame_of(data):
    length = data[2] | data[3] << 8
    return bytes(memoryview(data)[_HEAD_SIZE : _HEAD_SIZE + length])


class Segment:
    """In RAM: the file's number and the places of the records that are still to be sent."""

    def __init__(self, path, lane, number):
        self.path = path
        self.lane = lane
        self.number = number
        self.size = 0
        self.sealed = False  # takes no more records
        self.places = array("H")
        self.done = 0  # bit n: the record that starts in the n-th 64 bytes

    def recover(self, buffer, done):
        """Find the records in the file; those marked in `done` count as sent. Returns the number of damaged
        stretches."""
        with open(self.path, "rb") as file:
            end = file.readinto(buffer)
        at = damaged = 0
        sound = True
        while at < end:
            size = record_size(buffer, at, end)
            if size:
                if done >> (at >> _GRAIN) & 1:
                    self.done |= 1 << (at >> _GRAIN)
                else:
                    self.places.append(at)
                at += size
                sound = True
            else:
                # Look for the next record, byte by byte: what lies behind the damage is not lost.
                damaged += 1 if sound else 0
                sound = False
                at += 1
        self.size = end
        # Behind a damaged record another one would be found again only by luck.
        self.sealed = damaged > 0
        return damaged

    def has_room(self, size):
        return not self.sealed and self.size + size <= SIZE

    def append(self, data):
        """Durable when this returns. Raises OSError; the file is as it was then, or left alone after."""
        self.sealed = True
        try:
            with open(self.path, "ab") as file:
                file.write(data)
                file.flush()
        except OSError:
            self.sealed = os.stat(self.path)[6] != self.size
            raise
        self.sealed = False
        self.places.append(self.size)
        self.size += len(data)

    def records(self, after=-1, n=SIZE):
        """Yields (place, record) of what is to be sent behind `after`, n sound ones at most; record is None
        where it cannot be read any more. To be run to its end: that closes the file."""
        if not self.places:
            return  # an append that failed may have left a segment without a file
        with open(self.path, "rb") as file:
            for place in self.places:
                if place > after and n > 0:
                    file.seek(place)
                    data = file.read(_HEAD_SIZE + MAX_FRAME)
                    size = record_size(data, 0, len(data))
                    n -= 1 if size else 0
                    yield place, data[:size] if size else None

    def finish(self, place):
        """That record is done with. False when it was before, or is no longer here."""
        left = array("H", [p for p in self.places if p != place])
        if len(left) == len(self.places):
            return False
        self.places = left
        self.done |= 1 << (place >> _GRAIN)
        return True

    def detach(self):
        """The file is gone or says something else now: keys that point here point nowhere."""
        self.places = array("H")


def pack_marks(parts):
    """What is done in segments that are not done whole."""
    data = b""
    for part in parts:
        if part.done:
            data += struct.pack(_MARK, part.lane, part.number, part.done)
    return data + struct.pack("<I", crc32(data))


def unpack_marks(data):
    """{(lane, number): done}; empty when the check fails, which repeats frames and loses none."""
    end = len(data) - 4
    marks = {}
    if end >= 0 and end % _MARK_SIZE == 0 and struct.unpack_from("<I", data, end)[0] == crc32(data[:end]):
        for at in range(0, end, _MARK_SIZE):
            lane, number, done = struct.unpack_from(_MARK, data, at)
            marks[(lane, number)] = done
    return marks
