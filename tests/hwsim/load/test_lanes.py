"""What is sent again is what terminals would send again, and no more."""

import pytest

from hwsim.load.lanes import Lanes
from hwsim.load.sealed import PANIC, POSITION, STATUS

P, S, A = POSITION, STATUS, PANIC


class Least:
    """The shortest of all pauses drawn by chance: 2 s before the first repetition."""

    def random(self):
        return 0.0


class Road:
    """Lanes, and what left them: (second, datagram)."""

    def __init__(self, kinds, terminals=1):
        self.done = bytearray(len(kinds))
        self.lanes = Lanes(kinds, self.done, terminals, Least())
        self.now_s = 0.0
        self.log = []

    def send(self, until, at_s):
        self.run(at_s)
        self.lanes.sent(until, at_s)

    def run(self, until_s, bulk=True):
        while self.now_s <= until_s:
            self.log += [(round(self.now_s, 2), index) for index in self.lanes.due(self.now_s, bulk)]
            self.now_s = round(self.now_s + 0.05, 2)

    def answer(self, index, at_s):
        self.run(at_s)
        self.done[index] = 1
        self.lanes.heard(index, at_s)

    def told(self, index, at_s):
        self.run(at_s)
        self.lanes.told(index, at_s)


def road(kinds, terminals=1):
    made = Road(kinds, terminals)
    made.send(len(kinds), 0.0)
    return made


def test_urgent_ones_come_every_half_second_until_they_are_answered():
    one = road([A])
    one.run(1.8)
    one.answer(0, 1.8)
    one.run(60)
    assert one.log == [(0.5, 0), (1.0, 0), (1.5, 0)]


def test_four_urgent_ones_of_a_terminal_are_repeated_and_then_the_next():
    one = road([S] * 6)
    one.run(0.6)
    assert [index for _, index in one.log] == [0, 1, 2, 3]
    one.answer(1, 0.7)
    one.run(1.1)
    assert [index for _, index in one.log[4:]] == [0, 2, 3, 4]
    other = road([S] * 6, terminals=6)
    other.run(0.6)
    assert [index for _, index in other.log] == [0, 1, 2, 3, 4, 5]


def test_bulk_backs_off_and_begins_anew_after_it_was_given_up():
    one = road([P])
    one.run(64)
    # RFC 7252 4.2, then the pause of protocol/backoff.py; the log's first is the second sending.
    assert [at_s for at_s, _ in one.log] == [2.0, 6.0, 14.0, 30.0, 64.0]


def test_the_first_pause_lies_between_two_seconds_and_three():
    class Most:
        def random(self):
            return 0.999999

    one = road([P])
    one.lanes._random = Most().random
    one.run(5)
    assert [at_s for at_s, _ in one.log] == [3.0]


def test_a_terminal_repeats_one_bulk_exchange_whatever_else_it_has():
    one = road([P] * 8)
    one.run(10)
    assert one.log == [(2.0, 0), (6.0, 0)]
    apart = road([P] * 8, terminals=8)  # as many terminals as datagrams
    apart.run(10)
    assert len(apart.log) == 16


def test_the_next_one_begins_when_the_one_before_is_answered():
    one = road([P] * 3)
    one.run(2.5)
    one.answer(0, 3.0)
    one.run(5.5)
    assert one.log == [(2.0, 0), (3.05, 1), (5.05, 1)]
    one.answer(1, 5.5)
    one.done[2] = 1
    one.run(60)
    assert one.log[3:] == []


def test_what_is_answered_in_time_costs_nothing_and_is_never_sent_again():
    one = road([P] * 4)
    for index in range(4):
        one.answer(index, 0.1)
    one.run(60)
    assert one.log == [] and one.lanes._bulk == {}


def test_a_terminal_told_to_wait_begins_anew_after_a_pause_that_grows():
    one = road([P])
    one.told(0, 0.2)
    one.told(0, 0.4)  # told twice, it waits no longer
    one.told(0, 2.5)
    one.run(8.5)
    assert one.log == [(2.2, 0), (6.5, 0), (8.5, 0)]


def test_after_an_answer_pauses_are_short_again():
    one = road([P] * 2)
    one.told(0, 0.2)
    one.told(0, 2.5)
    one.answer(0, 7.0)
    one.told(1, 7.5)
    one.run(12)
    assert one.log == [(2.2, 0), (6.5, 0), (7.05, 1), (9.5, 1), (11.5, 1)]


def test_urgent_ones_that_are_told_to_wait_go_on():
    one = road([A])
    one.told(0, 0.2)
    one.run(1.1)
    assert one.log == [(0.5, 0), (1.0, 0)]


@pytest.mark.parametrize("index", [1, 2])
def test_a_refusal_of_what_no_terminal_would_have_under_way_changes_nothing(index):
    one = road([P] * 3)
    one.told(index, 0.2)
    one.run(3)
    assert one.log == [(2.0, 0)]


def test_an_answer_ends_a_pause_that_silence_made():
    one = road([P, S])
    one.told(0, 0.2)
    one.answer(1, 0.3)
    one.run(0.5)
    assert one.log == [(0.35, 0)]


def test_an_answer_hurries_what_waits_for_its_next_repetition():
    one = road([P, S])
    one.answer(1, 0.1)
    one.run(5)
    assert one.log == [(2.0, 0)]
    one.lanes.heard(1, 5.0)
    one.run(9.5)
    assert one.log[1:] == [(5.05, 0), (9.05, 0)]  # its pauses begin anew, at the second


def test_when_a_flight_is_over_only_urgent_ones_go_on():
    one = road([P, A], terminals=2)
    one.run(2.6, bulk=False)
    assert {index for _, index in one.log} == {1}
