"""Far more than a gateway can do, and forgers beside it: alarms overtake, and nothing answered is lost.

How fast is for `make bench ARGS="--only gateway"` to say; here only what comes before what. Nothing is sent
again, as terminals would: an alarm has to be heard at its first knock.
"""

import pytest

from benchmarks.work import gateways

_RATE, _CARS = 8000, 400


@pytest.fixture
def ours():
    made = gateways.Ours(_CARS)
    yield made
    made.close()


def test_alarms_overtake_in_overload_and_nothing_answered_is_lost(ours):
    ours.load.fly(400, _CARS / 400, urgent=0, warm_s=0.01, drain_s=20)  # each has spoken once
    document = ours.load.fly(_RATE, 1, urgent=0.05, forged=2000, warm_s=0.01, drain_s=6, repeat=False)
    assert document["lost"] == 0 and document["not_authentic"] == 0
    forged = document["forged"]
    assert forged["answered_bytes"] <= forged["sent_bytes"]
    answer, arrival = document["answer_ms"], document["arrival_ms"]
    assert answer["panic"]["n"] > 100
    if not document["codes"].get("5.03 unprotected"):
        pytest.skip("this machine takes all of it at once")
    for times in (answer, arrival):
        assert times["panic"]["max"] is not None, "an alarm found no place"
        slow = times["position"]["p50"]
        assert slow is None or times["panic"]["p90"] < slow, times
