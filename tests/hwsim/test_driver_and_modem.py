"""The modem driver against the bench's modem model: two people's reading of what modems do."""

import pytest

from hwsim.modem import Sim
from tests.hwsim.driver_bench import EPOCH


@pytest.mark.parametrize(
    ("profile", "within_s"),
    [
        ("plain", 8),
        ("a7670", 20),
        ("a7670-slow", 80),
        ("sim7600", 40),
        ("quectel-plain", 8),
        ("ec25", 40),
        ("bg95", 100),
    ],
)
def test_each_kind_of_modem_comes_up_and_carries_every_byte(drive, profile, within_s):
    run = drive(profile).run(within_s + 60)
    assert run.first_round_s() < within_s
    assert len(run.rounds(within_s)) >= 55, run.lines[-20:]


@pytest.mark.parametrize(
    "changes",
    [
        {"registers": ("CREG",)},
        {"registers": ("CGREG",)},
        {"registers": ("CEREG",), "roaming": True},
        {"csq_unknown": True, "location_fields": False},
        {"cmee": 0},
        {"recv_trailer": b"\r\n", "recv_blank_line": False},
        {"attach_needs_apn": "internet"},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_habits_of_single_firmwares(drive, changes):
    run = drive(**changes).run(60)
    assert len(run.rounds(30)) >= 25, run.lines[-20:]


@pytest.mark.parametrize("nitz", ["psuttz", "psuttz_quoted", "psuttz_unbalanced", "ctze"])
def test_network_time_in_every_layout(drive, nitz):
    run = drive(nitz=(nitz,)).run(40)
    told = [(ms, int(line.split()[1])) for ms, line in run.lines if line.startswith("TIME")]
    assert told
    for ms, utc_ms in told:
        assert abs(utc_ms - (int(EPOCH.timestamp() * 1000) + ms)) < 2500, (ms, utc_ms)


def test_manual_mode(drive):
    run = drive(config={"manual_receive": True}).run(60)
    assert len(run.rounds(30)) >= 25, run.lines[-20:]


def test_a_name_instead_of_an_address(drive):
    run = drive(config={"host": "gateway.example"}).run(40)
    assert len(run.rounds(25)) >= 12, run.lines[-20:]


def test_a_modem_at_another_rate(drive):
    run = drive(baud=9600).run(90)
    assert run.rounds(), run.lines[-20:]
    assert run.modem.baud == 115200


def test_the_right_pin_and_a_wrong_one(drive):
    sim = Sim(pin="1234")
    run = drive(sim=sim, config={"pin": "1234"}).run(60)
    assert run.rounds() and sim.attempts == ["1234"]
    sim = Sim(pin="9999")
    run = drive(sim=sim, config={"pin": "1234"}).run(600)
    run.terminal.reset()
    run.run(300)
    assert not run.rounds() and sim.attempts == ["1234"] and sim.tries == 2


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_modem_with_everything_going_wrong_at_times(drive, seed):
    """Failures at every step: it may be slow, but it always comes back, and not one byte is wrong."""
    run = drive(
        seed=seed,
        prompt_missing=0.02,
        send_fails=0.05,
        netopen_fails=0.3,
        cipopen_fails=0.3,
        spontaneous_restart_s=(40, 120),
    ).run(900)
    assert len(run.rounds()) > 300, run.lines[-40:]
    assert run.rounds(700), run.lines[-40:]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_noisy_wire(drive, seed):
    """Bits turn over on the way to the terminal: datagrams may be damaged, the driver never is."""
    run = drive(seed=seed, garble=0.0003)
    run.terminal.power_on()
    run.kernel.run_for(600)
    assert not run.said("DIED") and not run.said("Traceback")
    assert len(run.rounds()) > 250, run.lines[-40:]
    assert run.rounds(500), run.lines[-40:]


@pytest.mark.parametrize("cure", ["reset", "pwrkey", "supply"])
def test_a_modem_that_hangs_is_brought_back(drive, cure):
    run = drive(hang_cured_by=(cure,)).run(40)
    assert run.rounds()
    run.modem.hang()
    run.run(260)
    assert run.rounds(200), run.lines[-40:]


def test_a_storm_of_urcs_costs_nothing_but_time(drive):
    run = drive().run(40)
    run.modem.storm(20)
    run.run(40)
    assert len(run.rounds(60)) >= 15, run.lines[-40:]
    assert len(run.rounds(40)) >= 25


def test_no_coverage_for_a_quarter_of_an_hour(drive):
    run = drive().run(40)
    run.modem.set_coverage(False)
    run.run(900)
    run.modem.set_coverage(True)
    run.run(60)
    assert run.rounds(960), run.lines[-40:]


def test_the_modem_restarts_by_itself(drive):
    run = drive().run(40)
    for _ in range(3):
        run.modem.restart()
        run.run(40)
        now_s = run.kernel.now_us / 1e6
        assert run.rounds(now_s - 15), run.lines[-40:]
