"""The soak itself: it repeats, it judges, it says how to see it again, and it can make a finding smaller."""

import dataclasses
import gc
import json
import shlex
import weakref

import pytest

from hwsim import soak, soak_runs
from hwsim.__main__ import parser
from hwsim.checks import Recorder, Violation
from hwsim.faults import Faults, profile
from hwsim.house import House
from hwsim.officers import LIVES, Officers
from hwsim.soak_runs import chosen, command, halve
from tests.hwsim.idle_house import IdleHouse

SEED, HOURS = 9, 0.2
# All of them, often enough for a run of minutes.
BUSY = {"partition": 10, "power_cut": 10, "power_cut_in_flash": 15, "modem_hang": 5, "task_death": 8}
BUSY |= {"gateway_kill": 20, "broker_kill": 10, "gnss_jump": 10, "heap_exhaustion": 5, "nat_rebind": 10}


def faults():
    return profile("full").with_(**BUSY)


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    return soak.kit(1, tmp_path_factory.mktemp("soak"))


@pytest.fixture(scope="module")
def result(kit):
    return soak.run(SEED, 1, HOURS, faults(), kit)


def test_everything_goes_wrong_and_no_promise_is_broken(result):
    assert not result.violations, "\n".join(result.violations + result.story)
    assert len(result.faults) >= 6
    assert result.frames > 10
    assert result.drain_s < soak.DRAIN_S


def test_nothing_is_left_of_a_run_when_it_is_over(kit, monkeypatch):
    parts = []

    class Known(Recorder):
        def __init__(self, house):
            super().__init__(house)
            parts.extend(weakref.ref(part) for part in (self, house, house.kernel, house.cars[0]))

    monkeypatch.setattr(soak, "Recorder", Known)
    gc.disable()  # else it may happen to come by
    try:
        soak.run(SEED, 1, 0.01, Faults(), kit)
        left = [part() for part in parts]
    finally:
        gc.enable()
    assert left == [None] * 4


def test_officers_drive_park_and_press_every_key_they_have(tmp_path, monkeypatch):
    with IdleHouse(tmp_path, seed=2) as idle:
        # What they do depends on nothing that works: hours cost nothing without a program.
        idle.car.terminal.power_off()
        monkeypatch.setattr(idle.car, "start", lambda: None)
        officers = Officers(idle.car, panic_s=120)
        officers.start()
        idle.run(4 * 3600)
        pressed = [event.fields["key"] for event in idle.seen("key") if event.fields["down"]]
        assert set(pressed) == set(idle.car.terminal.board["keys"])
        held = panics(idle)
        assert sum(ms >= 600 for ms in held) > 40
        assert any(ms < 600 for ms in held)
        officers.stop()
        before = len(idle.seen("key"))
        idle.run(3600)
        assert len(idle.seen("key")) <= before + 1  # one that was just held down
        assert not idle.car.gnss.moving


def test_a_day_has_two_shifts_and_a_night_without_officers(tmp_path, monkeypatch):
    with IdleHouse(tmp_path, seed=2) as idle:
        idle.car.terminal.power_off()
        monkeypatch.setattr(idle.car, "start", lambda: None)
        idle.car.gnss.stop()
        Officers(idle.car).start()
        idle.run(72 * 3600)
        at_h = [event.t_us / 3.6e9 for event in idle.seen("key") if event.fields["down"]]
        gaps = [after - before for before, after in zip(at_h, at_h[1:], strict=False)]
        nights = [round(gap, 3) for gap in gaps if gap > 3]
        assert nights == [8.0] * 3  # from the last key of a duty, off_duty, to the first of the next
        assert at_h[gaps.index(max(gaps))] >= 2
        keys = [(e.t_us / 3.6e9, e.fields["key"]) for e in idle.seen("key") if e.fields["down"]]
        ends = [n for n, gap in enumerate(gaps) if gap > 3]
        assert all((keys[n][1], keys[n + 1][1]) == ("off_duty", "available") for n in ends)
        assert len(keys) > 300


@pytest.mark.parametrize("life", LIVES)
def test_a_life_that_is_led_to_be_measured_is_one_thing_all_the_time(life, tmp_path, monkeypatch):
    with IdleHouse(tmp_path, seed=2) as idle:
        idle.car.terminal.power_off()
        monkeypatch.setattr(idle.car, "start", lambda: None)
        Officers(idle.car, life=life).start()
        moving = set()
        for _ in range(8):
            idle.run(1800)
            moving.add(idle.car.gnss.moving)
        keys = {event.fields["key"] for event in idle.seen("key")}
        assert life == "patrol" or keys == {"drive": set(), "wait": {"available"}, "park": {"off_duty"}}[life]
        assert moving == {"patrol": {True, False}, "drive": {True}}.get(life, {False})
        options = parser().parse_args(["soak", "--life", life])
        assert (f"--life {life}" in command(options, 7, 1, chosen(options))) == (life != "patrol")


def panics(idle):
    """How long PANIC was held, each time, in milliseconds."""
    edges = [event for event in idle.seen("key") if event.fields["key"] == "panic"]
    return [(up.t_us - down.t_us) / 1000 for down, up in zip(edges[::2], edges[1::2], strict=False)]


def test_the_same_seed_is_the_same_run(kit, result):
    again = soak.run(SEED, 1, HOURS, faults(), kit)
    assert again.trace == result.trace
    assert dataclasses.replace(again, times_real_time=0) == dataclasses.replace(result, times_real_time=0)


def test_its_json_has_what_is_promised(result):
    row = json.loads(json.dumps(result.as_json()))
    assert {"seed", "trace", "violations", "terminal_days", "times_real_time"} <= set(row)
    assert row["terminal_days"] >= HOURS / 24
    many = soak_runs.summary([result, result])
    assert {"seeds", "trace", "violations", "terminal_days", "times_real_time"} <= set(many)
    assert many["terminal_days"] == pytest.approx(2 * row["terminal_days"], abs=1e-3)


def arguments(words):
    program, _, module, *rest = shlex.split(words)
    assert (program, module) == ("python", "hwsim")
    return parser().parse_args(rest)


FULL = "soak --seed 7 --terminals 2 --hours 1.5 --faults full"


@pytest.mark.parametrize(
    "words",
    [
        "",
        "--often 3 --without modem_hang,loss",
        "--only power_cut,flash_worn",
        "--only loss --at power_cut@12.5:1 --at gateway_kill@3",
        "--often 1.2345678 --at power_cut@12345.678",
    ],
)
def test_the_command_it_names_is_the_same_run(words):
    options = parser().parse_args(f"{FULL} {words}".split())
    again = arguments(command(options, 7, 1.5, chosen(options)))
    assert (again.seed, again.terminals, again.hours) == (7, 2, 1.5)
    assert chosen(again) == chosen(options)


def test_the_smallest_command_may_have_no_fault_of_the_profile_and_odd_hours():
    """A bug that needs no fault; half of half of the hours."""
    options = parser().parse_args(FULL.split())
    again = arguments(command(options, 7, 9.5 / 128, Faults()))
    assert chosen(again) == Faults() and again.hours == 9.5 / 128
    once = Faults(at=(("power_cut", 3.0, 1),))
    assert chosen(arguments(command(options, 7, 1, once))) == once


def test_rates_can_be_higher_and_shares_stay():
    options = parser().parse_args([*FULL.split(), "--often", "4"])
    assert chosen(options).power_cut == 4 * profile("full").power_cut
    assert chosen(options).loss == profile("full").loss


@pytest.mark.parametrize(
    "words",
    ["--faults nonsense", "--only nonsense", "--without nonsense", "--at nonsense@1", "--at power_cut"]
    + ["--at power_cut@x", "--at power_cut@1:5", "--at loss@1", "--at power_cut@nan", "--at power_cut@inf"],
)
def test_wrong_use_is_refused_before_anything_starts(words, capsys):
    options = parser().parse_args(["soak", *words.split()])
    assert options.run(options) == 2
    assert capsys.readouterr().err.startswith("soak: ")


def test_a_finding_is_made_smaller():
    tried = []

    def breaks(faults):
        tried.append(faults)
        return {"power_cut", "loss"} <= set(faults.active())

    smallest = halve(profile("full"), breaks)
    assert smallest == profile("full").only("power_cut", "loss")
    assert len(tried) < 40
    assert halve(Faults(), lambda faults: True) == Faults()


def test_a_violation_comes_with_its_seed_a_command_and_a_story(kit, monkeypatch, capsys, tmp_path):
    def judge(recorder, drained):
        assert drained
        (car,) = recorder.finish().cars.values()
        return [Violation(60_000_000, "planted", f"{car.name}: said for the test")]

    monkeypatch.setattr(soak, "violations", judge)
    monkeypatch.setattr(soak_runs, "kit", lambda count, folder, life: kit)
    report = tmp_path / "soak.json"
    words = f"soak --seed 9 --terminals 1 --hours 0.02 --faults none --at power_cut@30 --json {report}"
    options = parser().parse_args(words.split())
    assert options.run(options) == 1
    said = capsys.readouterr().out
    assert "seed 9: 1 VIOLATIONS" in said
    assert "again: python -m hwsim soak --seed 9 --terminals 1 --hours 0.02 --faults none" in said
    assert "--at power_cut@30" in said
    story = [line for line in said.splitlines() if line.startswith("  | ")]
    assert any("power_cut" in line for line in story)
    assert any("start cause=power" in line for line in story)
    assert len(story) <= 40
    row = json.loads(report.read_text())
    assert row["violations"] == ["60.000 s, planted: sm-21: said for the test"]
    assert row["rules"] == ["planted"]


def test_who_does_not_come_home_in_time_is_late(kit, monkeypatch, tmp_path):
    monkeypatch.setattr(soak, "DRAIN_S", 300)
    with House(kit, tmp_path, seed=3) as house:
        run = soak.Soak(house, 3, 0.02, Faults())
        house.kernel.at(60_000_000, house.network.partition, True)
        result = run.play()
    assert "liveness" in result.rules
    assert any("not in touch with headquarters" in text for text in result.violations)
