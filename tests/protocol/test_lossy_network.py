# runs on: both
"""Client and server over a network that loses, doubles and reorders, across a wrap of the tick counter."""

from protocol.exchange import BULK, URGENT
from tests.protocol.lossy import Bench


def run(seed, loss, duplicate, delay_ms, **more):
    """Six urgent requests thrown into a stream of bulk ones; then as long as it takes."""
    bench = Bench(seed, loss, duplicate, delay_ms, **more)
    for n in range(6):
        bench.post(b"positions %d" % n, BULK)
        bench.run(bench.now + 700)
        bench.post(b"panic %d" % n, URGENT)
        bench.run(bench.now + 700)
    bench.run(120000)
    return bench


def check(bench, seed):
    for n in range(6):
        panic, positions = b"panic %d" % n, b"positions %d" % n
        assert bench.answered.get(panic) == 1, (seed, panic, "answered")
        assert bench.effects.get(panic) == 1, (seed, panic, "in effect once")
        times = [when for when, _ in bench.sent[panic]]
        assert times == [times[0] + 500 * i for i in range(len(times))], (seed, times)
        for name in (panic, positions):
            assert len(set(datagram for _, datagram in bench.sent[name])) == 1, "a repeat has the same bytes"
        assert len(bench.sent[positions]) <= 5
        assert (bench.answered.get(positions, 0) == 1) != (positions in bench.failed), (seed, positions)
        assert bench.effects.get(positions, 0) <= 1
    assert bench.client.wait_ms(bench.ticks()) is None, "nothing is left under way"


def test_every_urgent_request_has_one_effect_and_one_answer():
    for seed in range(6):
        for loss in (0, 20, 50):
            check(run(seed, loss, 20, 900), (seed, loss))


def test_with_slow_storage_at_the_gateway():
    """Repeats arrive while the first is being written; the commit takes longer than three of them."""
    for seed in range(6):
        check(run(seed, 30, 30, 400, commit_ms=1700), seed)


def test_with_separate_responses():
    for seed in range(6):
        bench = run(seed, 20, 20, 400, commit_ms=300, separate=True)
        for n in range(6):
            assert bench.effects.get(b"panic %d" % n) == 1 and bench.answered.get(b"panic %d" % n) == 1, seed
            assert bench.effects.get(b"positions %d" % n, 0) <= 1


def test_a_panic_outlives_an_hour_without_network_and_bulk_does_not():
    bench = Bench(1, 0, 0, 100)
    bench.cut = (0, 3600000)
    bench.post(b"panic", URGENT)
    bench.post(b"positions", BULK)
    bench.run(3601000)
    assert bench.answered == {b"panic": 1} and bench.effects == {b"panic": 1}
    assert bench.failed == [b"positions"] and len(bench.sent[b"positions"]) == 5
    assert len(bench.sent[b"panic"]) in (7200, 7201), "no limit, and no hurry either"


def test_without_loss_nothing_is_repeated():
    """The other half of every claim above: the schedules do not fire where there is no need."""
    bench = run(3, 0, 0, 100)
    check(bench, 3)
    assert all(len(times) == 1 for times in bench.sent.values())


def test_the_newest_notification_arrives_in_the_end_and_none_twice():
    for seed in range(8):
        bench = Bench(seed, 30, 30, 600)
        bench.observe(URGENT)
        while not bench.answered:
            bench.step(bench.now + 1000)
        for n in range(10):
            bench.notify(b"state %d" % n)
            bench.run(bench.now + 400)
        bench.run(bench.now + 90000)
        assert b"state 9" in bench.notified, seed
        assert len(bench.notified) == len(set(bench.notified)), seed
