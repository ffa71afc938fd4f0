# runs on: both
"""The journal: order, marks, room, thinning, and every refusal."""

from firmware.journal import Journal
from firmware.segment import SIZE
from protocol import report
from protocol.errors import Misuse
from tests.firmware.journal_bench import BULK, ENOSPC, URGENT, Bench
from tests.firmware.journal_frames import frame
from tests.firmware.ramflash import RamFlash
from tests.portable import raises

STATUS, PANIC = report.KIND_STATUS, report.KIND_PANIC


def test_frames_come_back_in_order_and_whole():
    bench = Bench()
    bench.add(False, range(30))
    bench.add(True, range(30, 33), STATUS)
    for _ in range(2):
        assert bench.journal.count(False) == 30 and bench.journal.count(True) == 3
        rows = bench.journal.peek(False, 100)
        assert [data for _, data in rows] == [frame(seq) for seq in range(30)]
        assert [key[:2] for key, _ in rows] == [(1, seq) for seq in range(30)]
        assert bench.seqs(True) == [30, 31, 32]
        bench.restart()


def test_panics_go_before_older_statuses():
    bench = Bench()
    bench.add(True, range(3), STATUS)
    bench.add(True, [3], PANIC)
    bench.add(True, [4], STATUS)
    assert bench.seqs(True) == [3, 0, 1, 2, 4]
    bench.restart()
    assert bench.seqs(True) == [3, 0, 1, 2, 4]


def test_peek_goes_on_behind_a_key():
    bench = Bench()
    bench.add(False, range(50))
    bench.add(True, range(100, 110), STATUS)
    bench.add(True, range(110, 120), PANIC)
    for urgent, all in ((False, list(range(50))), (True, list(range(110, 120)) + list(range(100, 110)))):
        seen = []
        after = None
        while True:
            rows = bench.journal.peek(urgent, 7, after)
            if not rows:
                break
            seen += [key[1] for key, _ in rows]
            after = rows[-1][0]
        assert seen == all


def test_done_is_remembered_and_only_done_is():
    bench = Bench()
    bench.add(False, range(60))
    rows = bench.journal.peek(False, 100)
    bench.journal.done([rows[i][0] for i in (0, 1, 2, 7, 40)])
    left = [seq for seq in range(60) if seq not in (0, 1, 2, 7, 40)]
    assert bench.seqs(False) == left and bench.journal.count(False) == 55
    bench.restart()
    assert bench.seqs(False) == left and bench.journal.count(False) == 55
    bench.add(False, [60])
    bench.restart()
    assert bench.seqs(False) == left + [60]


def test_done_twice_and_done_of_something_gone_do_nothing():
    bench = Bench()
    bench.add(False, range(40))
    rows = bench.journal.peek(False, 30)
    for _ in range(2):
        bench.journal.done([key for key, _ in rows])
        assert bench.seqs(False) == list(range(30, 40)) and bench.journal.count(False) == 10
    bench.journal.done([])
    bench.journal.done([key for key, _ in bench.journal.peek(False, 10)])
    for seq in range(40, 800, 20):
        bench.add(False, range(seq, seq + 20))
        if rows[0][0][3] % 1024 in bench.blocks():
            break  # this block holds another segment by now
        bench.journal.done([key for key, _ in bench.journal.peek(False, 15)])
    before = bench.seqs(False)
    assert rows[0][0][3] % 1024 in bench.blocks()
    bench.journal.done([key for key, _ in rows])
    assert bench.seqs(False) == before


def test_a_block_goes_when_all_is_done_and_the_newest_one_takes_more():
    bench = Bench()
    bench.add(False, range(60))
    assert len(bench.blocks()) == 3
    bench.journal.done([key for key, _ in bench.journal.peek(False, 60)])
    assert bench.journal.count(False) == 0 and len(bench.journal._rows[2]) == 1
    bench.restart()
    assert bench.seqs(False) == []
    erases = bench.flash.erases
    bench.idle = False
    bench.add(False, [60])
    assert bench.seqs(False) == [60] and bench.flash.erases == erases


def test_the_first_look_writes_nothing():
    bench = Bench()
    bench.add(False, range(400))
    bench.add(True, range(1000, 1010), PANIC)
    bench.journal.done([key for key, _ in bench.journal.peek(False, 60)])
    bench.restart()
    bench.seqs(True)
    assert bench.flash.operations == 0


# --- room


def test_when_full_old_positions_are_thinned_and_recent_ones_stay():
    bench = Bench()
    bench.add(False, range(500))
    seqs = bench.seqs(False)
    assert seqs == sorted(seqs) and len(seqs) == bench.journal.count(False)
    assert bench.journal.thinned == 500 - len(seqs) > 0
    assert seqs[-100:] == list(range(400, 500))  # the recent half is whole
    assert seqs[0] < 8  # the oldest are thinner, not gone
    assert len(bench.journal._rows[2]) <= 12
    assert 20 < len([seq for seq in seqs if seq < 250]) < 140
    bench.restart()
    assert bench.seqs(False) == seqs and bench.journal.count(False) == len(seqs)


def test_thinning_takes_positions_and_tracks_before_anything_else():
    bench = Bench()
    for seq in range(0, 500, 10):
        bench.add(False, range(seq, seq + 9))
        bench.add(False, [seq + 9], report.KIND_HEALTH)
    seqs = bench.seqs(False)
    assert bench.journal.thinned > 0
    assert [seq for seq in range(9, 500, 10) if seq not in seqs] == []


def test_thinning_without_an_idle_moment_is_done_all_the_same():
    bench = Bench(idle=False)
    bench.add(False, range(500))
    assert bench.journal.thinned > 0 and bench.seqs(False)[-100:] == list(range(400, 500))


def test_keys_of_a_thinned_segment_mark_nothing_else():
    """Places mean other records after a merge: an old key must not drop one of them."""
    bench = Bench()
    bench.add(False, range(250))
    old = bench.journal.peek(False, 1000)
    bench.add(False, range(250, 420))
    now = bench.journal.peek(False, 1000)
    assert bench.journal.thinned > 0
    moved = [key for key, _ in old if key not in [key for key, _ in now]]
    assert len(moved) > 30
    bench.journal.done(moved)
    assert bench.journal.peek(False, 1000) == now


def test_peek_behind_a_key_whose_segment_was_merged():
    bench = Bench()
    bench.add(False, range(250))
    first = bench.journal.peek(False, 1)[0][0]
    bench.add(False, range(250, 420))
    rows = bench.journal.peek(False, 1000, first)
    assert rows[-1][0][1] == 419 and len(rows) > 100


def test_bulk_never_takes_urgent_room():
    bench = Bench()
    bench.add(False, range(500))
    thinned = bench.journal.thinned
    bench.add(True, range(1000, 1050), STATUS)
    assert bench.seqs(True) == list(range(1000, 1050)) and bench.journal.thinned == thinned
    bench.add(False, range(2000, 2200))
    assert bench.seqs(True) == list(range(1000, 1050)) and bench.journal.thinned > thinned


def test_urgent_takes_bulk_room_and_panics_have_their_own():
    for idle in (True, False):
        bench = Bench(idle=idle)
        bench.add(False, range(300))
        stored = []
        with raises(OSError) as caught:
            for seq in range(1000, 3000):
                bench.add(True, [seq], STATUS)
                stored.append(seq)
        assert caught.value.args[0] == ENOSPC
        assert bench.seqs(True) == stored and len(stored) > 350
        assert bench.journal.count(False) == 0
        bench.add(True, range(5000, 5030), PANIC)
        with raises(OSError):
            bench.add(False, [1])
        assert bench.seqs(True) == list(range(5000, 5030)) + stored
        bench.journal.done([key for key, _ in bench.journal.peek(True, 60)])
        bench.add(True, [6000], STATUS)
        bench.restart()
        assert bench.seqs(True)[-1] == 6000


def test_an_urgent_frame_waits_for_no_erase_even_when_all_is_full():
    bench = Bench()
    bench.add(False, range(600))
    for seq in range(1000, 1300):
        while bench.journal.prepare():
            pass
        erases = bench.flash.erases
        bench.journal.append(True, frame(seq, PANIC), 1, seq, PANIC)
        assert bench.flash.erases == erases, seq
    assert bench.seqs(True) == list(range(1000, 1300))


def test_what_is_prepared_is_kept_for_urgent_frames():
    """A storm of positions between two idle moments leaves erased blocks for alarms."""
    bench = Bench(idle=False)
    while bench.journal.prepare():
        pass
    bench.add(False, range(200))
    erases = bench.flash.erases
    bench.add(True, [1000], PANIC)
    bench.add(True, [1001], STATUS)
    assert bench.flash.erases == erases


def test_every_start_finds_what_was_there():
    """A long life: frames come and go in disorder, room runs out, power goes between any two of them."""
    bench = Bench()
    dice = 1
    for seq in range(3000):
        dice = dice * 69069 + 5 & 0xFFFFFFFF
        throw = dice >> 16
        if throw % 3:
            while bench.journal.prepare():
                pass
        urgent = throw % 5 == 0
        bench.idle = False
        try:
            bench.add(urgent, [seq], (PANIC if throw % 7 == 0 else STATUS) if urgent else throw % 4 or 4)
        except OSError:
            bench.journal.done([key for key, _ in bench.journal.peek(True, 300)])
        if throw % 11 == 0 and seq % 1000 < 700:
            rows = bench.journal.peek(urgent, 1 + throw % 37)
            bench.journal.done([key for key, _ in rows if (key[1] + throw) % 9])
        if throw % 6 == 0:
            before = [bench.journal.peek(urgent, 9999) for urgent in (True, False)]
            bench.restart_in_place()
            assert [bench.journal.peek(urgent, 9999) for urgent in (True, False)] == before, seq
            assert [bench.journal.count(urgent) for urgent in (True, False)] == [len(rows) for rows in before]
    assert bench.journal._blocks.damaged == 0


# --- cost


def cost(bench, call, n):
    """(most programs, most erases, programs in all) of n calls."""
    most = [0, 0]
    before = bench.flash.programs
    for i in range(n):
        while bench.journal.prepare():
            pass
        programs, erases = bench.flash.programs, bench.flash.erases
        call(i)
        most = max(most[0], bench.flash.programs - programs), max(most[1], bench.flash.erases - erases)
    return most[0], most[1], bench.flash.programs - before


def test_a_record_costs_three_programs_at_most_and_no_erase():
    bench = Bench(blocks=90, bulk=80 * SIZE)
    for size in (1, 126, 300, 440):
        for urgent, kind in ((True, PANIC), (True, STATUS), (False, 1)):

            def append(i, urgent=urgent, data=bytes(size), kind=kind):
                bench.journal.append(urgent, data, 2, i, kind)

            programs, erases, _ = cost(bench, append, 60)
            assert programs <= 3 and erases == 0, (size, kind, programs, erases)


def test_done_costs_a_program_and_freeing_a_block_one_more():
    bench = Bench(blocks=90, bulk=80 * SIZE)
    bench.add(False, range(300))
    keys = [key for key, _ in bench.journal.peek(False, 1000)]
    programs, erases, all = cost(bench, lambda i: bench.journal.done([keys[i]]), 300)
    assert programs <= 2 and erases == 0 and all <= 300 + len(bench.flash.wear)


def test_blocks_age_alike():
    """Frames come and go for a long time, with a backlog that stays, and with restarts."""
    bench = Bench()
    bench.add(True, range(20), STATUS)
    for seq in range(0, 6000, 6):
        bench.add(False, range(seq, seq + 6))
        bench.journal.done([key for key, _ in bench.journal.peek(False, 6)])
        if seq % 60 == 0:
            bench.restart_in_place()
    wear = sorted(bench.flash.wear)
    held = len(bench.blocks(True))
    assert wear[held] * 2 >= wear[-1], wear
    assert sum(wear) < 6000 / 17 + 100 * 5 + 60, sum(wear)


# --- damage


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
