# runs on: micropython
"""Power lost at every program and every erase of flash: what was stored is there, whole and in order."""

from firmware.segment import SIZE
from protocol import report
from tests.firmware.journal_bench import Bench, frame
from tests.firmware.ramflash import PowerLost, RamFlash

STATUS, PANIC = report.KIND_STATUS, report.KIND_PANIC


class Story:
    """What the program was told: appends that returned, and frames it called `done` for."""

    def __init__(self):
        self.stored = {True: set(), False: set()}
        self.begun = {True: set(), False: set()}
        self.told_done = set()

    def add(self, journal, urgent, seq, kind=report.KIND_POSITION):
        self.begun[urgent].add(seq)
        journal.append(urgent, frame(seq, kind), 1, seq)
        self.stored[urgent].add(seq)

    def drop(self, journal, urgent, n):
        keys = [key for key, _ in journal.peek(urgent, n)]
        self.told_done.update([key[1] for key in keys])
        journal.done(keys)

    def check(self, bench, thinning=False):
        """After a restart."""
        for urgent in (True, False):
            rows = bench.journal.peek(urgent, 10000)
            seen = [key[1] for key, _ in rows]
            for (_, seq, *_), data in rows:
                assert data in (frame(seq), frame(seq, STATUS), frame(seq, PANIC)), seq
            missing = self.stored[urgent] - self.told_done - set(seen)
            assert not missing or (thinning and not urgent), sorted(missing)
            # Nothing from nowhere: each was at least begun; one that was cut may be there or not.
            assert not set(seen) - self.begun[urgent], sorted(seen)
            if not thinning:
                assert seen == sorted(set(seen)), seen


def cut_everywhere(tell, step, thinning=False, **room):
    """Run `tell(story, bench)` in peace, then for every `step`-th operation with the power lost in it."""
    bench = Bench(**room)
    start = bytes(bench.flash.data)
    before = bench.flash.operations
    peace = Story()
    tell(peace, bench)
    operations = bench.flash.operations - before
    bench.restart()
    peace.check(bench, thinning)
    cuts = 0
    for cut in range(0, operations, step):
        flash = RamFlash(bench.flash.blocks, bytearray(start))
        bench = Bench(flash=flash, **room)
        flash.cut_at = flash.operations + cut
        story = Story()
        try:
            tell(story, bench)
        except PowerLost:
            cuts += 1
        bench.restart()
        story.check(bench, thinning)
        # The terminal goes on with its work.
        story.add(bench.journal, True, 900000, STATUS)
        story.add(bench.journal, False, 900001)
        bench.restart()
        story.check(bench, thinning)
    assert cuts == len(range(0, operations, step)), (cuts, operations)
    return cuts


def test_appends():
    def tell(story, bench):
        for seq in range(12):
            story.add(bench.journal, seq % 3 == 0, seq, STATUS if seq % 3 == 0 else report.KIND_POSITION)

    assert cut_everywhere(tell, 1) > 60


def test_appends_over_the_end_of_a_segment():
    def tell(story, bench):
        for seq in range(28):
            story.add(bench.journal, False, seq)

    assert cut_everywhere(tell, 7) > 20


def test_done_marks_and_removed_segments():
    def tell(story, bench):
        for seq in range(8):
            story.add(bench.journal, True, seq, PANIC if seq < 3 else STATUS)
        for _ in range(4):
            story.drop(bench.journal, True, 2)
            story.add(bench.journal, False, 100 + len(story.told_done))
        for seq in range(50, 54):
            story.add(bench.journal, True, seq, STATUS)

    assert cut_everywhere(tell, 1) > 100


def test_thinning():
    """Urgent frames stay whole while bulk around them is merged, whenever power goes."""

    def tell(story, bench):
        for seq in range(6):
            story.add(bench.journal, True, seq, STATUS)
        for seq in range(100, 230):
            story.add(bench.journal, False, seq)
            if seq % 16 == 0:
                story.drop(bench.journal, False, 3)

    room = {"urgent": 4 * SIZE, "bulk": 3 * SIZE, "blocks": 16}
    assert cut_everywhere(tell, 53, thinning=True, **room) > 30


def test_marks_of_a_merged_segment_drop_nothing():
    """Old marks speak of places where other records lie after a merge: whenever power goes, none of these is
    lost but by thinning, and of two neighbours one always stays."""

    def tell(story, bench):
        for seq in range(52):
            story.add(bench.journal, False, seq)
        keys = [key for key, _ in bench.journal.peek(False, 100)]
        odd = [key for key in keys if key[1] % 2 == 0 and key[1] < 40]
        story.told_done.update([key[1] for key in odd])
        bench.journal.done(odd)
        story.merging = True
        bench.journal._thin()

    class Merging(Story):
        merging = False

    room = {"urgent": 4 * SIZE, "bulk": 4 * SIZE, "blocks": 16}
    bench = Bench(**room)
    start = bytes(bench.flash.data)
    before = bench.flash.operations
    tell(Merging(), bench)
    operations = bench.flash.operations - before
    merged = 0
    for cut in range(operations - 40, operations):
        flash = RamFlash(bench.flash.blocks, bytearray(start))
        bench = Bench(flash=flash, **room)
        flash.cut_at = flash.operations + cut
        story = Merging()
        try:
            tell(story, bench)
        except PowerLost:
            merged += story.merging
        if not story.merging:
            continue
        bench.restart()
        seen = set([key[1] for key, _ in bench.journal.peek(False, 100)])
        lost = [seq for seq in range(1, 38, 2) if seq not in seen and seq + 2 not in seen]
        assert not lost, (cut, sorted(seen))
        assert not set(range(48, 52)) - seen
    assert merged > 20
