# runs on: both
"""A finger, a bouncing contact, and a key jammed under the dash."""

from protocol.debounce import PRESSED, RELEASED, STUCK, Debouncer

PERIOD = 1 << 30  # of MicroPython's ticks


def diff(a, b):
    return ((a - b + PERIOD // 2) & (PERIOD - 1)) - PERIOD // 2


def play(levels, settle_ms=20, stuck_ms=10000, start=0, key=None):
    """levels: (ms, level) pairs; each is sampled at its time. Return the events as (ms, event)."""
    key = key or Debouncer(settle_ms, stuck_ms, diff)
    events = []
    for ms, level in levels:
        event = key.sample(level, (start + ms) & (PERIOD - 1))
        if event:
            events.append((ms, event))
    return events


def every(step, until, closed):
    """Samples each `step` ms; closed is a list of (from, to) in which the contact is closed."""
    return [(ms, any(a <= ms < b for a, b in closed)) for ms in range(0, until, step)]


def test_press_and_release_once_each():
    assert play(every(5, 1000, [(100, 700)])) == [(120, PRESSED), (720, RELEASED)]


def test_bounce_is_one_press():
    closed = [(100, 103), (105, 106), (109, 115), (117, 600), (603, 604), (607, 611)]
    assert play(every(1, 1000, closed)) == [(137, PRESSED), (631, RELEASED)]


def test_a_spike_is_no_press():
    assert play(every(1, 500, [(100, 119), (200, 210), (300, 319)])) == []


def test_a_short_gap_is_no_release():
    assert play(every(1, 900, [(100, 300), (310, 800)])) == [(120, PRESSED), (820, RELEASED)]


def test_two_taps_are_two_presses():
    events = play(every(1, 900, [(100, 200), (300, 400)]))
    assert [event for _, event in events] == [PRESSED, RELEASED, PRESSED, RELEASED]


def test_held_since_the_first_contact():
    key = Debouncer(20, 10000, diff)
    play(every(1, 130, [(100, 999)]), key=key)
    assert key.pressed and key.held_ms(700) == 600
    play([(701, False), (721, False)], key=key)
    assert not key.pressed and key.held_ms(800) == 0


def test_stuck_once_and_usable_again():
    key = Debouncer(20, 1000, diff)
    assert play(every(10, 5000, [(100, 4000)]), key=key) == [(120, PRESSED), (1100, STUCK)]
    assert not key.stuck and not key.pressed
    assert play([(5000, True), (5020, True)], key=key) == [(5020, PRESSED)]
    assert key.held_ms(5100) == 100


def test_stuck_key_is_not_held():
    key = Debouncer(20, 1000, diff)
    play(every(10, 3000, [(100, 9999)]), key=key)
    assert key.stuck and key.pressed and key.held_ms(3000) == 0


def test_ticks_wrap_anywhere():
    closed = [(100, 103), (105, 400), (900, 2500)]
    expected = play(every(1, 3000, closed), stuck_ms=1000)
    assert [event for _, event in expected] == [PRESSED, RELEASED, PRESSED, STUCK]
    for before in (1, 90, 101, 110, 130, 400, 950, 1950, 2510):
        assert play(every(1, 3000, closed), stuck_ms=1000, start=PERIOD - before) == expected, before


def test_months_untouched():
    """A key whose last change is half a period and more ago: differences that old have no meaning."""
    key = Debouncer(20, 1000, diff)
    day = 86400000
    play([(0, True), (20, True), (300, False), (320, False)], key=key)
    for days in range(1, 40):
        ms = days * day
        levels = [(ms, False), (ms + 1, True), (ms + 21, True), (ms + 50, False), (ms + 70, False)]
        assert play(levels, key=key) == [(ms + 21, PRESSED), (ms + 70, RELEASED)], days


def test_closed_at_power_on():
    assert play(every(5, 300, [(0, 200)])) == [(20, PRESSED), (220, RELEASED)]


def test_levels_may_be_integers():
    key = Debouncer(0, 1000, diff)
    assert key.sample(0, 0) is None
    assert key.sample(1, 1) == PRESSED
    assert key.sample(2, 2) is None
    assert key.sample(0, 3) == RELEASED
