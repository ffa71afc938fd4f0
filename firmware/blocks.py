"""The blocks of the journal's flash: which are free, which lie erased, which hold a segment and how many of
its records wait. They are used in turn, so that all of them age alike, and erased ahead of their use."""

from array import array

from firmware import segment
from firmware.segment import SIZE, Walk
from protocol.compat import const

AHEAD = const(4)  # blocks that lie erased
LANES = const(3)
_FREE = const(0)
_USED = const(1)
_BAD = const(2)
_UNMARKED = const(256)


class Blocks:
    """`flash` is a block device of MicroPython. `numbers` and `left` go by block: the segment's number, and
    its records still to be sent."""

    def __init__(self, flash):
        self.flash = flash
        count = flash.ioctl(4, 0)
        self.numbers = array("I", bytes(4 * count))
        self.left = bytearray(count)
        self._use = bytearray(count)
        self.ready = []  # blocks erased in this boot: who knows how far an earlier one got
        self._hand = 0  # where the search for a free block goes on
        self.next = 1  # number of the next segment
        self._done = []  # records done with that flash does not know of
        self.damaged = 0
        self.unmarked = 0
        self.worn = 0

    def begin(self, block, number):
        """There is a new segment in that block."""
        self.numbers[block] = number
        self.left[block] = 0
        self._use[block] = _USED

    def erase(self):
        """A free block, erased: the one whose turn it is. None when there is no sound one."""
        count = len(self._use)
        for _ in range(count):
            block = self._hand
            self._hand = (block + 1) % count
            if self._use[block] == _FREE:
                self._use[block] = _USED
                if segment.erase(self.flash, block):
                    return block
                self.set_aside(block)
        return None

    def free(self, block):
        segment.forget(self.flash, block)
        self._use[block] = _FREE

    def set_aside(self, block):
        """It is not used again in this boot, and left as it is."""
        self._use[block] = _BAD
        self.worn += 1

    def program(self, block, at, data):
        return segment.program(self.flash, block, at, data)

    # --- records

    def is_done(self, walk):
        return walk.done or (self._done and self.numbers[walk.block] * SIZE + walk.at in self._done)

    def waiting(self, block):
        """Yields (kind, size, block, at) of the records that are not done."""
        walk = Walk(self.flash, block)
        while walk.step():
            if not self.is_done(walk):
                yield walk.kind, walk.size, block, walk.at

    def finish(self, block, at):
        """That record is done with."""
        if not segment.mark(self.flash, block, at):
            # In this boot it is done; after a restart it is sent once more.
            self.unmarked += 1
            self._done = self._done[1 - _UNMARKED :] + [self.numbers[block] * SIZE + at]
        if self.left[block]:
            self.left[block] -= 1

    def renewed(self, number):
        """The segment of that number has moved: its old places say nothing about what lies there now."""
        self._done = [place for place in self._done if place // SIZE != number]

    # --- start

    def recover(self):
        """(rows of blocks by lane, oldest first; where the newest block of each goes on). Nothing is written,
        unless power was cut in the middle of a merge."""
        rows = [[] for _ in range(LANES)]
        merged = self._find(rows)
        merged.sort()  # the widest first: it may hold others that were merged before
        for _, number, last, block in merged:
            for row in rows:
                for other in list(row) if block in row else ():
                    if other != block and number <= self.numbers[other] <= last:
                        row.remove(other)
                        self.free(other)
        whole = bytearray(SIZE)
        ends = [SIZE] * LANES
        for lane in range(LANES):
            row = rows[lane]
            row.sort(key=lambda block: self.numbers[block])
            for block in list(row):
                try:
                    ends[lane] = self._count(block, whole, block == row[-1])
                except OSError:
                    self._unreadable(block)
                    row.remove(block)
                    continue
                if not self.left[block] and ends[lane] >= SIZE:
                    # All is done: it is found to be free the next time as well.
                    row.remove(block)
                    self._use[block] = _FREE
        return rows, ends

    def _find(self, rows):
        """Put the blocks into the rows; those that were merged from two come back."""
        merged = []
        for block in range(len(self._use)):
            try:
                found = segment.head_of(self.flash, block)
            except OSError:
                self._unreadable(block)
                continue
            if found is None or found[0] >= LANES:
                continue
            lane, number, last = found
            self.begin(block, number)
            rows[lane].append(block)
            if last > number:
                merged.append((number - last, number, last, block))
            if last >= self.next:
                self.next = last + 1
                self._hand = (block + 1) % len(self._use)
        self.next += self.worn  # a number that stands in an unreadable block is not given again
        return merged

    def _unreadable(self, block):
        # It must not keep the terminal from starting, and what it holds may be read the next time.
        self.damaged += 1
        self.set_aside(block)

    def _count(self, block, whole, newest):
        """Count what waits in a block; returns where it goes on."""
        segment.read(self.flash, block, 0, whole)
        self.left[block] = segment.count(whole)
        if self.left[block] and not newest:
            return SIZE
        # Either it takes more records, or nothing seems to be left, or the quick look was not enough.
        walk = Walk(self.flash, block)
        self.left[block] = 0
        sound = True
        while walk.step():
            self.left[block] += 0 if walk.done else 1
            sound = walk.frame() is not None
        self.damaged += walk.damaged
        # Behind something torn nothing is written: it may reach farther than it shows.
        return walk.end if newest and sound and not walk.damaged else SIZE
