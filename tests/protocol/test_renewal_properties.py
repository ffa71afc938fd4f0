"""Renewal, whatever happens: one handshake at a time, a live path suffices, hints cost a bounded amount."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.renewal import DOUBTED, NEEDED, SERVING, Renewal

S, MIN, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000


class Life:
    """A renewal and its owner, who begins whatever is due. `takes(rng)`: (ms, worked?) of a handshake."""

    def __init__(self, seed, takes):
        self.rng = random.Random(seed)
        self.renewal = Renewal(lambda: self.rng.randrange(0x10000))
        self.takes = takes
        self.now = 0
        self.urgent = False
        self.begun = []  # (when, in which state)
        self.served_since = None
        self._ends = None

    def run(self, until_ms, every_ms=None, tick=None):
        """Time jumps to what happens next; `tick` is called each `every_ms`."""
        next_tick = self.now + (every_ms or 0)
        while True:
            times = [until_ms]
            if tick:
                times.append(next_tick)
            if self._ends:
                times.append(self._ends[0])
            wait = self.renewal.wait_ms(self.now, self.urgent)
            assert (wait is None) or self._ends is None, "never a second one"
            if wait is not None:
                times.append(self.now + wait)
                assert wait == 0 or self.renewal.wait_ms(self.now + wait - 1, self.urgent) == 1
                assert self.renewal.wait_ms(self.now + wait, self.urgent) == 0
            self.now = max(self.now, min(times))
            if self._ends and self.now >= self._ends[0]:
                self._end()
            elif wait is not None and self.now >= self.now + self.renewal.wait_ms(self.now, self.urgent):
                self._begin()
            if tick and self.now >= next_tick:
                tick(self)
                next_tick += every_ms
            if self.now >= until_ms:
                return

    def _begin(self):
        self.begun.append((self.now, self.renewal.state))
        pressing = self.renewal.begun(self.now)
        assert pressing == (self.begun[-1][1] != SERVING)
        span, worked = self.takes(self.rng)
        self._ends = (self.now + span, worked)

    def _end(self):
        worked = self._ends[1] and not self.renewal.late(self.now)
        self._ends = None
        if worked:
            self.renewal.succeeded(self.now)
        else:
            self.renewal.failed(self.now)

    def in_any(self, span_ms):
        """The most attempts that began within one stretch of time."""
        most = first = 0
        for last, (at, _) in enumerate(self.begun):
            while at - self.begun[first][0] > span_ms:
                first += 1
            most = max(most, last - first + 1)
        return most


def always(rng):
    return rng.randrange(200, 5000), True


def never(rng):
    return rng.randrange(200, 40_000), False


def mostly_lost(rng):
    return rng.randrange(200, 20_000), rng.random() < 0.2


def hint(life):
    life.renewal.hinted(life.now)


@settings(deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_with_a_live_path_a_day_has_its_one_renewal(seed):
    life = Life(seed, always)
    life.run(30 * DAY)
    (first, state), *rest = life.begun
    assert (first, state) == (0, NEEDED) and 30 <= len(life.begun) <= 33
    for (before, _), (after, state) in zip(life.begun, rest, strict=False):
        assert state == SERVING and 23 * HOUR - MIN <= after - before <= DAY + MIN


@settings(deadline=None)
@given(seed=st.integers(0, 1 << 32), urgent=st.booleans())
def test_without_a_context_it_is_made_in_bounded_time(seed, urgent):
    """One handshake in five works: an attempt takes 20 s at most, a pause 60 s (5 s in an alarm)."""
    life = Life(seed, mostly_lost)
    life.urgent = urgent
    while life.renewal.state == NEEDED:
        attempts = len(life.begun)
        life.run(life.now + (25 * S if urgent else 80 * S))
        assert len(life.begun) > attempts or life.renewal.state == SERVING
        assert len(life.begun) < 150


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1 << 32), every=st.integers(700, 60_000), takes=st.sampled_from([always, never]))
def test_a_flood_of_hints_and_no_answers(seed, every, takes):
    """The forger also swallows what the gateway says. He gets few attempts, whether they work or not."""
    life = Life(seed, takes)
    life.renewal.serves(0, 0)
    life.run(6 * HOUR, every, hint)
    assert 1 <= life.in_any(HOUR) <= 20
    assert len(life.begun) <= 6 * 12 + 8
    assert all(state == DOUBTED for _, state in life.begun)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1 << 32), every=st.integers(700, 60_000))
def test_the_same_flood_during_an_alarm(seed, every):
    """Then an attempt may begin every five seconds, and no more often."""
    life = Life(seed, never)
    life.urgent = True
    life.renewal.serves(0, 0)
    life.run(HOUR, every, hint)
    assert all(
        after[0] - before[0] >= 5 * S for before, after in zip(life.begun[2:], life.begun[3:], strict=False)
    )
    assert life.in_any(MIN) <= 12


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1 << 32), every=st.integers(50, 1400))
def test_a_flood_of_hints_beside_answers_costs_nothing(seed, every):
    """The gateway's true answers come within three seconds of the first forged one: never an attempt."""
    life = Life(seed, always)
    life.renewal.serves(0, 0)
    heard = [0]

    def tick(life):
        if life.now + every - heard[0] > 2900:
            life.renewal.heard(life.now)
            heard[0] = life.now
        life.renewal.hinted(life.now)

    life.run(10 * MIN, every, tick)
    assert life.begun == []


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1 << 32), every=st.integers(200, 20_000), urgent=st.booleans())
def test_a_hint_that_is_true_leads_to_new_keys(seed, every, urgent):
    """The gateway lost its store: every request is answered by a hint, until a handshake works."""
    life = Life(seed, always)
    life.urgent = urgent
    life.renewal.serves(0, 0)

    def tick(life):
        if not life.begun:
            life.renewal.hinted(life.now)

    life.run(every + (3 * S if urgent else 13 * S) + 5 * S, every, tick)
    assert [state for _, state in life.begun] == [DOUBTED]
    assert life.renewal.running is None and life.renewal.state == SERVING


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["hinted", "heard", "asked", "lost", "serves", "urgent", "calm"]),
        st.one_of(st.integers(0, 5000), st.integers(0, 2 * DAY)),
    ),
    max_size=60,
)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 1 << 32), events=EVENTS, takes=st.sampled_from([always, never, mostly_lost]))
def test_any_story(seed, events, takes):
    """Whatever comes in whatever order: the invariants of Life.run hold, and it all ends with keys."""
    life = Life(seed, takes)
    for name, span in events:
        if name in ("urgent", "calm"):
            life.urgent = name == "urgent"
        elif name == "serves":
            life.renewal.serves(life.now, span if span & 1 else None)
        else:
            getattr(life.renewal, name)(life.now)
        life.run(life.now + span)
    life.takes = always
    life.urgent = False
    life.renewal.heard(life.now)
    life.run(life.now + 2 * DAY)
    assert life.renewal.state == SERVING
    worked = [at for at, _ in life.begun if at > life.now - 26 * HOUR]
    assert worked, "a day without a renewal"
