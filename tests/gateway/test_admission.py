"""Who is taken while more comes than can be done: rules that hold whatever comes in which order."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.admission import AGAIN_MS, ANSWERS, BULK_SHARE, MAX_BUSY, Admission

LIMIT = 64
PEERS = st.integers(0, 5)


class Gateway(RuleBasedStateMachine):
    """Six terminals, and places for 64 requests."""

    def __init__(self):
        super().__init__()
        self.admission = Admission(LIMIT, 0)
        self.under_way = []  # (terminal, urgent)

    def busy(self, peer):
        return sum(1 for one, _ in self.under_way if one == peer)

    @rule(peer=PEERS, urgent=st.booleans(), times=st.integers(1, 40))
    def comes(self, peer, urgent, times):
        for _ in range(times):
            waiting, busy = len(self.under_way), self.busy(peer)
            taken = self.admission.takes(urgent, waiting, busy)
            if urgent:
                # Nothing but a full house, or what no sound terminal does, keeps an alarm out.
                assert taken == (waiting < LIMIT and busy < MAX_BUSY)
            else:
                assert not (taken and self.admission.crowded(waiting, busy))
            if waiting < LIMIT // 4 and busy < MAX_BUSY:
                assert taken, "there is room enough for anybody"
            if taken:
                self.under_way.append((peer, urgent))

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def one_is_stored(self, data):
        self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))

    @invariant()
    def there_is_always_a_place_for_what_is_urgent(self):
        bulk = sum(1 for _, urgent in self.under_way if not urgent)
        assert bulk <= LIMIT // 2 and len(self.under_way) <= LIMIT

    @invariant()
    def nobody_keeps_the_bulk_of_others_out(self):
        """Terminals with nothing under way are taken, until there are as many of them as room for."""
        others = {peer for peer, _ in self.under_way}
        if len(self.under_way) < self.admission.bulk_limit:
            assert self.admission.takes(False, len(self.under_way), 0)
        for peer in others:
            assert self.busy(peer) <= MAX_BUSY


TestGateway = Gateway.TestCase
TestGateway.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_one_that_floods_leaves_half_of_the_room_for_bulk_to_the_others():
    admission = Admission(LIMIT, 0)
    busy = waiting = 0
    while admission.takes(False, waiting, busy):
        busy, waiting = busy + 1, waiting + 1
    assert waiting == LIMIT // 4
    for _ in range(LIMIT // 4):
        assert admission.takes(False, waiting, 0) and admission.takes(False, waiting, BULK_SHARE - 1)
        waiting += 1
    assert not admission.takes(False, waiting, 0) and admission.takes(True, waiting, 0)


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 400)), max_size=300))
def test_each_is_told_at_its_first_and_then_once_in_a_while(knocks):
    admission, now_ms, told = Admission(LIMIT, 0), 0.0, {}
    silent = 0
    for peer, pause_ms in knocks:
        now_ms += pause_ms
        last_ms = told.get(peer, -1e9)
        if admission.tells(last_ms, now_ms):
            assert now_ms - last_ms >= AGAIN_MS
            told[peer] = now_ms
        else:
            silent += 1
            assert now_ms - last_ms < AGAIN_MS
    assert admission.silent == silent


@given(st.lists(st.floats(0, 20), min_size=1, max_size=3000))
@settings(max_examples=30, deadline=None)
def test_strangers_get_no_more_answers_than_so_many_in_a_second(pauses):
    admission, now_ms = Admission(LIMIT, 0), 0.0
    answered = 0
    for pause_ms in pauses:
        now_ms += pause_ms
        answered += admission.answers(now_ms)
        assert answered <= ANSWERS * (1 + now_ms / 1000) + 1
    if now_ms / len(pauses) > 1000 / ANSWERS * 2 and max(pauses) == min(pauses):
        assert answered == len(pauses)


def test_an_endless_knocking_is_answered_now_and_then():
    admission = Admission(LIMIT, 0)
    answered = sum(admission.answers(step / 100) for step in range(100_000))  # 100,000 a second
    assert ANSWERS < answered <= 2 * ANSWERS + 1


@given(st.integers(1, 200), st.integers(0, 250), st.integers(0, MAX_BUSY - 1), st.booleans())
def test_whoever_is_not_crowded_out_is_taken(limit, waiting, busy, urgent):
    """The short way asks no further then."""
    admission = Admission(limit, 0)
    if not admission.crowded(waiting, busy):
        assert admission.takes(urgent, waiting, busy)
