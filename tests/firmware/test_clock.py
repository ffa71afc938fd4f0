# runs on: both
"""The clock: GNSS first, then the gateway, then NITZ; ticks that wrap; jumps that are not believed at
once."""

from firmware.clock import GATEWAY, GNSS, NITZ, Clock
from firmware.version import NOT_BEFORE_MS

PERIOD = 1 << 30
T0 = NOT_BEFORE_MS + 86400000


class Ticks:
    def __init__(self, start=PERIOD - 5000):
        self.now = start

    def ms(self):
        return self.now

    def diff(self, a, b):
        return ((a - b + PERIOD // 2) % PERIOD) - PERIOD // 2

    def run(self, ms):
        self.now = (self.now + ms) % PERIOD


def make(start=PERIOD - 5000):
    ticks = Ticks(start)
    return ticks, Clock(ticks.ms, ticks.diff)


def test_nobody_told_is_none():
    ticks, clock = make()
    assert clock.now_ms() is None
    ticks.run(1000)
    assert clock.now_ms() is None and clock.uptime_ms() == 1000


def test_time_runs_on_over_the_wrap_of_ticks():
    ticks, clock = make()
    assert clock.offer(T0, GNSS)
    for _ in range(40):
        ticks.run(PERIOD // 4)
        clock.uptime_ms()
    assert clock.now_ms() == T0 + 10 * PERIOD
    assert clock.uptime_ms() == 10 * PERIOD


def test_implausible_years_are_refused():
    ticks, clock = make()
    for wrong in (0, 315964800000, 935280000000, T0 + 25 * 365 * 86400000):
        assert not clock.offer(wrong, GNSS)
        assert not clock.offer(wrong, GATEWAY)
    assert clock.now_ms() is None and clock.implausible == 8


def test_a_better_source_takes_over_at_once_and_a_worse_one_is_not_heard():
    ticks, clock = make()
    clock.offer(T0, NITZ)
    assert clock.offer(T0 + 30000, GATEWAY) and clock.now_ms() == T0 + 30000
    assert not clock.offer(T0, NITZ)
    ticks.run(1000)
    assert clock.offer(T0 + 31200, GNSS) and clock.now_ms() == T0 + 31200
    assert not clock.offer(T0, GATEWAY)
    assert clock.disagreements == 1
    assert clock.source == GNSS


def test_after_an_hour_without_gnss_the_gateway_is_heard():
    ticks, clock = make()
    clock.offer(T0, GNSS)
    ticks.run(3500000)
    assert not clock.offer(T0 + 3500000 + 500, GATEWAY)
    ticks.run(200000)
    assert clock.offer(T0 + 3700000 + 500, GATEWAY)
    assert clock.now_ms() == T0 + 3700500


def test_one_wild_sentence_moves_nothing_but_three_of_a_kind_do():
    ticks, clock = make()
    clock.offer(T0, GNSS)
    assert not clock.offer(T0 + 7200000, GNSS)
    assert clock.now_ms() == T0
    for n in range(1, 4):
        ticks.run(1000)
        done = clock.offer(T0 + 7200000 + n * 1000, GNSS)
    assert done and clock.now_ms() == T0 + 7203000 and clock.jumps == 1


def test_wild_sentences_that_differ_are_never_believed():
    ticks, clock = make()
    clock.offer(T0, GNSS)
    for n in range(1, 20):
        ticks.run(1000)
        assert not clock.offer(T0 + n * 7200000, GNSS)
    assert clock.now_ms() == T0 + 19000


def test_the_earliest_telling_is_the_truest():
    """Serial lateness of 80 to 400 ms: the clock settles at the least late one and stays."""
    ticks, clock = make()
    late = (400, 250, 80, 300, 390, 120, 80, 270)
    for n in range(400):
        ticks.run(1000)
        clock.offer(T0 + n * 1000 - late[n % 8], GNSS)
    error = clock.now_ms() - (T0 + 399 * 1000)
    assert -90 <= error <= -75, error


def test_it_never_runs_backwards_for_a_small_correction():
    ticks, clock = make()
    clock.offer(T0 + 900, NITZ)
    before = clock.now_ms()
    clock.offer(T0, GNSS)
    assert clock.now_ms() == before
    ticks.run(500)
    assert clock.now_ms() == before
    ticks.run(500)
    assert clock.now_ms() == T0 + 1000


def test_a_clock_that_was_hours_ahead_is_set_back():
    ticks, clock = make()
    clock.offer(T0 + 7200000, NITZ)
    clock.now_ms()
    clock.offer(T0, GNSS)
    assert clock.now_ms() == T0
