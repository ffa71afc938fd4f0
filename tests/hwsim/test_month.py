"""Days of a terminal in its chip's heap, short ones; `python -m hwsim month` plays thirty whole ones."""

import pytest

from hwsim import month
from hwsim.month import Days
from hwsim.rig import Kit


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    return Kit(tmp_path_factory.mktemp("kit"), settings=month.SETTINGS | {"health_s": 60})


def test_the_heap_is_as_free_on_the_last_day_as_on_the_first(kit):
    told = month.run(kit, 1, 6, driving_s=60, day_s=420)
    assert told.broken() == [], told
    assert told.frames > 60 and told.least > 40_000
    print(told)


def test_a_leak_is_seen():
    assert Days([60_000, 59_000, 59_100, 59_050, 59_000], starts=1).broken() == []
    (sentence,) = Days([60_000, 59_000, 58_000, 57_000, 56_000, 55_000], starts=1).broken()
    assert "58000 bytes free, and 56000 later" in sentence
    assert Days([1, 1, 1], starts=2, restarts=1).broken() == ["2 starts", "1 tasks died"]
    assert len(Days([1, 1], starts=1).broken()) == 1
