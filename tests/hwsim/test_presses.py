"""Presses of the panic key by the dozen: what the command `panics` measures, and that it can say no."""

import pytest

from hwsim.presses import AGAIN, CUT, FIRST, QUIET, RECEIVED, TENTH, THIRD, Press, Tally, quantile, run
from hwsim.presses_runs import as_json, table
from hwsim.rig import Kit


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    return Kit(tmp_path_factory.mktemp("kit"))


def test_forty_presses_on_every_way_are_within_the_limits(kit):
    tally = run(kit, 1, 40, {QUIET: 1, TENTH: 2, THIRD: 2, CUT: 1})
    assert tally.presses == 40 and tally.false_received == 0
    assert tally.broken() == [], "\n".join(table(tally))
    assert {key for key in tally.times} == {
        *((FIRST, way) for way in (QUIET, TENTH, THIRD, CUT)),
        *((RECEIVED, way) for way in (QUIET, TENTH, THIRD)),
        (AGAIN, CUT),
    }
    print("\n".join(table(tally)))


def press(way=QUIET, **times):
    return Press(way, 1_000_000, **{"panic": 65537, "sent_us": 1_100_000, "received_us": 1_300_000} | times)


def test_what_is_late_or_never_comes_is_said():
    tally = Tally()
    for _ in range(200):
        tally.add(press())
    assert tally.broken() == []
    for _ in range(3):
        tally.add(press(sent_us=1_301_000))
    (sentence,) = tally.broken()
    assert sentence == "first datagram, quiet: p99 is 301 ms of 203 presses, 300 ms at most"
    tally = Tally()
    tally.add(press(received_us=None))
    assert [text.split(":")[0] for text in tally.broken()] == ["received shown, quiet"] * 2
    tally = Tally()
    tally.add(press(CUT, back_us=5_000_000, again_us=6_000_001))
    assert tally.broken() == [
        "first datagram after the link is back, link returns: p100 is 1000 ms of 1 presses, 1000 ms at most"
    ]
    tally = Tally(false_received=1)
    assert len(tally.broken()) == 1
    assert as_json(tally, tally.broken(), 1)["broken"] == tally.broken()


def test_a_lamp_that_says_received_before_it_is_stored_is_false(kit, monkeypatch):
    """The same run with an ear that hears of nothing stored: every "received" is a lie then."""
    from hwsim import presses

    monkeypatch.setattr(presses.Finger, "_stored_now", lambda *_: None)
    monkeypatch.setattr(presses, "_PATIENCE_S", 3)
    tally = run(kit, 1, 2, {QUIET: 1})
    assert tally.false_received >= 2 and tally.broken()


def test_quantiles():
    values = list(range(1, 101))
    assert [quantile(values, share) for share in (0.5, 0.99, 0.999, 1.0)] == [50, 99, 100, 100]
    assert quantile([7], 0.5) == 7
