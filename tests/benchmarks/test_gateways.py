"""What the suite `gateway` stands on: the search for a rate, and two gateways that do the same."""

import json
import sqlite3

import pytest

from benchmarks import report
from benchmarks.bench import Bench
from benchmarks.measure import TIME, Bound, Turns
from benchmarks.places import Absent
from benchmarks.suites import gateway as suite
from benchmarks.work import gateways, raw_verify, sustained


def flight(rate, limit, lost=0):
    good = rate <= limit
    times = {"all": {"p99": 10.0 if good else None}}
    return {
        "unanswered": 0 if good else 1,
        "lost": lost,
        "answer_ms": times,
        "arrival_ms": times,
        "frames_per_s": rate,
    }


@pytest.mark.parametrize("limit", [70, 999, 1000, 3333, 40_000])
def test_the_search_finds_what_a_gateway_keeps_up_with(limit):
    rate, document = sustained.search(lambda rate: flight(rate, limit), 1000)
    assert limit / 1.06 <= rate <= limit
    assert document["frames_per_s"] == rate


def test_one_unlucky_flight_does_not_count():
    flown = []

    def fly(rate):
        flown.append(rate)
        return flight(rate, 0 if len(flown) == 1 else 2000)

    assert sustained.search(fly, 1000)[0] >= 2000 / 1.06


def test_a_gateway_that_keeps_up_with_nothing_is_an_error():
    with pytest.raises(ArithmeticError):
        sustained.search(lambda rate: flight(rate, 0), 1000)
    with pytest.raises(ArithmeticError):
        sustained.confirmed(lambda rate: flight(rate, 0), 1000)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"unanswered": 3}, "3 without an answer"),
        ({"lost": 1}, "1 lost"),
        ({"answer_ms": {"all": {"p99": 501.0}}}, "answer_ms p99 501"),
        ({"answer_ms": {"all": {"p99": None}}}, "answer_ms p99 None"),
        ({"arrival_ms": {"all": {"p99": 1001.0}}}, "arrival_ms p99 1001"),
        ({"arrival_ms": None}, None),
        ({}, None),
    ],
)
def test_keeping_up_is_answering_all_losing_nothing_and_staying_quick(change, words):
    wrong = sustained.kept_up(flight(1, 1) | change)
    assert wrong is None if words is None else words in wrong


def test_a_long_flight_that_fails_is_tried_a_little_slower():
    rate, document = sustained.confirmed(lambda rate: flight(rate, 93), 100)
    assert 88 < rate < 93 and document["frames_per_s"] == rate


@pytest.mark.parametrize("limit", [2, 15, 19, 40, 60, 74, 89, 100])
def test_a_long_flight_is_found_however_much_luck_the_short_ones_had(limit):
    flown = []

    def fly(rate):
        flown.append(rate)
        return flight(rate, limit)

    rate, document = sustained.confirmed(fly, 100)
    assert limit / 1.5 <= rate <= limit and document["frames_per_s"] == rate
    assert len(flown) <= 13 and len(set(flown)) == len(flown)


def test_what_is_kept_is_brought_nearer_to_what_was_not():
    assert sustained.confirmed(lambda rate: flight(rate, 68), 100)[0] > 64


def test_the_search_may_be_coarse():
    flown = []

    def fly(rate):
        flown.append(rate)
        return flight(rate, 3333)

    fine = sustained.search(fly, 1000)[0]
    count = len(flown)
    coarse = sustained.search(fly, 1000, near=1.15)[0]
    assert len(flown) - count < count
    assert 3333 / 1.15 <= coarse <= fine


def test_verifications_are_counted():
    raw = raw_verify.Verification()
    raw.measure(rounds=3, seconds=0.01)
    assert len(raw.rates) == 3 and raw.rate > 100


def judged(side):
    document = side.load.fly(100, 1, urgent=0.1, warm_s=0.01, drain_s=20)
    assert document["answered"] == document["datagrams"] == 100
    assert (document["lost"], document["foreign"], document["not_authentic"]) == (0, 0, 0)
    return document


def test_the_plain_server_verifies_stores_and_publishes_as_ours_does():
    with gateways.Beside() as broker:
        try:
            plain = gateways.Plain(10, broker)
        except Absent as absent:
            pytest.skip(str(absent))
        try:
            judged(plain)
            rows = sqlite3.connect(plain.store).execute("SELECT kid, seq FROM frames").fetchall()
            assert len(set(rows)) == 100
            forge(plain)
            assert sqlite3.connect(plain.store).execute("SELECT count(*) FROM frames").fetchone() == (100,)
        finally:
            plain.close()


def test_ours_does_so_with_contexts_that_were_there_and_cars_that_listen():
    ours = gateways.Ours(10)
    try:
        ours.observed()
        judged(ours)
        assert ours.stored() == {0: 100}
        forge(ours)
        assert ours.start_s > 0 and ours.cpu_s() > 0 and ours.stand.memory()[1] > 1 << 20
    finally:
        ours.close()


def test_cars_are_spread_over_two_workers_by_their_addresses():
    """By 60 addresses. Cars that share a few are spread by what chance does with these few."""
    two = gateways.Ours(60, command=("--workers", "2"))
    try:
        judged(two)
        counts = two.stored().values()
        assert len(counts) == 2 and sum(counts) == 100 and min(counts) >= 15
    finally:
        two.close()


def forge(side):
    """Frames that another car signed are taken by neither."""
    fleet = side.load.cars
    keys = [car.scalar for car in fleet]
    for car, scalar in zip(fleet, keys[1:] + keys[:1], strict=True):
        car.scalar = scalar
    side.load.broker = None  # nothing is to arrive, and nobody waits for it
    document = side.load.fly(20, 0.5, urgent=0, warm_s=0.01, drain_s=20)
    assert document["codes"] == {"4.00": 10} and document["answered"] == 0


def test_amounts_are_told_with_their_bounds_and_missed_ones_count(capsys):
    bench = Bench(None, Turns(1, 1))
    bench._suite = "gateway"
    bench.amount("start", TIME, 6e6, "100,000 terminals", "here", [Bound("ours", at_most=5e6, by="issue 5")])
    bench.amount("calm", TIME, 1.0, "nothing", "here", [Bound("ours", at_most=5e6, by="issue 5")])
    bench.detail("starts_s", [6.0])
    machine = {"time": "", "processor": "", "cores": 2, "system": "", "load": [0, 0], "pythons": []}
    machine["packages"] = {}
    document = json.loads(json.dumps(report.document(bench, machine)))
    assert document["missed"] == ["gateway.start: ours <= 5e+06"]
    assert document["details"] == {"gateway": {"starts_s": [6.0]}}
    assert [row["bounds"][0]["kept"] for row in document["amounts"]] == [False, True]
    assert "MISSED" in report.table(bench, machine)


def test_the_suite_wants_to_be_asked_for():
    assert suite.ONLY_ASKED
