"""Starts that fail one after another, and what the terminal does with the next.

The whole terminal in virtual time. What fails is done to it by the bench; the firmware knows nothing of it.
"""

import re

import pytest

from hwsim.faults.chip import FREEZE, HANG
from hwsim.rig import Kit, Rig
from protocol import report

WATCHDOG_S = 10


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    return Kit(tmp_path_factory.mktemp("kit"), settings={"log": 2})


class Patient(Rig):
    def __init__(self, kit, folder):
        super().__init__(kit, folder, cpu=0)
        (self.car,) = self.cars
        self.terminal = self.car.terminal

    def freeze(self):
        """The program stands still, until the watchdog bites."""
        starts = self.terminal.starts
        self.terminal.afflict(FREEZE)
        assert self.kernel.run_until(lambda: self.terminal.starts > starts, WATCHDOG_S + 10)
        self.kernel.run_for(4)

    def health(self):
        return [r[report.HEALTH] for r in self.desk.frames.values() if r[report.KIND] == report.KIND_HEALTH]

    def kinds(self, boot):
        return [r[report.KIND] for r in self.desk.frames.values() if r[report.BOOT] == boot]

    def green(self):
        return self.car.panel.green.state


def test_after_three_bites_it_is_in_safe_mode_says_why_and_an_alarm_gets_through(kit, tmp_path):
    with Patient(kit, tmp_path) as rig:
        rig.working()
        for expected in (0, 0, 1):
            rig.freeze()
            rig.kernel.run_for(50)
            assert ("safe" in rig.green()) is bool(expected), (rig.terminal.starts, rig.green())
        assert rig.green() == "safe+link"
        boot = rig.terminal.starts
        newest = [h for h in rig.health() if report.HEALTH_SAFE in h]
        assert newest and {h[report.HEALTH_SAFE] for h in newest} == {report.SAFE_WATCHDOG}
        assert newest[0][report.HEALTH_RESET] == 3
        before = set(rig.kinds(boot))
        assert before == {report.KIND_HEALTH}, "nothing but what an alarm needs"
        rig.car.press("panic")
        rig.kernel.run_for(8)
        mine = rig.kinds(boot)
        assert report.KIND_PANIC in mine and mine.count(report.KIND_POSITION) >= 2
        assert rig.car.panel.red.state == "received"


def test_it_leaves_safe_mode_by_itself_and_comes_back_after_one_more_failure(kit, tmp_path):
    with Patient(kit, tmp_path) as rig:
        rig.working()
        rig.car.park()
        for _ in range(3):
            rig.freeze()
        rig.kernel.run_for(1700)
        assert rig.terminal.starts == 4 and "safe" in rig.green()
        rig.kernel.run_for(160)
        assert rig.terminal.starts == 5 and "safe" not in rig.green()
        assert any("safe mode is over" in line for line in rig.lines())
        rig.freeze()
        rig.kernel.run_for(30)
        assert "safe" in rig.green()


def test_what_was_said_before_the_bite_reaches_headquarters(kit, tmp_path):
    with Patient(kit, tmp_path) as rig:
        rig.working()
        rig.kernel.run_for(5)
        rig.terminal.afflict(HANG, bytes((4,)))
        assert rig.kernel.run_until(lambda: rig.terminal.starts == 2, 60)
        assert rig.terminal.cause == "watchdog"
        rig.kernel.run_for(60)
        said = b"".join(h.get(report.HEALTH_TRACE, b"") for h in rig.health())
        assert re.search(rb"task (keys|lamps|gnss|beat|modem) hangs; the watchdog bites\n", said), said
        assert b"modem: up\n" in said and b"boot 1, reset cause 1\n" in said
        assert not any(report.HEALTH_SAFE in h for h in rig.health())


def test_a_loss_of_power_is_no_failed_start_and_leaves_no_trace(kit, tmp_path):
    with Patient(kit, tmp_path) as rig:
        rig.working()
        for _ in range(6):
            rig.terminal.cut_power(off_s=2)
            rig.kernel.run_for(12)
        rig.kernel.run_for(40)
        assert "safe" not in rig.green()
        assert not any(report.HEALTH_TRACE in h or report.HEALTH_SAFE in h for h in rig.health())


def test_a_start_that_lasted_has_not_failed(kit, tmp_path):
    with Patient(kit, tmp_path) as rig:
        rig.working()
        rig.car.park()
        for _ in range(3):
            rig.kernel.run_for(920)
            rig.freeze()
        rig.kernel.run_for(30)
        assert rig.terminal.starts == 4 and "safe" not in rig.green()


@pytest.mark.parametrize(
    ("key", "held_ms", "before_s", "kind"), [("panic", 750, 0.4, "PANIC"), ("event", 120, 1.0, "EVENT")]
)
def test_what_is_being_pressed_when_safe_mode_ends_is_not_lost(tmp_path, key, held_ms, before_s, kind):
    """A hold that is not long enough yet, taps that are still counted: both are in memory alone."""
    # Nothing is said by itself about then, so that the moment is the same with a key and without.
    kit = Kit(tmp_path / "kit", settings={"log": 2, "health_s": 3600, "parked_s": 3600})
    over_us = None
    for name in ("alone", "pressed"):
        (tmp_path / name).mkdir()
        with Patient(kit, tmp_path / name) as rig:
            rig.working()
            rig.car.park()
            for _ in range(3):
                rig.freeze()
            if over_us is None:
                assert rig.kernel.run_until(lambda: rig.terminal.starts == 5, 1900)
                over_us = rig.kernel.now_us
                continue
            rig.kernel.run(over_us - round(before_s * 1e6))
            assert rig.terminal.starts == 4
            rig.car.panel.press(key, held_ms)
            rig.kernel.run_for(120)
            kinds = [frame[report.KIND] for frame in rig.desk.frames.values()]
            assert kinds.count(getattr(report, f"KIND_{kind}")) == 1
            assert rig.terminal.starts == (4 if key == "panic" else 5), "it ends later, and not in an alarm"
