"""When a run is over: all answered and every frame heard, or nothing came any more."""

from types import SimpleNamespace

import pytest

from hwsim.load.flight import Flight
from tests.hwsim.load.small import stock

END_S, DRAIN_S = 100.0, 5.0


def ear(frames, different):
    return SimpleNamespace(frames=frames, different=lambda: different, socks=())


@pytest.fixture
def flight():
    made = Flight(stock(2, rate=10, seconds=1), None)
    made.answered = [0.5] * made.stock.total
    return made


def over(flight, now_s):
    return flight._over(now_s, END_S, DRAIN_S)


def test_it_ends_when_all_is_answered_and_nobody_listens(flight):
    assert not over(flight, END_S - 0.1)
    assert over(flight, END_S + 0.1)


def test_it_waits_for_an_answer_and_not_for_ever(flight):
    flight.answered[3] = -1.0
    assert not over(flight, END_S + DRAIN_S - 0.1)
    assert over(flight, END_S + DRAIN_S + 0.1)


def test_it_waits_for_what_is_to_be_heard_as_long_as_something_comes(flight):
    flight.ear = ear(9, 9)
    assert not over(flight, END_S + DRAIN_S - 0.1)
    flight.ear.frames = 9
    assert over(flight, END_S + 2 * DRAIN_S)
    flight.ear = ear(8, 8)
    flight._heard = 7
    assert not over(flight, END_S + 2 * DRAIN_S)  # one more came just now
    flight.ear = ear(10, 10)
    assert over(flight, END_S + 2 * DRAIN_S + 0.1)


def test_a_frame_that_came_twice_does_not_stand_for_one_that_is_missing(flight):
    flight.ear = ear(10, 9)
    assert not over(flight, END_S + 0.1)
    flight.ear = ear(11, 10)
    assert over(flight, END_S + 0.2)
