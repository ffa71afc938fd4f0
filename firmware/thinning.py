"""Two neighbouring segments of bulk become one: every second position goes, the rest stays."""

from firmware import segment
from firmware.blocks import MOST
from firmware.segment import SIZE, START, Walk
from protocol import report
from protocol.compat import const

_BULK = const(2)
_ENOSPC = const(28)
_EIO = const(5)
_POSITIONS = (0, report.KIND_POSITION, report.KIND_TRACK)  # 0: no frame of ours


def merge(blocks, first, second):
    """Put what stays of two segments into a new one, which takes their place; returns it, or None when one of
    the three cannot be read or written. Its head is written last: from then on the two count no more, whether
    or not flash could still be told to forget them."""
    block = blocks.ready.pop(0) if blocks.ready else blocks.erase()
    if block is None:
        return None
    try:
        last = segment.head_of(blocks.flash, second % MOST)[2]
        rows = []
        for old in (first, second):
            rows += [(walk.kind, walk.size, old, walk.at) for walk in blocks.waiting(old)]
        count = 0
        end = START
        for _, _, old, at in _choose(rows):
            walk = Walk(blocks.flash, old % MOST, at)
            frame = walk.frame() if walk.step() else None
            if frame is not None:
                data = segment.record(walk.kind, frame, *walk.name())
                _put(blocks, block, end, data)
                end += len(data)
                count += 1
        _put(blocks, block, 0, segment.head(_BULK, first // MOST, last))
    except OSError:
        blocks.discard(block)
        return None
    blocks.left[block] = count
    blocks.clear(first % MOST)
    blocks.clear(second % MOST)
    return first // MOST * MOST + block


def _put(blocks, block, at, data):
    if not segment.program(blocks.flash, block, at, data):
        raise OSError(_EIO)


def _choose(rows):
    """Which of (kind, size, ...) stay: every second position; then, as long as it is too much, the oldest
    positions go, and where there are none, the oldest of all."""
    keep = []
    odd = False
    for row in rows:
        if row[0] in _POSITIONS:
            odd = not odd
            if not odd:
                continue
        keep.append(row)
    size = 0
    for row in keep:
        size += row[1]
    while size > SIZE - START:
        oldest = 0
        for i in range(len(keep) - 1, -1, -1):
            if keep[i][0] in _POSITIONS:
                oldest = i
        size -= keep.pop(oldest)[1]
    return keep
