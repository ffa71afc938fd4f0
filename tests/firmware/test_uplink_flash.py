# runs on: micropython
"""Frames on their way while flash is worn out or can't be read: what an alarm needs is not on it alone."""

from firmware.session import LOW
from protocol.report import KIND_PANIC, KIND_POSITION, KIND_STATUS
from tests.firmware.uplink_bench import left, linked


def test_worn_out_flash_does_not_stop_a_panic():
    """The journal refuses it, no number can be reserved: the frame goes out from memory all the same."""
    bench = linked()
    bench.say(0, KIND_STATUS)
    bench.run(1000)
    bench.wear_out_flash()
    bench.say(1, KIND_PANIC)
    bench.run(1000)
    assert bench.stored == {(1, 0): 1, (1, 1): 1} and bench.when("stored", 1) is not None
    for seq in range(2, 9):
        bench.say(seq, KIND_PANIC)
    assert bench.uplink.unsaved == 3, "four fit into memory; the oldest gave way, and it is counted"


def test_worn_out_flash_and_a_long_outage_leave_numbers_for_a_new_panic():
    """What is renewed again and again does not use up what a key still to be pressed needs."""
    bench = linked()
    bench.wear_out_flash()
    bench.deaf = True
    bench.say(0, KIND_PANIC)
    bench.say(1, KIND_STATUS)
    for _ in range(60):
        bench.run(60000)
        bench.sent_log.clear()
    bench.say(2, KIND_PANIC)
    bench.deaf = False
    bench.run(3000)
    assert sorted(bench.stored) == [(1, 0), (1, 1), (1, 2)], bench.stored


def test_flash_that_takes_no_numbers_is_asked_seldom():
    """Each try erases blocks. Whatever waits does not wear them out in a day; and is not forgotten either."""
    for kind, pause_s in ((KIND_POSITION, 60), (KIND_PANIC, 10)):
        bench = linked()
        bench.flash.worn_out = True
        seq = 0
        while bench.session.left() and seq < 400:
            bench.say(seq, KIND_POSITION if bench.session.left() >= LOW else KIND_STATUS)
            bench.run(100)
            seq += 1
        bench.say(seq, kind)
        bench.run(1000)
        before = bench.session.flash_errors
        assert before and (1, seq) not in bench.stored, "no number is left, and none may be used"
        bench.run(600_000)
        tries = bench.session.flash_errors - before
        assert 600 // pause_s - 2 <= tries <= 600 // pause_s + 2, tries
        bench.flash.worn_out = False
        bench.run(2 * pause_s * 1000)
        assert (1, seq) in bench.stored


def test_unreadable_flash_does_not_stop_a_panic():
    bench = linked()
    bench.modem.set_up(False)
    bench.say(0, KIND_STATUS)
    bench.say(1)
    bench.break_flash()
    bench.say(2, KIND_PANIC)
    bench.modem.set_up(True)
    bench.run(2000)
    assert (1, 2) in bench.stored
    bench.break_flash(False)
    bench.run(60000)
    assert sorted(bench.stored) == [(1, 0), (1, 1), (1, 2)] and left(bench) == (0, 0)


def test_an_unreadable_block_keeps_back_only_the_positions_in_it():
    bench = linked()
    bench.modem.set_up(False)
    bench.run(100)
    for seq in range(40):
        bench.say(seq)
    keys = [key for key, _ in bench.journal.peek(False, 100)]
    inside = [key for key in keys if key[3] == keys[-1][3]]
    assert 0 < len(inside) < 40
    bench.journal_flash.unreadable = (keys[-1][3] % 1024,)
    bench.modem.set_up(True)
    bench.run(60000)
    assert len(bench.stored) == 40 - len(inside) and left(bench) == (0, len(inside)), bench.stored
