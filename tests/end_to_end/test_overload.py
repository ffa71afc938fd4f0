"""Far more than a gateway can do, and forgers beside it: no alarm is told to wait, nothing answered is lost.

How fast is for `make bench ARGS="--only gateway"` to say; here only who is served. Nothing is sent again, as
terminals would: an alarm has to be heard at its first knock.
"""

import pytest

from benchmarks.work import gateways

_CARS = 400
_PLACES = 512  # half of them for what is urgent; of 5,000 datagrams 250 are


@pytest.fixture
def ours():
    made = gateways.Ours(_CARS, {"journal.queue_limit": _PLACES})
    yield made
    made.close()


def test_no_alarm_is_told_to_wait_in_overload_and_nothing_answered_is_lost(ours):
    ours.load.fly(400, _CARS / 400, urgent=0, warm_s=0.01, drain_s=20)  # each has spoken once
    document = ours.load.fly(5000, 1, urgent=0.05, forged=1000, warm_s=0.01, drain_s=6, repeat=False)
    assert document["lost"] == 0 and document["not_authentic"] == 0
    forged = document["forged"]
    assert forged["answered_bytes"] <= forged["sent_bytes"]
    waiting = document["told_to_wait"]
    if not waiting:
        pytest.skip("this machine takes all of it at once")
    assert document["answer_ms"]["panic"]["n"] > 80
    assert set(waiting) <= {"position", "health"}, waiting
