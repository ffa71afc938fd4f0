# runs on: micropython+guest
"""Power lost at every program and every erase of the journal: what was stored is there, whole and in order,
and what comes after it finds its place.

Cells that power left half programmed read as anything in between (`NorFlash`). The cut right before an
operation is the one right after the operation before it.
"""

from firmware.journal import Journal
from firmware.segment import SIZE
from protocol import report
from tests.firmware.flashpower import Chip
from tests.firmware.journal_frames import frame

STATUS, PANIC, HEALTH = report.KIND_STATUS, report.KIND_PANIC, report.KIND_HEALTH
FRAMES = {}


def made(seq, kind):
    if (seq, kind) not in FRAMES:
        FRAMES[seq, kind] = frame(seq, kind)
    return FRAMES[seq, kind]


class Story:
    """A terminal's life with its journal, and what it was told: appends that returned, frames that it called
    `done` for, thinning that went on."""

    def __init__(self, chip, room=(4, 4), known=None):
        self.room = room
        self.kinds = {} if known is None else dict(known.kinds)  # seq -> kind, of appends that were begun
        self.stored = set() if known is None else set(known.stored)
        self.done = set() if known is None else set(known.done)
        self.thinning = known is not None and known.thinning
        self.start(chip)

    def start(self, chip):
        self.chip = chip
        self.journal = Journal(chip, self.room[0] * SIZE, self.room[1] * SIZE)

    def _look(self):
        # From here on positions may be thinned.
        self.thinning = self.thinning or self.journal._beyond(2) >= -1

    def idle(self):
        self._look()
        while self.journal.prepare():
            pass

    def add(self, seq, kind=report.KIND_POSITION):
        urgent = kind in (STATUS, PANIC)
        self._look()
        self.kinds[seq] = kind
        self.journal.append(urgent, made(seq, kind), 1, seq, kind)
        self.stored.add(seq)

    def drop(self, urgent, n):
        keys = [key for key, _ in self.journal.peek(urgent, n)]
        self.done.update([key[1] for key in keys])
        self.journal.done(keys)

    def check(self):
        """Is everything there that must be, and nothing that never was?"""
        seen = []
        for urgent in (True, False):
            rows = self.journal.peek(urgent, 10000)
            for key, data in rows:
                assert data == made(key[1], self.kinds[key[1]]), key
                assert urgent == (self.kinds[key[1]] in (STATUS, PANIC)), key
            seqs = [key[1] for key, _ in rows]
            if urgent:
                panics = [seq for seq in seqs if self.kinds[seq] == PANIC]
                seqs = seqs[len(panics) :]
                assert panics == sorted(panics)
                seen += panics
            assert seqs == sorted(set(seqs)), seqs
            assert len(rows) <= self.journal.count(urgent) <= len(rows) + 1 or urgent, "the count"
            seen += seqs
        missing = self.stored - self.done - set(seen)
        if self.thinning:
            missing = set([seq for seq in missing if self.kinds[seq] in (STATUS, PANIC, HEALTH)])
        assert not missing, sorted(missing)
        assert self.chip.set_again == 0, "flash was programmed over what it holds"

    def goes_on(self):
        """Work after the start: new frames find their place, and are there after the next one."""
        for seq, kind in ((900000, STATUS), (900001, PANIC), (900002, report.KIND_POSITION)):
            self.add(seq, kind)
        self.start(Chip(self.chip.size // SIZE, self.chip.data))
        self.check()


def cut_everywhere(tell, blocks=16, room=(4, 4), then=None, tears=1):
    """`tell(story)` once, with power cut in every operation; `then(story)` at each start after that. The
    number of cuts."""
    cuts = 0

    def watch(torn):
        nonlocal cuts
        cuts += 1
        again = Story(torn, room, story)
        again.check()
        (then or Story.goes_on)(again)

    chip = Chip(blocks, tears=tears)
    story = Story(chip, room)
    chip.watch = watch
    tell(story)
    chip.watch = None
    assert chip.set_again == 0
    story.start(Chip(blocks, chip.data))
    story.check()
    assert cuts == tears * chip.operations
    return cuts


def two_hundred(story):
    """Statuses, alarms, positions; the link comes and goes; the room for positions runs out; and the blocks
    are used again and again."""
    for seq in range(200):
        if seq % 3 == 0:
            story.idle()
        kind = PANIC if seq % 11 == 5 else STATUS if seq % 4 == 1 else HEALTH if seq % 20 == 2 else 1
        story.add(seq, kind)
        if seq % 7 == 6:
            story.drop(True, 3)
        if seq % 40 == 39:
            story.drop(False, 6)


def test_a_run_of_two_hundred_frames():
    def tell(story):
        two_hundred(story)
        assert story.journal.thinned > 20, story.journal.thinned

    cuts = cut_everywhere(tell, blocks=14, room=(4, 2), tears=3)
    assert cuts > 1500, cuts


def few(story):
    """Eight frames over the end of a block, alarms among them, some of them done."""
    for seq in range(8):
        if seq == 3:
            story.idle()
        kind = PANIC if seq == 4 else STATUS if seq % 4 == 1 else 1
        story.add(seq + len(story.kinds) * 1000, kind)
    story.drop(True, 1)
    story.drop(False, 2)


def test_two_cuts_in_a_run_of_eight_frames():
    """Power is lost, and in the run after the start once more, wherever."""
    pairs = 0

    def once_more(again):
        nonlocal pairs

        def watch(torn):
            nonlocal pairs
            pairs += 1
            last = Story(torn, again.room, again)
            last.check()
            last.goes_on()

        again.chip.watch = watch
        few(again)
        again.chip.watch = None

    cuts = cut_everywhere(few, then=once_more)
    assert cuts >= 15 and pairs > 300, (cuts, pairs)
