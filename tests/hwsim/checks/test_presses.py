"""What a key press must lead to, on made-up recordings."""

from hwsim.checks.excuses import WORN_OUT
from hwsim.checks.recording import Fault, Life
from tests.hwsim.checks.made_up import PANIC, S, Story, day


def test_a_day_without_fault_has_no_violation():
    assert day().rules() == []


def test_a_press_that_nobody_reported_is_lost():
    story = day()
    story.press("off_duty", 90)
    assert story.rules() == ["lost press"]
    assert story.rules(drained=False) == []


def test_a_tap_too_short_to_count_need_not_be_reported():
    story = day()
    story.press("off_duty", 90, 0.03)
    assert story.rules() == []


def test_an_alarm_that_nobody_reported_is_lost_and_a_short_hold_is_none():
    story = day()
    story.press("panic", 100, 0.4)
    assert story.rules() == []
    story.press("panic", 120, 0.8)
    assert "lost press" in story.rules()


def test_a_hold_as_long_as_the_limit_may_count_or_not():
    for reported in (False, True):
        story = day()
        story.press("panic", 100, 0.62)
        if reported:
            story.report(101, panic=PANIC + 1)
        assert "lost press" not in story.rules()
        assert "phantom press" not in story.rules()


def test_the_hold_is_the_one_of_the_settings():
    story = Story(panic_hold_ms=2000)
    story.press("panic", 100, 1.0)
    assert story.rules() == []
    story.press("panic", 120, 2.5)
    assert "lost press" in story.rules()


def test_an_alarm_or_a_status_that_nobody_pressed():
    story = day()
    story.report(100, panic=PANIC + 1)
    assert story.rules() == ["phantom press"]
    story = day()
    story.report(100, status=5)
    assert story.rules(drained=False) == ["phantom press"]


def test_an_alarm_raised_again_under_its_own_id_is_no_other():
    story = day()
    story.report(40, panic=PANIC)
    assert story.rules() == []


def test_persons_are_counted_one_for_each_tap():
    story = day()
    story.press("event", 100)
    story.press("event", 101)
    story.report(105, event=(1, 1))
    assert story.rules() == ["lost press"]
    story = day()
    story.press("event", 100)
    story.report(105, event=(1, 2))
    assert story.rules() == ["phantom press"]


def test_a_press_around_a_loss_of_power_may_count_or_not_and_one_before_it_must():
    for pressed_s, wrong in ((98.9, []), (90, ["lost press"]), (101, [])):
        story = day()
        story.car.lives[0].ended_us = 100 * S
        story.car.lives[0].end = "power"
        story.car.lives.append(Life(102 * S, ready_us=104 * S))
        story.press("off_duty", pressed_s)
        assert story.rules() == wrong, pressed_s


def test_counting_that_power_interrupts_may_be_lost_whole():
    story = day()
    story.press("event", 96.5)
    story.press("event", 98)  # counting would be over at 100 s
    story.car.lives[0].ended_us = 99 * S
    story.car.lives[0].end = "power"
    assert story.rules() == []


def test_a_dead_task_excuses_a_lost_press_for_a_minute_and_no_longer():
    for after_s, wrong in ((20, []), (70, ["lost press"])):
        story = day()
        story.recording.faults.append(Fault(100 * S, "task_death", "sm-21"))
        story.press("off_duty", 100 + after_s)
        assert story.rules() == wrong
    story.recording.faults[0].car = "ba-07"
    assert story.rules() == ["lost press"]


def test_what_was_done_to_flash_excuses_the_press_that_waited_on_it_and_no_other():
    """A press at 100 s, power lost at 200 s; the link has worked at 130 s."""
    for what, at_s, times, wrong in (
        ("flash_rot", 110, 1, []),
        ("flash_rot", 90, 1, ["lost press"]),
        ("flash_rot", 270, 1, ["lost press"]),
        ("flash_full", 90, 1, ["lost press"]),
        ("flash_worn", 90, 1, ["lost press"]),
        ("flash_worn", 90, WORN_OUT, []),
    ):
        story = day()
        story.press("off_duty", 100)
        story.report(130)
        story.car.lives[0].ended_us = 200 * S
        story.car.lives[0].end = "power"
        story.recording.faults += [Fault(at_s * S, what, "sm-21")] * times
        assert story.rules() == wrong, (what, at_s, times)


def test_statuses_come_in_the_order_of_their_keys():
    story = Story()
    story.press("available", 10)
    story.press("busy", 12)
    story.report(12.1, status=4)
    story.report(12.2, status=1)
    assert story.rules() == ["order of presses"]


def test_a_key_that_is_stuck_counts_again_at_each_start_after_what_was_pressed_in_between():
    for order, wrong in (((5, 4, 5), []), ((5, 5, 4), ["order of presses"])):
        story = Story()
        story.press("off_duty", 10, 120)
        story.press("busy", 50)
        story.car.lives[0].ended_us = 100 * S
        story.car.lives[0].end = "power"
        story.car.lives.append(Life(102 * S, ready_us=104 * S))
        for at_s, boot, seq, status in zip((10.3, 50.3, 104.3), (1, 1, 2), (0, 1, 0), order, strict=True):
            story.seq = seq
            story.report(at_s, boot=boot, status=status)
        assert story.rules() == wrong


def test_keys_of_a_chord_have_no_order():
    story = Story()
    story.press("available", 10)
    story.press("busy", 10.1)
    story.report(12.1, status=4)
    story.report(12.2, status=1)
    assert story.rules() == []


def test_keys_mean_what_the_settings_say():
    story = Story(keys={"busy": "available", "available": ""})
    story.press("available", 10)
    story.report(11, status=4)
    assert story.rules() == []
    story = Story(keys={"busy": ""})
    story.press("busy", 10)
    assert story.rules() == []
