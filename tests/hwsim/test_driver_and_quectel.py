"""The same for Quectel's modems: their driver against their model."""

import pytest

from hwsim.modem import Sim
from tests.hwsim.driver_bench import EPOCH


@pytest.mark.parametrize(
    "changes",
    [
        {"registers": ("CREG",)},
        {"csq_unknown": True, "location_fields": False, "cmee": 0},
        {"attach_needs_apn": "internet"},
        {"activate_lies": 1.0},
        {"urcs_elsewhere": False},
        {"nitz": ("ctze", "ctzv_zone")},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_habits_of_quectel_s_firmwares(drive, changes):
    run = drive("ec25", **changes).run(80)
    assert len(run.rounds(45)) >= 30, run.lines[-20:]
    told = [(ms, int(line.split()[1])) for ms, line in run.lines if line.startswith("TIME")]
    assert told and all(abs(utc - (int(EPOCH.timestamp() * 1000) + ms)) < 2500 for ms, utc in told), told


def test_quectel_by_name_with_its_pin_and_a_wrong_one(drive):
    sim = Sim(pin="1234")
    run = drive("ec25", sim=sim, config={"pin": "1234", "host": "gateway.example"}).run(80)
    assert run.rounds() and sim.attempts == ["1234"]
    sim = Sim(pin="9999")
    run = drive("ec25", sim=sim, config={"pin": "1234"}).run(600)
    run.terminal.reset()
    run.run(300)
    assert not run.rounds() and sim.attempts == ["1234"] and sim.tries == 2


@pytest.mark.parametrize(("profile", "seed"), [("ec25", 1), ("bg95", 2)])
def test_a_quectel_with_everything_going_wrong_at_times(drive, profile, seed):
    run = drive(
        profile,
        seed=seed,
        prompt_missing=0.02,
        send_fails=0.05,
        netopen_fails=0.3,
        cipopen_fails=0.3,
        spontaneous_restart_s=(60, 180),
    ).run(900)
    assert len(run.rounds()) > 100, run.lines[-40:]
    assert run.rounds(600), run.lines[-40:]


def test_a_quectel_loses_socket_and_context(drive):
    run = drive("ec25").run(60)
    run.modem.stack.close_by_network(0)
    run.run(20)
    assert run.rounds(70), run.lines[-20:]
    run.modem.stack.lose_network()
    run.run(40)
    assert run.rounds(110), run.lines[-20:]


@pytest.mark.parametrize(
    ("profile", "cure"), [("ec25", "reset"), ("bg95", "reset"), ("ec25", "pwrkey"), ("bg95", "pwrkey")]
)
def test_a_quectel_that_hangs_is_brought_back(drive, profile, cure):
    run = drive(profile, hang_cured_by=(cure,)).run(100)
    assert run.rounds()
    run.modem.hang()
    run.run(300)
    assert run.rounds(330), run.lines[-40:]


def test_a_noisy_wire_to_a_quectel(drive):
    run = drive("ec25", garble=0.0003)
    run.terminal.power_on()
    run.kernel.run_for(600)
    assert not run.said("DIED") and not run.said("Traceback")
    assert len(run.rounds()) > 250 and run.rounds(500), run.lines[-40:]


def test_a_bg95_with_nothing_but_its_power_key_is_reset_by_holding_that(drive):
    """As on a Pico LTE: no reset line, no supply switch, and a hang that the short press does not reach."""
    run = drive("bg95", hang_cured_by=("reset",), wires=("pwrkey",))
    run.modem.set_pin("supply", 1)
    run.run(100)
    assert run.rounds()
    run.modem.hang()
    run.run(200)
    assert run.rounds(240), run.lines[-40:]


def test_an_ec25_is_not_reset_that_way(drive):
    run = drive("ec25", hang_cured_by=("reset",), wires=("pwrkey",))
    run.modem.set_pin("supply", 1)
    run.run(60)
    run.modem.hang()
    run.run(200)
    assert not run.rounds(61)
