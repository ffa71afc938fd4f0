"""A journal on flash in memory, whose power can be cut."""

from firmware.journal import Journal
from firmware.segment import SIZE
from protocol import report
from tests.firmware.journal_frames import frame
from tests.firmware.ramflash import RamFlash

URGENT, BULK = 8 * SIZE, 12 * SIZE
ENOSPC = 28


class Bench:
    """`restart` is a loss of power between two operations. What is to be prepared is prepared before each
    append, as on a terminal that has nothing else to do; or never."""

    def __init__(self, blocks=26, urgent=URGENT, bulk=BULK, flash=None, idle=True):
        self.flash = flash or RamFlash(blocks)
        self.idle = idle
        self._room = (urgent, bulk)
        self.journal = Journal(self.flash, *self._room)

    def restart(self):
        """The flash is another object: nothing in it has been cut."""
        old = self.flash
        self.flash = RamFlash(old.blocks, old.data)
        self.flash.stuck = old.stuck
        self.journal = Journal(self.flash, *self._room)

    def restart_in_place(self):
        """On the same object, which counts on."""
        self.journal = Journal(self.flash, *self._room)

    def add(self, urgent, seqs, kind=report.KIND_POSITION, boot=1):
        for seq in seqs:
            while self.idle and self.journal.prepare():
                pass
            self.journal.append(urgent, frame(seq, kind, boot), boot, seq)

    def seqs(self, urgent):
        return [key[1] for key, _ in self.journal.peek(urgent, 10000)]

    def blocks(self, urgent=False):
        """Those that hold records still to be sent, oldest first."""
        found = []
        for key, _ in self.journal.peek(urgent, 10000):
            if key[3] % 1024 not in found:
                found.append(key[3] % 1024)
        return found

    def place(self, seq, urgent=False):
        """Where on flash that record begins."""
        (key,) = [key for key, _ in self.journal.peek(urgent, 10000) if key[1] == seq]
        return key[3] % 1024 * SIZE + key[4]
