"""kill -9 of the broker, with its default persistence: what it forgot comes by a replay, and no frame misses
in the end. `make broker-kills` does it fifty times with each."""

import pytest

from tests.brokers.kills import KINDS, kill_again_and_again
from tests.brokers.mosquitto import needs_mosquitto

_MARKS = {"mosquitto": needs_mosquitto}


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=_MARKS.get(kind, ())) for kind in KINDS])
async def test_the_broker_is_killed_and_no_frame_is_missing_in_the_end(tmp_path, kind):
    report = await kill_again_and_again(tmp_path, kind, kills=3, pause_s=0.05)
    print(report)
    assert report["frames"] >= 10
    assert (report["lost"], report["unknown"], report["conflicts"], report["unrelayed"]) == (0, 0, 0, 0)
    assert report["stored"] == report["frames"]
