# runs on: both
"""The journal on flash that rots, wears out, cannot be read; and on a heap without room."""

from firmware.journal import Journal
from firmware.segment import SIZE
from protocol import report
from protocol.errors import Misuse
from tests.firmware.journal_bench import BULK, URGENT, Bench
from tests.firmware.journal_frames import frame
from tests.firmware.ramflash import RamFlash
from tests.portable import raises

STATUS, PANIC = report.KIND_STATUS, report.KIND_PANIC


def test_a_damaged_record_costs_itself_only():
    for at in (0, 1, 2, 3, 12, 16, 40):
        bench = Bench()
        bench.add(False, range(40))
        bench.flash.data[bench.place(4) + at] ^= 0x40
        bench.restart()
        assert bench.seqs(False) == [seq for seq in range(40) if seq != 4], at
        assert bench.journal._blocks.damaged == 1 and bench.journal.count(False) == 39
        bench.add(False, [40])
        bench.restart()
        assert bench.seqs(False) == [seq for seq in range(41) if seq != 4]


def test_a_mark_that_lost_a_bit_sends_once_more_and_one_that_gained_some_drops_nothing():
    bench = Bench()
    bench.add(False, range(10))
    place = bench.place(4) + 18
    bench.flash.data[place] = 0x7F
    bench.restart()
    assert bench.seqs(False) == list(range(10))
    bench.journal.done([bench.journal.peek(False, 5)[4][0]])
    assert 4 not in bench.seqs(False)
    bench.flash.data[place] = 0x10
    bench.restart()
    assert bench.seqs(False) == list(range(10))


def test_a_torn_tail_is_left_out_and_not_built_on():
    for size in (1, 10, 18, 19, 30, 100, 145):
        bench = Bench()
        bench.add(False, range(10))
        end = bench.place(9)
        bench.flash.data[end + size : end + 146] = b"\xff" * (146 - size)
        bench.restart()
        assert bench.seqs(False) == list(range(9)), size
        bench.add(False, [10])
        bench.restart()
        assert bench.seqs(False) == list(range(9)) + [10]
        assert bench.flash.data.count(frame(10)) == 1 and len(bench.blocks()) == 2


def test_half_a_head_is_enough():
    bench = Bench()
    bench.add(False, range(60))
    places = (3, 17, 30)
    for i, block in enumerate(bench.blocks()):
        at = places[i]
        bench.flash.data[block * SIZE + at] ^= 8
    bench.restart()
    assert bench.seqs(False) == list(range(60))


def test_rot_after_start_is_skipped_when_it_is_read():
    bench = Bench()
    bench.add(False, range(30))
    bench.flash.data[bench.place(0) + 30] ^= 1
    bench.flash.data[bench.place(7) + 2] ^= 1
    left = [seq for seq in range(30) if seq not in (0, 7)]
    assert bench.seqs(False) == left
    assert bench.journal._blocks.damaged == 2 and bench.journal.count(False) == 28
    bench.journal.done([key for key, _ in bench.journal.peek(False, 28)])
    assert bench.journal.count(False) == 0


def test_an_unreadable_block_does_not_keep_back_those_behind_it():
    bench = Bench()
    bench.add(True, [0], PANIC)
    bench.add(True, [1], STATUS)
    bench.flash.unreadable = bench.blocks(True)[:1]
    assert bench.seqs(True) == [1]
    bench.journal.done([bench.journal.peek(True, 1)[0][0]])
    with raises(OSError):
        bench.journal.peek(True, 1)
    bench.flash.unreadable = ()
    assert bench.seqs(True) == [0]


def test_an_unreadable_block_does_not_stop_the_start_and_is_not_overwritten():
    bench = Bench()
    bench.add(False, range(60))
    flash = bench.flash
    flash.unreadable = bench.blocks()[1:2]
    bench.journal = Journal(flash, 8 * SIZE, 12 * SIZE)
    left = bench.seqs(False)
    assert 30 < len(left) < 60 and bench.journal._blocks.damaged == 1
    bench.add(True, range(1000, 1200), STATUS)
    flash.unreadable = ()
    bench.restart()
    assert bench.seqs(False) == list(range(60)) and len(bench.seqs(True)) == 200


def test_worn_blocks_are_passed_over():
    bench = Bench()
    bench.add(False, range(10))
    bench.flash.stuck = (3, 5, 6, 20)
    bench.add(False, range(10, 150))
    bench.add(True, range(1000, 1060), PANIC)
    assert bench.seqs(False) == list(range(150)) and bench.seqs(True) == list(range(1000, 1060))
    assert bench.journal._blocks.failed >= 3
    bench.restart()
    assert bench.seqs(False) == list(range(150)) and bench.seqs(True) == list(range(1000, 1060))


def test_a_block_that_wears_out_while_it_is_filled_keeps_what_it_has():
    bench = Bench()
    bench.add(False, range(10))
    bench.flash.stuck = bench.blocks()
    bench.add(False, range(10, 20))
    assert bench.seqs(False) == list(range(20)) and len(bench.blocks()) == 2


def test_flash_that_takes_nothing_more_says_so_and_keeps_what_it_has():
    for idle in (True, False):
        bench = Bench(idle=idle)
        bench.add(True, range(10), STATUS)
        bench.flash.worn_out = True
        with raises(OSError):
            bench.add(True, [10], STATUS)
        assert bench.seqs(True) == list(range(10))
        bench.journal.done([key for key, _ in bench.journal.peek(True, 4)])
        # It is not sent again and again, though no mark could be made.
        assert bench.seqs(True) == list(range(4, 10)) and bench.journal._blocks.unsaved == 4
        bench.flash.worn_out = False
        bench.restart()
        assert bench.seqs(True) == list(range(10))


def test_flash_of_a_foreign_hand_is_taken_over():
    flash = RamFlash(26)
    for at in range(len(flash.data)):
        flash.data[at] = at * 167 & 0xFF
    bench = Bench(flash=flash)
    assert bench.journal.count(True) == bench.journal.count(False) == 0
    bench.add(True, range(200), STATUS)
    bench.restart()
    assert bench.seqs(True) == list(range(200))


def test_our_own_mistakes_are_named():
    bench = Bench()
    with raises(Misuse):
        bench.journal.append(False, bytes(441), 1, 1)
    with raises(Misuse):
        bench.journal.append(False, b"", 1, 1)
    with raises(Misuse):
        Journal(bench.flash, SIZE, BULK)
    with raises(Misuse):
        Journal(RamFlash(8), 8 * SIZE, BULK)


class FailsOnce(RamFlash):
    """Whoever reads after the n-th write has no heap left for it; and nothing is ever programmed over."""

    fails_at = None
    writes = 0

    def writeblocks(self, block, data, offset=None):
        at = block * self.block + offset
        for i in range(len(data)):
            assert not data[i] & ~self.data[at + i], "programmed over what was written"
        self.writes += 1
        return super().writeblocks(block, data, offset)

    def readblocks(self, block, buffer, offset=0):
        if self.writes == self.fails_at:
            self.fails_at = None
            raise MemoryError("fault")
        return super().readblocks(block, buffer, offset)


def test_a_heap_that_fails_in_an_append_costs_no_other_frame():
    for fails_at in (1, 2, 5):
        flash = FailsOnce(26)
        journal = Journal(flash, URGENT, BULK)
        flash.writes = 0
        flash.fails_at = fails_at
        kept = []
        for seq in range(8):
            try:
                journal.append(False, frame(seq), 1, seq)
                kept.append(seq)
            except MemoryError:
                assert seq == fails_at - 1
        assert len(kept) == 7
        for each in (journal, Journal(flash, URGENT, BULK)):
            seen = [key[1] for key, _ in each.peek(False, 20)]
            assert [seq for seq in seen if seq in kept] == kept
            assert sorted(set(seen)) == seen  # the one that failed may be there, once
