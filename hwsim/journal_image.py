"""What the journal of a terminal holds, read off its flash from outside. Its layout stands in docs/adr/0014.

Nothing of the terminal's program is used: what that makes of its flash can be held against this.
"""

import collections
import struct
from zlib import crc32

BLOCK = 4096
LANES = ("panic", "urgent", "bulk")
_HEAD = struct.Struct("<BBHIII")
_RECORD = struct.Struct("<BBHIIIHBB")
_HEAD_MAGIC, _MAGIC = 0x9B, 0xA7
_CHECKED, _START = 12, 32

Record = collections.namedtuple("Record", "lane number boot seq kind done frame address")


def region(terminal):
    """(address, size) of the journal on that terminal's flash."""
    row = terminal.board["flash"]["journal"]
    return row["address"], row["size"]


def records(terminal):
    """The sound records in segments that count, in the order they are sent."""
    address, size = region(terminal)
    return parse(terminal.flash.read(address, size))


def unsent(terminal):
    """(boot, seq) of the frames that still wait."""
    return [(record.boot, record.seq) for record in records(terminal) if not record.done]


def parse(data):
    blocks = []
    for at in range(0, len(data), BLOCK):
        head = _head(data[at : at + _START])
        if head is not None:
            blocks.append((*head, at))
    # Two that were merged count no more, once the head of what they became stands there.
    merged = [(lane, first, last) for lane, first, last, _ in blocks if last > first]
    found = []
    for lane, first, last, at in sorted(blocks):
        over = any(
            lane == other and begin <= first and last <= end and (begin, end) != (first, last)
            for other, begin, end in merged
        )
        if not over:
            found += _walk(data[at : at + BLOCK], lane, first, at)
    return found


def _head(data):
    for at in (0, _HEAD.size):
        magic, lane, _, first, last, crc = _HEAD.unpack_from(data, at)
        if magic == _HEAD_MAGIC and lane < len(LANES) and crc == crc32(data[at : at + _CHECKED]):
            return lane, first, last
    return None


def _walk(block, lane, number, address):
    at = _START
    while at + _RECORD.size < BLOCK:
        magic, kind, length, boot, seq, crc, check, mark, _ = _RECORD.unpack_from(block, at)
        if magic != _MAGIC or check != crc32(block[at : at + 16]) & 0xFFFF:
            at += 1
            continue
        frame = block[at + _RECORD.size : at + _RECORD.size + length]
        if crc == crc32(frame, crc32(block[at : at + _CHECKED])):
            yield Record(LANES[lane], number, boot, seq, kind, mark == 0, frame, address + at)
        at += _RECORD.size + length
