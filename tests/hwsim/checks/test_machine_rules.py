"""Life, watchdog, flash, and what goes unprotected: on made-up recordings."""

from hwsim.checks.recording import Fault, Life
from tests.hwsim.checks.made_up import S, day


def _ended(story, at_s, end):
    story.car.lives[0].ended_us, story.car.lives[0].end = at_s * S, end
    story.car.lives.append(Life(at_s * S + 1, end, ready_us=(at_s + 3) * S))


def test_a_watchdog_that_bites_for_nothing():
    for end in ("watchdog", "died"):
        story = day()
        _ended(story, 120, end)
        assert story.rules() == ["alive"]
        story.recording.faults.append(Fault(110 * S, "task_hang", "sm-21"))
        assert story.rules() == []
    story = day()
    _ended(story, 120, "power")
    assert story.rules() == []


def test_a_start_that_never_serves():
    story = day()
    _ended(story, 120, "power")
    story.car.lives[1].ready_us = float("inf")
    assert story.rules() == ["start"]
    starved = Fault(119 * S, "heap_exhaustion", "sm-21")
    story.recording.faults.append(starved)
    assert story.rules() == ["start"], "that was before this start"
    starved.at_us = 121 * S
    assert story.rules() == ["start"], "and it was not tried again"
    story.car.lives[1].ended_us, story.car.lives[1].end = 151 * S, "reset"
    story.car.lives.append(Life(151 * S, "soft", ready_us=154 * S))
    assert story.rules() == []
    story.car.lives.pop()
    story.recording.faults.clear()
    story.car.lives[1].ended_us = 125 * S  # power went before it could
    assert story.rules() == []


def test_a_hang_that_nobody_notices():
    story = day()
    story.recording.faults.append(Fault(100 * S, "task_hang", "sm-21", hangs="program"))
    assert story.rules() == ["watchdog"]
    _ended(story, 112, "watchdog")
    assert story.rules() == []
    story.car.lives[0].ended_us = 114 * S
    assert story.rules() == ["watchdog"], "eight seconds and a margin"
    story.recording.faults[0].hangs = "task"
    assert story.rules() == [], "a task has half a minute to report"
    story.car.lives[0].ended_us = 144 * S
    assert story.rules() == ["watchdog"]


def test_flash_is_erased_before_it_is_programmed_and_spared():
    story = day()
    story.car.wear.set_again = 1
    assert story.rules() == ["flash"]
    for part, most in (("programs", 88), ("erases", 13.25), ("file_programs", 80), ("file_erases", 6)):
        story = day()
        frames = len(story.car.frames)
        budget = most + {"programs": 4, "erases": 0.125}.get(part, 0) * (frames - 10)
        setattr(story.car.wear, part, int(budget))
        assert story.rules() == [], part
        setattr(story.car.wear, part, int(budget) + 1)
        assert story.rules() == ["flash wear"], part
        story.car.handshakes += [(1, 1, b"a"), (2, 1, b"b")]
        story.car.sealed = 200
        assert story.rules() == ([] if part.startswith("file") else ["flash wear"]), part


def test_files_on_a_worn_root_may_cost_twice_as_many_programs_and_more_erases():
    story = day()
    story.car.wear.root_worn = 1
    story.car.wear.file_programs, story.car.wear.file_erases = 160, 40
    assert story.rules() == []
    story.car.wear.file_erases = 41
    assert story.rules() == ["flash wear"]
    story.car.wear.file_programs, story.car.wear.file_erases = 161, 40
    assert story.rules() == ["flash wear"]


def test_what_leaves_without_protection():
    story = day()
    story.car.naked.append((9 * S, "a request to /f, 120 bytes"))
    assert story.rules() == ["unprotected"]
    story.recording.faults.append(Fault(5 * S, "uart_noise", "sm-21"))
    assert story.rules() == [], "it may have been another datagram before the wire changed it"
    story = day()
    story.recording.amplified.append((9 * S, "sm-21", 40, 41))
    assert story.rules() == ["amplified"]
    story.recording.faults.append(Fault(9 * S - 1000, "forged", "sm-21"))
    assert story.rules() == [], "that was not headquarters"
    story.recording.faults[0].at_us = 7 * S
    assert story.rules() == ["amplified"]


def test_a_key_share_of_an_earlier_start():
    story = day()
    story.car.handshakes += [(1 * S, 1, b"x"), (2 * S, 1, b"x"), (3 * S, 2, b"y")]
    assert story.rules() == []
    story.car.handshakes.append((4 * S, 2, b"x"))
    assert story.rules() == ["nonce"]
