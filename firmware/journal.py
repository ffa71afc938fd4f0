"""Frames that the gateway does not have yet, on flash of the journal's own, through any power cut.

Three lanes: panics, other urgent frames, bulk. Each is a row of blocks (`segment.py`), oldest first; a block
goes when all its records are done. Nothing here loses a frame that was appended and is not done, except by
thinning: when the room is used up, the oldest positions lose every second one. Urgent frames take bulk's room
when they need it, never the other way round.
"""

from firmware import segment, thinning
from firmware.blocks import AHEAD, MOST, Blocks
from firmware.segment import SIZE, START
from protocol import cose, report
from protocol.compat import const
from protocol.errors import Misuse, ProtocolError

_PANIC = const(0)
_URGENT = const(1)
_BULK = const(2)
_PANIC_SEGMENTS = const(2)  # kept free of other urgent frames: sixteen alarms at least
_NOT_BULK = const(2)  # of the erased blocks, for urgent frames alone
_TRIES = const(8)
_ENOSPC = const(28)  # MicroPython's errno does not name it
_EIO = const(5)


class Journal:
    """`flash` is a block device of MicroPython: NOR flash with erase blocks of 4,096 bytes, whose bits may be
    cleared one after another. `urgent_bytes` are kept free of bulk; both are rounded down to whole blocks,
    and bulk has what is there, if that is less. To begin with, nothing is written.

    Public counts: `thinned` records dropped for room; in `_blocks`: `damaged` stretches or records that could
    not be read, `unsaved` records done with that flash does not know of, `failed` blocks.
    """

    def __init__(self, flash, urgent_bytes, bulk_bytes):
        self._flash = flash
        self._blocks = blocks = Blocks(flash)
        self._urgent_most = urgent_bytes // SIZE
        self._most = min(self._urgent_most + bulk_bytes // SIZE, len(blocks.left) - AHEAD - 1)
        if self._urgent_most < _PANIC_SEGMENTS + 2 or self._most < self._urgent_most + 2:
            raise Misuse("journal room: %d urgent, %d bulk bytes" % (urgent_bytes, bulk_bytes))
        self.thinned = 0
        self._thinned_to = 0
        # Of each lane: its blocks, and where the newest one goes on; SIZE: it takes no more.
        self._rows, self._ends = blocks.recover()

    def append(self, urgent, frame, boot, seq, kind=None):
        """Store a frame; it is durable when this returns. Who has just made the frame knows its kind. Raises
        OSError: ENOSPC when nothing of less worth is left to make room, EIO when flash fails."""
        if kind is None:
            kind = _kind(frame)
        lane = _BULK if not urgent else _PANIC if kind == report.KIND_PANIC else _URGENT
        data = segment.record(kind, frame, boot, seq)
        for _ in range(_TRIES):
            if self._write(lane, self._part_for(lane, len(data)), data):
                return
        raise OSError(_EIO)

    def prepare(self):
        """Do one piece of what an append shall not have to wait for: an erase, a thinning. False when there
        is nothing to do."""
        blocks = self._blocks
        if len(blocks.ready) < AHEAD:
            block = blocks.erase()
            if block is not None:
                blocks.ready.append(block)
                return True
        bulk = len(self._rows[_BULK])
        if (bulk and self._over() > 0) or (bulk > AHEAD and self._beyond(_BULK) >= 0):
            self._thin()
            return True
        return False

    def peek(self, urgent, n, after=None):
        """Up to n of [(key, frame)], oldest first, panics before other urgent frames; those behind the key
        `after`. A key is (boot, seq, ...), good until the next boot. Raises OSError when flash cannot be read
        and nothing else is there."""
        found = []
        unread = None
        for lane in (_PANIC, _URGENT) if urgent else (_BULK,):
            for part in list(self._rows[lane]):
                if len(found) >= n or not self._blocks.left[part % MOST]:
                    continue
                at = None
                if after is not None:
                    if (lane, part // MOST) < (after[2], after[3] // MOST):
                        continue
                    # What was merged keeps its number, and is another segment.
                    at = after[4] if part == after[3] else None
                try:
                    self._gather(found, n, lane, part, at)
                except OSError as error:
                    unread = error  # what lies behind it need not wait for it
        if unread is not None and not found:
            raise unread
        return found

    def _gather(self, found, n, lane, part, after):
        blocks = self._blocks
        waiting = 0
        for walk in blocks.waiting(part, START if after is None else after):
            if walk.at == after:
                continue
            if len(found) >= n:
                return
            frame = walk.frame()
            if frame is None:
                blocks.damaged += 1
                blocks.done(part, walk.at)
            else:
                waiting += 1
                found.append((walk.name() + (lane, part, walk.at), frame))
        if after is None:
            lost = blocks.left[part % MOST] - waiting
            if lost > 0:
                blocks.damaged += lost  # since they were counted
            blocks.left[part % MOST] = waiting
            self._tidy(lane, part)

    def done(self, keys):
        """These frames are at the gateway. Keys that no longer mean anything are ignored."""
        for boot, seq, lane, part, at in keys:
            if part in self._rows[lane] and self._waits(part, at, (boot, seq)):
                self._blocks.done(part, at)
                self._tidy(lane, part)

    def _waits(self, part, at, name):
        """Is that record there, and not done?"""
        try:
            for walk in self._blocks.waiting(part, at):
                return walk.at == at and walk.name() == name
        except OSError:
            return True  # what cannot be read cannot be sent once more either
        return False

    def count(self, urgent):
        """Frames still to be sent."""
        waiting = 0
        for row in self._rows[:_BULK] if urgent else self._rows[_BULK:]:
            for part in row:
                waiting += self._blocks.left[part % MOST]
        return waiting

    def failed(self):
        """Blocks of flash that are not used any more in this boot."""
        return self._blocks.failed

    # --- room

    def _over(self):
        """Blocks in use beyond what the journal may have."""
        panics, urgent, bulk = self._rows
        return len(panics) + len(urgent) + len(bulk) + self._blocks.failed - self._most

    def _beyond(self, lane):
        """Blocks too many for the lane to get one more, less one: below 0 it may have one."""
        panics, urgent, _ = self._rows
        kept = 0
        if lane == _URGENT:
            kept = max(0, _PANIC_SEGMENTS - len(panics))
        elif lane == _BULK:
            kept = max(0, self._urgent_most - len(panics) - len(urgent))
        return self._over() + kept

    def _part_for(self, lane, size):
        """The lane's newest segment when it has room, else a new one."""
        row = self._rows[lane]
        if row and self._ends[lane] + size <= SIZE:
            return row[-1]
        self._ends[lane] = SIZE
        if row:
            self._tidy(lane, row[-1])
        blocks = self._blocks
        while self._beyond(lane) >= 0:
            bulk = len(self._rows[_BULK])
            if not bulk:
                raise OSError(_ENOSPC)
            if lane != _BULK and blocks.ready and bulk > self._beyond(lane):
                break  # one of those ahead; `prepare` makes room in bulk for it
            self._thin()
        keep = _NOT_BULK if lane == _BULK else 0
        block = blocks.ready.pop(0) if len(blocks.ready) > keep else blocks.erase()
        if block is None:
            raise OSError(_ENOSPC)
        row.append(blocks.next * MOST + block)
        blocks.next += 1
        self._ends[lane] = START
        return row[-1]

    def _write(self, lane, part, data):
        at = self._ends[lane]
        block = part % MOST
        if at == START:
            at = 0
            data = segment.head(lane, part // MOST, part // MOST) + data
        # Whatever ends this, with an exception or without: what was begun is never programmed over.
        self._ends[lane] = SIZE
        if segment.program(self._flash, block, at, data):
            self._ends[lane] = at + len(data)
            self._blocks.left[block] += 1
            return True
        if not at:
            self._rows[lane].remove(part)
            self._blocks.discard(block)
        return False

    def _tidy(self, lane, part):
        """A block whose records are all done is free, unless it is the newest and takes more. Before it is
        given away there is one more look at it."""
        row = self._rows[lane]
        left = self._blocks.left
        block = part % MOST
        if left[block] or (part == row[-1] and self._ends[lane] < SIZE):
            return
        try:
            left[block] = len(list(self._blocks.waiting(part)))
        except OSError:
            row.remove(part)
            self._blocks.discard(block)
            return
        if not left[block]:
            self._drop(lane, part)

    def _drop(self, lane, part):
        row = self._rows[lane]
        if part == row[-1]:
            self._ends[lane] = SIZE
        row.remove(part)
        self._blocks.clear(part % MOST)

    def _thin(self):
        """One block of bulk less. Two neighbours become one, from the oldest on through the older half, then
        from the oldest again: what is recent stays dense."""
        row = self._rows[_BULK]
        left = self._blocks.left
        i = 0
        while i < len(row) and row[i] // MOST <= self._thinned_to:
            i += 1
        if i + 1 >= (len(row) + 3) // 2:
            i = 0
        if len(row) > 1:
            before = left[row[i] % MOST] + left[row[i + 1] % MOST]
            part = thinning.merge(self._blocks, row[i], row[i + 1])
            if part is not None:
                self.thinned += before - left[part % MOST]
                self._thinned_to = part // MOST
                if i + 2 == len(row):
                    self._ends[_BULK] = SIZE
                row[i] = part
                row.pop(i + 1)
                return
        # Nothing to merge it with, or flash fails: it goes whole.
        self.thinned += left[row[i] % MOST]
        self._drop(_BULK, row[i])


def _kind(frame):
    """The report's kind, 0 when this is no frame of ours."""
    try:
        return report.decode(cose.sign1_parse(frame).payload)[report.KIND]
    except ProtocolError:
        return 0
