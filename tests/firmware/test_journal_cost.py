# runs on: both
"""What the journal costs: programs, erases, and that all blocks age alike."""

from firmware.segment import SIZE
from protocol import report
from tests.firmware.journal_bench import Bench

STATUS, PANIC = report.KIND_STATUS, report.KIND_PANIC


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
