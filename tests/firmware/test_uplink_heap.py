# runs on: micropython
"""A heap that has no room for a moment, wherever that is: what lies on flash is sent all the same, and no
place of the urgent lane stays taken."""

from firmware.outbox import SLOTS
from protocol.report import KIND_STATUS
from tests.firmware.uplink_bench import Bench
from tests.portable import raises


def no_room(*_):
    raise MemoryError


def linked():
    bench = Bench()
    bench.run(3000)
    return bench


def test_a_frame_that_finds_no_place_in_memory_comes_from_the_journal():
    bench = linked()
    lane = bench.uplink._lane
    add = lane.add
    for seq in range(2 * SLOTS):
        lane.add = no_room
        with raises(MemoryError):
            bench.say(seq, KIND_STATUS)
        lane.add = add
    assert len(bench.uplink.urgent.jobs) == 0, "nobody would ever take them out"
    bench.run(3000)
    assert sorted(bench.stored) == [(1, seq) for seq in range(2 * SLOTS)]
    assert bench.journal.count(True) == 0


def test_a_look_at_the_journal_that_ends_in_the_middle_is_done_again():
    bench = linked()
    bench.modem.set_up(False)
    for seq in range(SLOTS + 2):
        bench.say(seq, KIND_STATUS)
    bench.modem.set_up(True)
    peek = bench.journal.peek
    bench.journal.peek = no_room
    for _ in range(3):
        with raises(MemoryError):
            bench.run(2000)
    bench.journal.peek = peek
    bench.run(3000)
    assert len(bench.stored) == SLOTS + 2 and bench.journal.count(True) == 0


def test_wake_finds_what_came_to_flash_later():
    """As a frame that the builder held."""
    bench = linked()
    uplink_frame, bench.uplink.frame = bench.uplink.frame, lambda *_: None
    bench.say(0, KIND_STATUS)
    bench.say(1)
    bench.uplink.frame = uplink_frame
    bench.run(5000)
    assert bench.stored == {}, "nobody told the uplink"
    bench.uplink.wake()
    bench.run(3000)
    assert sorted(bench.stored) == [(1, 0), (1, 1)]
