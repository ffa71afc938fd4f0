"""The blocks of the journal's flash: which are free, which lie erased, how many records wait in the others.
They are used in turn, so that all of them age alike, and erased ahead of their use.

A segment is known by one number, `number * 1024 + block`: in a row of them the older ones are the lesser.
"""

from firmware import segment
from firmware.segment import MARK, SIZE, START, Walk
from protocol.compat import const
from protocol.errors import Misuse

AHEAD = const(4)  # blocks that lie erased
MOST = const(1024)
# In the place of a number of records:
_FREE = const(255)
_BAD = const(254)
_DONE = const(256)


class Blocks:
    """`flash` is a block device of MicroPython. `left` goes by block: its records still to be sent."""

    def __init__(self, flash):
        self.flash = flash
        count = flash.ioctl(4, 0)
        if count > MOST:
            raise Misuse("journal flash: %d blocks, at most %d" % (count, MOST))
        self.left = bytearray(count)
        self.ready = []  # blocks erased in this boot: who knows how far an earlier one got
        self._hand = 0  # where the search for a free block goes on
        self.next = 1  # number of the next segment
        self._done = []  # places of records done with that flash does not know of
        self.damaged = 0
        self.unsaved = 0
        self.failed = 0

    def erase(self):
        """A free block, erased: the one whose turn it is. None when there is no sound one."""
        for _ in range(len(self.left)):
            block = self._hand
            self._hand = (block + 1) % len(self.left)
            if self.left[block] == _FREE:
                self.left[block] = 0
                if segment.erase(self.flash, block):
                    return block
                self.discard(block)
        return None

    def clear(self, block):
        """It is free."""
        # Of zeros an erase that power interrupts cannot make the old head again.
        segment.program(self.flash, block, 0, bytes(START))
        self.left[block] = _FREE
        for place in list(self._done):
            if place // SIZE % MOST == block:
                self._done.remove(place)

    def discard(self, block):
        """It is not used again in this boot, and left as it is."""
        self.left[block] = _BAD
        self.failed += 1

    # --- records

    def waiting(self, part, at=START):
        """A walk, from `at` on, which stands at each record that is not done."""
        walk = Walk(self.flash, part % MOST, at)
        while walk.step():
            if not walk.done and part * SIZE + walk.at not in self._done:
                yield walk

    def done(self, part, at):
        """That record is done with."""
        block = part % MOST
        if not segment.program(self.flash, block, at + MARK, b"\x00"):
            # In this boot it is done; after a restart it is sent once more.
            self.unsaved += 1
            self._done = self._done[1 - _DONE :] + [part * SIZE + at]
        if self.left[block]:
            self.left[block] -= 1

    # --- start

    def recover(self):
        """(rows of segments by lane, oldest first; where the newest of each goes on). Nothing is written,
        unless power was cut in the middle of a merge."""
        rows = ([], [], [])
        merged = self._find(rows)
        merged.sort()  # the widest first: it may hold others that were merged before
        for _, first, last, part in merged:
            for row in rows:
                for other in list(row) if part in row else ():
                    if other != part and first <= other // MOST <= last:
                        row.remove(other)
                        self.clear(other % MOST)
        whole = bytearray(SIZE)
        ends = [SIZE, SIZE, SIZE]
        for lane in range(len(rows)):
            row = rows[lane]
            row.sort()
            for part in list(row):
                block = part % MOST
                try:
                    ends[lane] = self.look(block, whole, part == row[-1])
                except OSError:
                    row.remove(part)
                    self._unreadable(block)
                    continue
                if not self.left[block] and ends[lane] >= SIZE:
                    # All is done: it is found to be free the next time as well.
                    row.remove(part)
                    self.left[block] = _FREE
        return rows, ends

    def _find(self, rows):
        """Put the segments into the rows; those that were merged from two come back."""
        merged = []
        for block in range(len(self.left)):
            self.left[block] = _FREE
            try:
                found = segment.head_of(self.flash, block)
            except OSError:
                self._unreadable(block)
                continue
            if found is None or found[0] >= len(rows):
                continue
            lane, first, last = found
            part = first * MOST + block
            rows[lane].append(part)
            if last > first:
                merged.append((first - last, first, last, part))
            if last >= self.next:
                self.next = last + 1
                self._hand = (block + 1) % len(self.left)
        self.next += self.failed  # a number that stands in an unreadable block is not given again
        return merged

    def _unreadable(self, block):
        # It must not keep the terminal from starting, and what it holds may be read the next time.
        self.damaged += 1
        self.discard(block)

    def look(self, block, whole, newest):
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
