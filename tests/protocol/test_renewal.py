# runs on: both
"""When to shake hands: every state with every event, the pauses, and what hints can and cannot do."""

from protocol.errors import Misuse
from protocol.renewal import DOUBTED, NEEDED, SERVING, Renewal
from tests.portable import raises

S, MIN, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
LOW, HIGH = 0, 0xFFFF


def fixed(value):
    """A generator whose jitter is always the same: 0 draws the longest pause and no jitter."""
    return lambda: value


LONGEST = fixed(LOW)


def made(random16=LONGEST):
    one = Renewal(random16)
    one.serves(0, 0)
    return one


def doubted(random16=LONGEST):
    one = made(random16)
    one.hinted(0)
    return one


EVENTS = {
    "serves": lambda one: one.serves(0, 0),
    "lost": lambda one: one.lost(0),
    "hinted": lambda one: one.hinted(0),
    "heard": lambda one: one.heard(0),
    "asked": lambda one: one.asked(0),
    "begun": lambda one: one.begun(0),
    "begun, failed": lambda one: (one.begun(0), one.failed(0)),
    "begun, succeeded": lambda one: (one.begun(0), one.succeeded(0)),
}
AFTER = {
    "serves": (SERVING, DOUBTED, SERVING),
    "lost": (NEEDED, NEEDED, NEEDED),
    "hinted": (NEEDED, DOUBTED, DOUBTED),
    "heard": (NEEDED, SERVING, SERVING),
    "asked": (NEEDED, DOUBTED, SERVING),
    "begun": (NEEDED, SERVING, SERVING),
    "begun, failed": (NEEDED, SERVING, SERVING),
    "begun, succeeded": (SERVING, SERVING, SERVING),
}


def test_every_state_with_every_event():
    starts = {NEEDED: lambda: Renewal(LONGEST), DOUBTED: doubted, SERVING: made}
    for name in EVENTS:
        for state in (NEEDED, DOUBTED, SERVING):
            one = starts[state]()
            assert one.state == state
            EVENTS[name](one)
            assert one.state == AFTER[name][state], (name, state, one.state)
            assert (one.running is not None) == (name == "begun"), name


def test_one_handshake_at_a_time():
    for one in (Renewal(LONGEST), made(), doubted()):
        with raises(Misuse):
            one.failed(0)
        with raises(Misuse):
            one.succeeded(0)
        one.begun(0)
        with raises(Misuse):
            one.begun(0)
        for urgent in (False, True):
            assert one.wait_ms(0, urgent) is None
        one.hinted(5)
        one.asked(5)
        one.lost(5)
        assert one.wait_ms(10 * DAY) is None, "nothing starts a second one"


def test_without_a_context_at_once_then_after_pauses():
    one = Renewal(LONGEST)
    assert one.wait_ms(0) == 0 and one.wait_ms(0, True) == 0
    now, waits = 0, []
    for _ in range(9):
        assert one.begun(now), "service depends on it: at the urgent lane's pace"
        one.failed(now)
        waits.append((one.wait_ms(now), one.wait_ms(now, True)))
        now += one.wait_ms(now)
        assert one.wait_ms(now) == 0
    assert [wait for wait, _ in waits] == [1 * S, 2 * S, 4 * S, 8 * S, 16 * S, 32 * S, MIN, MIN, MIN]
    assert [wait for _, wait in waits] == [1 * S, 2 * S, 4 * S] + [5 * S] * 6
    one.begun(now)
    one.succeeded(now)
    one.lost(now)
    assert one.wait_ms(now) == 0, "success resets the pauses"


def test_pauses_are_drawn_from_the_upper_half():
    one = Renewal(fixed(HIGH))
    one.begun(0)
    one.failed(0)
    assert 500 <= one.wait_ms(0) <= 510
    for _ in range(8):
        one.begun(0)
        one.failed(0)
    assert 30 * S <= one.wait_ms(0) <= 31 * S


def test_a_day_after_it_was_made_less_up_to_an_hour():
    assert made().wait_ms(0) == DAY
    early = made(fixed(HIGH)).wait_ms(0)
    assert DAY - HOUR <= early <= DAY - HOUR + 10 * S
    one = made()
    assert one.wait_ms(DAY - 1) == 1 and one.wait_ms(DAY) == 0 and one.wait_ms(3 * DAY) == 0
    assert one.wait_ms(3 * DAY, urgent=True) is None, "an alarm goes before: the old context serves"
    assert one.begun(DAY) is False, "at the bulk lane's pace"
    one.failed(DAY)
    waits = []
    for _ in range(8):
        waits.append(one.wait_ms(DAY))
        one.begun(DAY)
        one.failed(DAY)
    assert waits == [MIN, 2 * MIN, 4 * MIN, 8 * MIN, 16 * MIN, 32 * MIN, HOUR, HOUR]
    one.begun(DAY)
    one.succeeded(DAY)
    assert one.wait_ms(DAY) == DAY


def test_the_age_of_a_context_from_flash():
    one = Renewal(LONGEST)
    one.serves(5000, 20 * HOUR)
    assert one.wait_ms(5000) == 4 * HOUR
    one = Renewal(LONGEST)
    one.serves(5000, 40 * DAY)
    assert one.wait_ms(5000) == 0
    one = Renewal(fixed(HIGH))
    one.serves(5000, 40 * DAY)
    assert 0 < one.wait_ms(5000) <= 10 * MIN, "a fleet after a weekend does not come as one"
    for age in (None, -5):
        one = Renewal(LONGEST)
        one.serves(5000, age)
        assert one.wait_ms(5000) == HOUR, "unknown, or from the future: soon, but not at once"
        one.serves(65000, 2 * HOUR)
        assert one.wait_ms(65000) == 22 * HOUR, "the clock was set"


def test_the_gateway_asks():
    one = made()
    one.asked(HOUR)
    assert one.wait_ms(HOUR) == DAY - HOUR, "it has not been used yet"
    one.heard(HOUR)
    one.asked(HOUR)
    assert one.wait_ms(HOUR) == 0 and one.wait_ms(HOUR, True) is None
    assert one.begun(HOUR) is False
    one.succeeded(HOUR + S)
    assert one.wait_ms(HOUR + S) == DAY
    one.asked(HOUR + S)
    assert one.wait_ms(HOUR + S) == DAY, "said under the context before: done already"
    one.heard(2 * HOUR)
    one.asked(2 * DAY)  # what is due already is not put off
    assert one.wait_ms(DAY + HOUR + S) == 0


def test_a_hint_is_followed_only_after_silence():
    one = doubted()
    assert one.wait_ms(0) == 3 * S and one.wait_ms(0, True) == 3 * S
    one = doubted(fixed(HIGH))
    assert 12 * S <= one.wait_ms(0) <= 13 * S, (
        "all terminals get hints at once when the gateway lost its store"
    )
    assert one.wait_ms(0, True) == 3 * S, "an alarm does not wait for that"
    one.hinted(2 * S)
    assert one.wait_ms(3 * S, True) == 0, "the silence counts from the first hint"
    one.heard(2 * S)
    assert one.state == SERVING and one.wait_ms(3 * S) > 20 * HOUR
    one.hinted(4 * S)
    assert one.wait_ms(4 * S, True) == 3 * S


def test_each_attempt_takes_a_new_hint_and_a_longer_pause():
    one = doubted()
    now, waits = 3 * S, []
    for _ in range(9):
        assert one.wait_ms(now) == 0
        assert one.begun(now) is True
        one.failed(now)
        assert one.wait_ms(now) > 20 * HOUR, "no hint, no attempt"
        one.hinted(now)
        waits.append((one.wait_ms(now), one.wait_ms(now, True)))
        now += waits[-1][0]
    assert [a // S for a, _ in waits] == [5, 10, 20, 40, 80, 160, 320, 600, 600]
    assert [b // S for _, b in waits] == [5, 10, 10, 10, 10, 10, 10, 10, 10]
    one.heard(now)
    one.hinted(now)
    one.begun(now)
    one.failed(now)
    one.hinted(now)
    assert one.wait_ms(now) == 600 * S, "an answer between two hints does not reset the pauses"
    one.begun(now)
    one.succeeded(now)
    one.hinted(now)
    assert one.wait_ms(now) == 600 * S, "nor does a success: each costs a write to flash"
    now += 20 * MIN
    one.begun(now)
    one.failed(now)
    one.hinted(now)
    assert one.wait_ms(now) == 5 * S, "but a quiet time does"


def test_an_attempt_has_an_end():
    for one, limit in ((Renewal(LONGEST), 30 * S), (doubted(), 30 * S), (made(), 120 * S)):
        assert not one.late(10 * DAY)
        one.begun(0)
        assert not one.late(limit - 1) and one.late(limit)
        one.failed(limit)
        assert not one.late(10 * DAY)
