"""The lamp tells the truth, and an open alarm is shown: on made-up recordings."""

import pytest

from hwsim.checks.recording import ACKNOWLEDGED, STORED, Fault, Life, Light
from tests.hwsim.checks.made_up import PANIC, S, Story, day


def test_received_before_anything_was_received():
    story = day()
    story.car.facts[0].at_us += 3 * S
    assert story.rules() == ["buzzer", "lamp"]


def test_received_by_a_datagram_that_was_lost():
    story = day()
    story.car.facts = [fact for fact in story.car.facts if fact.stage != STORED]
    story.fact(STORED, 31.5, arrived=False)
    assert "lamp" in story.rules()


def test_one_of_two_alarms_received_is_not_received():
    story = Story()
    story.alarm(30, upto=STORED)
    story.press("panic", 100, 0.9)
    story.report(100.8, panic=PANIC + 1)
    assert "lamp" in story.rules(), "the lamp goes on blinking slowly"
    story.fact(STORED, 100.9, PANIC + 1)
    assert story.rules() == []


def test_steady_without_an_acknowledgement():
    story = Story()
    story.alarm(30, upto=STORED)
    story.car.lights[-1].to_us += 2 * S
    story.car.lights[-1].from_us -= S
    story.car.lights[-2].to_us = story.car.lights[-1].from_us
    assert story.rules() == ["lamp"]


def test_light_without_an_alarm_and_the_lamps_of_a_fault():
    story = Story()
    story.light(50, 60, 0.1)
    assert story.rules() == ["lamp"]
    story = Story()
    story.light(50, 60, 0.25)
    assert story.rules() == []
    story.car.lights[0].from_us += 90_000
    assert story.rules() == [], "the first of a row, cut short"
    story.car.lights.append(Light(70 * S, 70 * S + 160_000))
    assert story.rules() == ["lamp"], "and not one by itself"


@pytest.mark.parametrize("half_s", [0.1, 0.5, 5])
def test_light_after_the_last_alarm_was_cleared(half_s):
    story = day()
    story.light(150, 155, half_s)
    assert story.rules() == ["lamp"]
    for excuse in (
        lambda story: story.car.lives.append(Life(140 * S, ready_us=141 * S)),
        lambda story: story.recording.faults.append(Fault(140 * S, "task_death", "sm-21")),
        lambda story: story.press("panic", 149.5, 0.61),
    ):
        story = day()
        story.light(150, 155, 0.1)
        excuse(story)
        assert story.rules() == []


def test_a_flash_that_flash_made_longer_is_no_stage():
    story = Story(now_s=40)
    story.alarm(30, upto=STORED)
    story.car.lights[1].to_us += 80_000
    story.car.facts[0].at_us = 31 * S + 600_000
    assert story.rules() == []


def test_a_lamp_that_hangs_with_its_program_is_no_lie():
    story = Story()
    story.alarm(30, upto=STORED)
    light = story.car.lights[-3]
    light.to_us = light.from_us + 8 * S
    del story.car.lights[-2:]
    assert "lamp" in story.rules()
    life = story.car.lives[0]
    life.ended_us, life.end = light.to_us, "watchdog"
    assert "lamp" not in story.rules()


def test_tones_without_their_stage():
    story = Story()
    story.sound(20, 0.05)
    story.sound(30, 0.05, 0.05, 0.05)
    assert story.rules() == []
    story.sound(50, 0.6)
    assert story.rules() == ["buzzer"]
    story = Story()
    story.sound(50, 0.1, 0.1)
    assert story.rules() == ["buzzer"]


def test_a_tone_is_judged_by_its_own_beginning():
    """Two beeps of a busy program, and the long tone close behind."""
    story = Story()
    story.alarm(30)
    story.car.sounds.clear()
    story.car.facts[1].at_us = 32 * S
    story.recording.centre[0] = (31 * S, *story.recording.centre[0][1:])
    story.car.sounds += [Light(31_700_000, 31_799_000), Light(31_850_000, 31_988_000)]
    story.car.sounds.append(Light(32_200_000, 32_821_000))
    assert story.rules() == []
    story.car.facts[1].at_us = 32_300_000
    assert story.rules() == ["buzzer"]


def test_an_open_alarm_is_dark():
    story = Story()
    story.alarm(30, upto=ACKNOWLEDGED)
    assert story.rules() == []
    story.car.lights[-1].to_us = 200 * S
    assert story.rules() == ["dark lamp"]


def test_an_alarm_is_open_after_a_start_as_before():
    story = Story()
    story.alarm(30, upto=STORED)
    story.car.lights = [light for light in story.car.lights if light.from_us < 99 * S]
    story.car.lives[0].ended_us, story.car.lives[0].end = 99 * S, "power"
    story.car.lives.append(Life(101 * S, ready_us=104 * S))
    assert story.rules() == ["dark lamp"]
    story.light(105, 300, 0.5)
    assert story.rules() == []


def test_covert_is_dark_and_silent():
    story = Story(covert=True)
    story.press("panic", 30, 0.9)
    story.report(31, panic=PANIC)
    story.fact(STORED, 31.5)
    story.sound(20, 0.05)
    assert story.rules() == []
    story.sound(40, 0.05)
    assert story.rules() == ["covert"]
    story = Story(covert=True)
    story.car.lights.append(Light(5 * S, 5 * S + 100_000))
    assert "covert" in story.rules()
