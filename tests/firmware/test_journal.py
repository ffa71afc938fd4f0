# runs on: both
"""The journal: order, marks, and what is done."""

from protocol import report
from tests.firmware.journal_bench import Bench
from tests.firmware.journal_frames import frame

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
