"""Each fault fires, and what it does is seen from outside; before that, and without it, it is not there."""

import pytest

from hwsim.faults import FAULTS, PROFILES, Faults, profile
from hwsim.faults.model import MOST, RATE, RATE_OF_HOUSE, SHARE
from hwsim.faults.registry import ACTS
from tests.hwsim.fault_effects import EFFECTS
from tests.hwsim.idle_house import IdleHouse

AT_S = 20.0  # the modem has registered by then
RATES = [name for name, meta in FAULTS.items() if meta["kind"] in (RATE, RATE_OF_HOUSE)]


def test_every_rate_has_an_act_and_a_test():
    assert set(ACTS) == set(RATES) == set(EFFECTS)


@pytest.mark.parametrize("name", RATES)
def test_it_fires_when_it_shall_and_not_before(tmp_path, name):
    there = EFFECTS[name]
    with IdleHouse(tmp_path, Faults(at=((name, AT_S, 0),))) as idle:
        idle.run(AT_S - 3)
        assert not there(idle)
        assert not idle.faults()
        idle.kernel.run(round(AT_S * 1e6) + 100_000)
        for _ in range(90):
            idle.run(0.7)
            if idle.lines() and there(idle):
                break
        else:
            raise AssertionError(f"{name} happened, and nothing is to be seen of it: {idle.faults()}")
        assert [event.what for event in idle.faults()] == [name]


@pytest.mark.parametrize(
    "name", ["partition", "gnss_jamming", "sim_lost", "key_stuck", "broker_slow", "disk_full"]
)
def test_when_the_faults_are_over_nothing_is_left_of_it(tmp_path, name):
    there = EFFECTS[name]
    with IdleHouse(tmp_path, Faults(at=((name, AT_S, 0),))) as idle:
        idle.run(AT_S + 2)
        assert there(idle)
        idle.injector.calm()
        assert idle.injector.last_fault_us == idle.kernel.now_us
        idle.run(15)
        assert not there(idle)


def test_without_faults_nothing_happens(tmp_path):
    with IdleHouse(tmp_path) as idle:
        idle.run(120)
        assert not idle.faults()
        assert idle.starts == 1
        assert not idle.injector.count


def times(folder, faults, name, seed=5):
    folder.mkdir()
    with IdleHouse(folder, faults, seed, units=2) as idle:
        idle.run(600)
        return [(event.t_us, event.fields) for event in idle.faults(name)]


def test_a_fault_switched_off_leaves_the_others_where_they_were(tmp_path):
    both = Faults(nat_rebind=30, cell_change=30, gnss_jump=20)
    with_all = times(tmp_path / "all", both, "cell_change")
    alone = times(tmp_path / "alone", both.only("cell_change"), "cell_change")
    assert with_all == alone
    assert 4 < len(alone) < 20  # two cars, ten minutes, thirty an hour
    assert not times(tmp_path / "none", both.without("cell_change"), "cell_change")
    assert times(tmp_path / "other", both, "cell_change", seed=6) != alone


def test_the_dataclass_refuses_what_cannot_be():
    for wrong in ({"loss": 1.1}, {"power_cut": -1}, {"key_bounce": 2}, {"delay_ms": -1}):
        with pytest.raises(ValueError):
            Faults(**wrong)
    for at in (("loss", 1.0, 0), ("nonsense", 1.0, 0), ("power_cut", -1.0, 0)):
        with pytest.raises(ValueError):
            Faults(at=(at,))
    with pytest.raises(ValueError):
        Faults().only("nonsense")
    assert Faults(delay_ms=3000, loss=0.3).active() == ["loss", "delay_ms"]


def test_profiles():
    assert not profile("none").active()
    with pytest.raises(ValueError, match="there are none, calm"):
        profile("nonsense")
    full = profile("full")
    assert full.loss == 0.3
    assert full.delay_ms == 3000
    # Everything that the issue names is in it.
    assert set(full.active()) == set(FAULTS)
    for name in PROFILES:
        assert profile(name).only(*profile(name).active()) == profile(name)
    assert {meta["kind"] for meta in FAULTS.values()} == {MOST, SHARE, RATE, RATE_OF_HOUSE}
