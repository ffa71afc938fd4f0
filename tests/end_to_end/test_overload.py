"""Far more than a gateway can do, and forgers beside it: alarms overtake, and nothing answered is lost.

How fast is for `make bench ARGS="--only gateway"` to say; here only what comes before what.
"""

import pytest

from benchmarks.work import gateways

_RATE, _SECONDS, _CARS = 8000, 1, 400


@pytest.fixture
def ours():
    made = gateways.Ours(_CARS)
    yield made
    made.close()


def test_alarms_overtake_in_overload_and_nothing_answered_is_lost(ours):
    ours.load.fly(400, _CARS / 400, urgent=0, warm_s=0.01, drain_s=20)  # each has spoken once
    document = ours.load.fly(_RATE, _SECONDS, urgent=0.05, forged=2000, warm_s=0.01, drain_s=20)
    assert document["lost"] == 0 and document["not_authentic"] == 0
    answer, arrival = document["answer_ms"], document["arrival_ms"]
    assert answer["panic"]["n"] > 100
    # Of a forger who copied a datagram and was quicker: the terminal hears 4.01 and seals its frame anew.
    assert answer["panic"]["p99"] is not None, "alarms were never answered"
    assert arrival["panic"]["max"] is not None, "an alarm never arrived"
    forged = document["forged"]
    assert forged["answered_bytes"] <= forged["sent_bytes"]
    if answer["position"]["p50"] and answer["position"]["p50"] < 200:
        pytest.skip("this machine takes all of it at once")
    for times in (answer, arrival):
        for name in ("p50", "p90"):
            assert times["position"][name] is None or times["panic"][name] < times["position"][name], times
