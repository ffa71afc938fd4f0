# runs on: both
"""The journal's room: thinning, what is kept for whom, starts when it is full."""

from protocol import report
from tests.firmware.journal_bench import ENOSPC, Bench
from tests.firmware.journal_frames import frame
from tests.portable import raises

STATUS, PANIC = report.KIND_STATUS, report.KIND_PANIC


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
