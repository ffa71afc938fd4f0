"""Each case is held to more than its own story: the checkers look at the whole of it, once what was under way
has had its time to arrive."""

from pathlib import Path

import pytest

from hwsim.conformance import signs
from hwsim.conformance.case import Case
from hwsim.conformance.runner import FAILED, PASSED, play
from hwsim.conformance.shelf import Shelf


@pytest.fixture(scope="module")
def shelf():
    return Shelf()


def story(tell, **options):
    return Case("X-01", ("officer.panic",), "X-02", tell, "a story", "", **options)


def test_a_terminal_whose_flash_is_put_back_uses_its_numbers_twice(shelf):
    """Nothing that this story asks for is missing."""

    def tell(s):
        s.working()
        flash = Path(s.car.terminal.flash.path)
        before = flash.read_bytes()
        s.cut_power(1)
        s.expect(signs.stored("health"), 25)
        s.car.terminal.power_off()
        flash.write_bytes(before)
        s.power_on()
        s.wait(15)

    result = play(story(tell), shelf)
    assert result.verdict == FAILED
    assert result.sentence.startswith("beside the story: "), result.sentence
    assert "nonce" in result.sentence or "name used twice" in result.sentence


def in_an_outage(s):
    s.working()
    s.outage(True)
    s.press("busy")
    s.wait(3)


def test_what_is_under_way_when_the_story_ends_has_its_time_to_arrive(shelf):
    result = play(story(in_an_outage), shelf)
    assert (result.verdict, result.sentence) == (PASSED, "")
    assert result.ended_us - result.began_us == 3_000_000, "the picture shows the story"
    assert any(seen.what == "stored" and seen.at_us > result.ended_us for seen in result.seen)


def test_what_never_arrives_is_lost_unless_the_case_says_why(shelf):
    def tell(s):
        in_an_outage(s)
        s.rig.network.partition = lambda on: None  # and the way stays cut

    assert "lost" in play(story(tell), shelf).sentence
    assert play(story(tell, lost="the way stays cut"), shelf).verdict == PASSED
