# runs on: micropython
"""The journal: order, marks, room, and every refusal, on a real littlefs."""

import gc
import os

from firmware.journal import Journal
from firmware.segment import SIZE
from protocol import report
from protocol.errors import Misuse
from tests.firmware.journal_bench import BULK, ENOSPC, ROOM, Bench, frame
from tests.portable import raises


def test_frames_come_back_in_order_and_whole():
    bench = Bench()
    bench.add(False, range(30))
    bench.add(True, range(30, 33), report.KIND_STATUS)
    for _ in range(2):
        assert bench.journal.count(False) == 30 and bench.journal.count(True) == 3
        rows = bench.journal.peek(False, 100)
        assert [data for _, data in rows] == [frame(seq) for seq in range(30)]
        assert [key[:2] for key, _ in rows] == [(1, seq) for seq in range(30)]
        assert bench.seqs(True) == [30, 31, 32]
        bench.restart()


def test_panics_go_before_older_statuses():
    bench = Bench()
    bench.add(True, range(3), report.KIND_STATUS)
    bench.add(True, [3], report.KIND_PANIC)
    bench.add(True, [4], report.KIND_STATUS)
    assert bench.seqs(True) == [3, 0, 1, 2, 4]
    bench.restart()
    assert bench.seqs(True) == [3, 0, 1, 2, 4]


def test_peek_goes_on_behind_a_key():
    bench = Bench()
    bench.add(False, range(50))
    seen = []
    after = None
    while True:
        rows = bench.journal.peek(False, 7, after)
        if not rows:
            break
        assert len(rows) == 7 or seen[-1:] == [48]
        seen += [key[1] for key, _ in rows]
        after = rows[-1][0]
    assert seen == list(range(50))


def test_done_is_remembered_and_only_done_is():
    bench = Bench()
    bench.add(False, range(40))
    rows = bench.journal.peek(False, 100)
    bench.journal.done([rows[i][0] for i in (0, 1, 2, 7, 30)])
    left = [seq for seq in range(40) if seq not in (0, 1, 2, 7, 30)]
    assert bench.seqs(False) == left and bench.journal.count(False) == 35
    bench.restart()
    assert bench.seqs(False) == left
    bench.add(False, [40])
    bench.restart()
    assert bench.seqs(False) == left + [40]


def test_a_segment_goes_when_all_is_done():
    bench = Bench()
    bench.add(False, range(60))
    assert len(bench.files()) == 3
    bench.journal.done([key for key, _ in bench.journal.peek(False, 60)])
    assert bench.journal.count(False) == 0
    assert [name for name in bench.files() if name[0] == "b"] == []
    bench.restart()
    assert bench.seqs(False) == []
    bench.add(False, [60])
    assert bench.seqs(False) == [60]


def test_done_twice_and_done_of_something_gone_do_nothing():
    bench = Bench()
    bench.add(False, range(5))
    rows = bench.journal.peek(False, 2)
    for _ in range(2):
        bench.journal.done([key for key, _ in rows])
        assert bench.seqs(False) == [2, 3, 4]
    bench.journal.done([])


def test_a_number_of_a_mark_is_not_given_again():
    """A stale mark on a new segment would lose the frames in it."""
    bench = Bench()
    bench.add(False, range(3))
    bench.journal.done([bench.journal.peek(False, 1)[0][0]])
    for name in bench.files():
        if name[0] == "b":
            os.remove(ROOM + "/j/" + name)
    bench.restart()
    bench.add(False, range(10, 13))
    bench.restart()
    assert bench.seqs(False) == [10, 11, 12]


def test_when_full_old_positions_are_thinned_and_recent_ones_stay():
    bench = Bench()
    bench.add(False, range(400))
    seqs = bench.seqs(False)
    assert seqs == sorted(seqs) and len(seqs) == bench.journal.count(False)
    assert bench.journal.thinned == 400 - len(seqs) > 0
    assert seqs[-80:] == list(range(320, 400))  # the recent half is whole
    assert seqs[0] < 8  # the oldest are thinner, not gone
    assert len([name for name in bench.files() if name[0] == "b"]) <= 12
    old = [seq for seq in seqs if seq < 200]
    assert 20 < len(old) < 120
    bench.restart()
    assert bench.seqs(False) == seqs


def test_thinning_takes_positions_before_anything_else():
    bench = Bench()
    for seq in range(0, 500, 10):
        bench.add(False, range(seq, seq + 9))
        bench.add(False, [seq + 9], report.KIND_HEALTH)
    seqs = bench.seqs(False)
    assert bench.journal.thinned > 0
    assert [seq for seq in range(9, 500, 10) if seq not in seqs] == []


def test_keys_of_a_thinned_segment_mark_nothing_else():
    """Places mean other records after a merge: an old key must not drop one of them."""
    bench = Bench()
    bench.add(False, range(200))
    old = bench.journal.peek(False, 1000)
    bench.add(False, range(200, 420))
    now = bench.seqs(False)
    assert bench.journal.thinned > 0
    merged = [key for key, _ in old if key[2] not in [part for row in bench.journal._lanes for part in row]]
    assert len(merged) > 30
    bench.journal.done(merged)
    assert bench.seqs(False) == now
    bench.journal.done([key for key, _ in old])
    assert [seq for seq in bench.seqs(False) if seq >= 200] == [seq for seq in now if seq >= 200]


def test_peek_behind_a_key_whose_segment_was_merged():
    bench = Bench()
    bench.add(False, range(200))
    first = bench.journal.peek(False, 1)[0][0]
    bench.add(False, range(200, 420))
    rows = bench.journal.peek(False, 1000, first)
    assert rows[-1][0][1] == 419 and len(rows) > 100


def test_bulk_never_takes_urgent_room():
    bench = Bench()
    bench.add(False, range(400))
    bench.add(True, range(1000, 1050), report.KIND_STATUS)
    thinned = bench.journal.thinned
    assert bench.seqs(True) == list(range(1000, 1050))
    bench.add(False, range(2000, 2200))
    assert bench.seqs(True) == list(range(1000, 1050)) and bench.journal.thinned > thinned


def test_urgent_takes_bulk_room_and_panics_have_their_own():
    bench = Bench()
    bench.add(False, range(300))
    stored = []
    with raises(OSError) as caught:
        for seq in range(1000, 3000):
            bench.add(True, [seq], report.KIND_STATUS)
            stored.append(seq)
    assert caught.value.errno == ENOSPC
    assert bench.seqs(True) == stored and len(stored) > 250
    assert bench.journal.count(False) == 0
    bench.add(False, range(30))  # what is kept for panics may hold bulk until a panic comes
    bench.add(True, range(5000, 5030), report.KIND_PANIC)
    assert bench.journal.count(False) == 0
    with raises(OSError):
        bench.add(False, [1])
    assert bench.seqs(True) == list(range(5000, 5030)) + stored
    bench.journal.done([key for key, _ in bench.journal.peek(True, 60)])
    bench.add(True, [6000], report.KIND_STATUS)
    bench.restart()
    assert bench.seqs(True)[-1] == 6000


def test_a_file_system_with_less_room_than_promised():
    """Others have filled the flash: bulk gives way, urgent frames are stored."""
    bench = Bench(blocks=24)
    bench.add(False, range(200))
    with open(ROOM + "/filler", "wb") as file:
        try:
            while True:
                file.write(bytes(1024))
                file.flush()
        except OSError as error:
            assert error.errno == ENOSPC
    bench.add(True, range(1000, 1040), report.KIND_STATUS)
    assert bench.seqs(True) == list(range(1000, 1040))
    bench.restart()
    assert bench.seqs(True) == list(range(1000, 1040))


def damage(bench, name, change):
    path = ROOM + "/j/" + name
    with open(path, "rb") as file:
        data = bytearray(file.read())
    data = change(data)
    with open(path, "wb") as file:
        file.write(data)
    bench.restart()


def test_a_damaged_record_costs_itself_only():
    for at in (0, 2, 3, 15, 40):
        bench = Bench()
        bench.add(False, range(10))

        def flip(data, at=at):
            data[at + len(data) // 10 * 4] ^= 0x40
            return data

        damage(bench, bench.files()[0], flip)
        assert bench.seqs(False) == [0, 1, 2, 3, 5, 6, 7, 8, 9], at
        assert bench.journal.damaged == 1
        bench.add(False, [10])
        bench.restart()
        assert bench.seqs(False) == [0, 1, 2, 3, 5, 6, 7, 8, 9, 10]


def test_a_torn_tail_is_left_out_and_built_on():
    bench = Bench()
    bench.add(False, range(10))
    damage(bench, bench.files()[0], lambda data: data[:-20])
    assert bench.seqs(False) == list(range(9))
    bench.add(False, [10])
    bench.restart()
    assert bench.seqs(False) == list(range(9)) + [10]


def test_rot_after_start_is_skipped_when_it_is_read():
    bench = Bench()
    bench.add(False, range(3))
    name = bench.files()[0]
    with open(ROOM + "/j/" + name, "r+b") as file:
        file.seek(30)
        file.write(b"\x00\x00")
    assert bench.seqs(False) == [1, 2]
    assert bench.journal.damaged == 1 and bench.journal.count(False) == 2


def test_foreign_and_broken_files_do_not_stop_the_start():
    bench = Bench()
    bench.add(False, range(3))
    bench.journal.done([bench.journal.peek(False, 1)[0][0]])
    for name in ("new", "bogus", "bxxxxxxxx", "b00000077", "p00000078", "done"):
        with open(ROOM + "/j/" + name, "wb") as file:
            file.write(b"\xa7" * 100)
    bench.restart()
    assert bench.seqs(False) == [0, 1, 2]  # marks are gone: a repeat, not a loss
    assert "new" not in bench.files() and "b00000077" not in bench.files()
    bench.add(False, [3])
    assert bench.seqs(False) == [0, 1, 2, 3]


def test_a_record_costs_two_erases_at_most():
    bench = Bench(blocks=64)
    programs, erases = bench.flash.programs, bench.flash.erases
    bench.add(False, range(100))
    programs, erases = bench.flash.programs - programs, bench.flash.erases - erases
    assert erases <= 150, erases
    assert programs <= 100 * 24, programs  # half a segment of 16 pages, in the halves littlefs writes


def test_what_is_done_frame_by_frame_costs_little():
    bench = Bench(blocks=64)
    bench.add(False, range(60))
    keys = [key for key, _ in bench.journal.peek(False, 60)]
    programs, erases = bench.flash.programs, bench.flash.erases
    for key in keys:
        bench.journal.done([key])
    assert bench.flash.erases - erases <= 6, bench.flash.erases - erases
    assert bench.flash.programs - programs <= 60 * 4, bench.flash.programs - programs


def test_ram_holds_places_only():
    bench = Bench(blocks=80, urgent=8 * SIZE, bulk=56 * SIZE)
    gc.collect()
    before = gc.mem_alloc()
    bench.add(False, range(900))
    gc.collect()
    held = gc.mem_alloc() - before
    assert bench.journal.count(False) > 850
    assert held < 900 * 24, held  # a 64-bit build: half of it on the chip


def test_our_own_mistakes_are_named():
    bench = Bench()
    with raises(Misuse):
        bench.journal.append(False, bytes(441), 1, 1)
    with raises(Misuse):
        bench.journal.append(False, b"", 1, 1)
    with raises(Misuse):
        Journal(ROOM + "/j", SIZE, BULK)


def test_a_file_that_cannot_be_read_does_not_block_those_behind_it():
    bench = Bench()
    bench.add(True, [0], report.KIND_PANIC)
    bench.add(True, [1], report.KIND_STATUS)
    first = bench.journal.peek(True, 1)[0][0][2]
    whole = first.path
    first.path += "gone"
    assert bench.seqs(True) == [1]
    bench.journal.done([bench.journal.peek(True, 1)[0][0]])
    with raises(OSError):
        bench.journal.peek(True, 1)
    first.path = whole
    assert bench.seqs(True) == [0]
