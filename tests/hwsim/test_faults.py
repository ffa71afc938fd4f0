"""Each fault fires, and what it does is seen from outside; before that, and without it, it is not there."""

import pytest

from hwsim.faults import FAULTS, PROFILES, Faults, profile
from hwsim.faults.model import MOST, RATE, RATE_OF_HOUSE, SHARE
from hwsim.faults.registry import ACTS
from tests.hwsim.idle_house import IdleHouse

AT_S = 20.0  # the modem has registered by then
EFFECTS = {}


def effect(function):
    """`function(idle)` -> is it there? Asked a moment before the fault, and for some time after it."""
    EFFECTS[function.__name__] = function
    return function


def date(idle):
    return idle.said("rmc").split(",")[9]


@effect
def partition(idle):
    return idle.car.path.partitioned


@effect
def nat_rebind(idle):
    if not hasattr(idle, "flow"):
        idle.flow = idle.car.path.socket(lambda data, source: None)
    idle.flow.send(b"?", ("192.0.2.99", 7))
    idle.run(1)
    return len(set(idle.echo.sources)) > 1


@effect
def coverage(idle):
    return not idle.car.modem.radio.registered


@effect
def cell_change(idle):
    return idle.car.modem.radio.cell != "01A2B3C4"


@effect
def sim_lost(idle):
    return idle.car.modem.reader.failure is not None


@effect
def modem_hang(idle):
    return not idle.car.modem.alive


@effect
def modem_reset(idle):
    return idle.car.modem.power.starts > 1


@effect
def urc_storm(idle):
    before = int(idle.said("heard"))
    idle.run(1)
    return int(idle.said("heard")) - before > 200


@effect
def gnss_loss(idle):
    return ",V," in idle.said("rmc")


@effect
def gnss_cold_start(idle):
    return idle.said("rmc").startswith("$GNRMC,,V,,")


@effect
def gnss_jump(idle):
    fields = idle.said("rmc").split(",")
    there = idle.car.gnss.track.at(idle.kernel.now_us / 1e6)
    lat = int(fields[3][:2]) + float(fields[3][2:]) / 60
    return abs(lat - there.lat) * 111_200 > 40


@effect
def gnss_jamming(idle):
    """The signal of the first satellite, which stands at 45 degrees."""
    fields = idle.said("gsv").split(",")
    return ",V," in idle.said("rmc") or (len(fields) > 7 and int(fields[7]) < 32)


@effect
def gnss_spoofing(idle):
    fields = idle.said("rmc").split(",")
    lat = int(fields[3][:2]) + float(fields[3][2:]) / 60
    return abs(lat - idle.car.gnss.track.at(idle.kernel.now_us / 1e6).lat) > 0.02


@effect
def week_rollover(idle):
    return date(idle).endswith("06")


@effect
def leap_second(idle):
    return any(row["rmc"][11:13] == "60" for row in idle.lines())


@effect
def clock_jump(idle):
    return date(idle) != "030626" or f"{idle.car.modem.utc():%d%m%y}" != "030626"


@effect
def key_stuck(idle):
    keys = idle.car.terminal.board["keys"]
    for key in keys:  # whoever pulls at it
        idle.car.panel.up(key)
    return any(idle.car.panel.is_down(key) for key in keys)


@effect
def supply_dip(idle):
    full = 13_800 * 65535 // 36_300
    return abs(int(idle.said("supply")) - full) > 2000 or idle.starts > 1


@effect
def power_cut(idle):
    return any(not event.fields["on"] for event in idle.seen("power"))


@effect
def power_cut_in_flash(idle):
    return bool(idle.seen("torn"))


@effect
def flash_worn(idle):
    flash = idle.car.terminal.flash
    blank = b"\xff" * flash.block
    found = False
    for block in range(0, flash.size // flash.block):
        if block in flash.worn:
            flash.do("erase", block * flash.block)
            found = flash.read(block * flash.block, flash.block) != blank
    return found


@effect
def flash_rot(idle):
    """The journal's region is programmed to zeroes before; a cell that rots reads one."""
    flash = idle.car.terminal.flash
    region = idle.car.terminal.board["flash"]["journal"]
    if not hasattr(idle, "written"):
        idle.written = True
        for at in range(region["address"], region["address"] + region["size"], flash.block):
            flash.do("program", at, bytes(flash.block))
    return any(flash.read(region["address"], region["size"]))


@effect
def flash_full(idle):
    return int(idle.said("room")) < 8


@effect
def heap_exhaustion(idle):
    return any(int(row["free"]) < 34_000 for row in idle.lines())


@effect
def task_death(idle):
    return any(
        "fault: task" in event.fields["text"] and "dies" in event.fields["text"]
        for event in idle.seen("note")
    )


@effect
def task_hang(idle):
    return any(
        "hangs" in event.fields["text"] or "still" in event.fields["text"] for event in idle.seen("note")
    )


@effect
def gateway_kill(idle):
    return bool(idle.seen("gateway.killed"))


@effect
def gateway_restart(idle):
    return bool(idle.seen("gateway.stopped"))


@effect
def disk_full(idle):
    return idle.house.gateway.disk_model.full


@effect
def fsync_error(idle):
    return bool(idle.house.gateway.disk_model.fsync_error)


@effect
def gateway_clock(idle):
    honest = idle.house.gateway.epoch_ms + idle.kernel.now_us // 1000
    return abs(idle.house.gateway.wall_ms() - honest) > 900


@effect
def broker_kill(idle):
    return bool(idle.seen("killed", "broker"))


@effect
def broker_slow(idle):
    return idle.house.broker.packet_us > 40_000


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


def through(idle, count=400):
    """What comes of many datagrams sent to somebody who echoes them: the answers, with their numbers."""
    got = []
    flow = idle.car.path.socket(lambda data, source: got.append((idle.kernel.now_us, int(data))))
    sent = {}
    for number in range(count):
        sent[number] = idle.kernel.now_us
        flow.send(b"%d" % number, ("192.0.2.99", 7))
        idle.run(0.02)
    idle.run(10)
    return [(number, at_us - sent[number]) for at_us, number in got]


@pytest.mark.parametrize("name", ["loss", "duplicate", "reorder", "delay_ms"])
def test_the_weather_is_as_bad_as_it_says(tmp_path, name):
    def judge(answers):
        numbers = [number for number, _ in answers]
        return {
            "loss": len(set(numbers)) < 390,
            "duplicate": len(numbers) > len(set(numbers)) + 5,
            "reorder": sum(b < a for a, b in zip(numbers, numbers[1:], strict=False)) > 5,
            "delay_ms": max(us for _, us in answers) > 150_000,
        }

    seed = 3
    for value in (0.0, 1000.0 if name == "delay_ms" else 0.5):
        folder = tmp_path / str(value)
        folder.mkdir()
        with IdleHouse(folder, Faults(**{name: value}), seed) as idle:
            while name == "delay_ms" and value and idle.car.path.weather.rtt_ms < 200:
                idle.run(60)  # from 30 ms up: there are good days among them
            verdict = judge(through(idle))
            assert bool(idle.faults("weather")) == bool(value)
            assert verdict.pop(name) == bool(value)
            # Whoever is overtaken is late as well.
            assert not any(bad for other, bad in verdict.items() if (name, other) != ("reorder", "delay_ms"))


@pytest.mark.parametrize("name", ["uart_garble", "uart_lose"])
def test_a_wire_is_as_bad_as_it_says(tmp_path, name):
    for share in (0.0, 0.01):
        folder = tmp_path / str(share)
        folder.mkdir()
        with IdleHouse(folder, Faults(**{name: share})) as idle:
            idle.run(60)
            rows = [row["rmc"] for row in idle.lines() if row["rmc"]]
            whole = sum(row.startswith("$GNRMC,") and row.count(",") == 12 and _sum_fits(row) for row in rows)
            assert len(rows) > 20
            assert (whole == len(rows)) == (share == 0)


def _sum_fits(row):
    body, _, digits = row[1:].partition("*")
    total = 0
    for byte in body.encode("ascii", "replace"):
        total ^= byte
    return digits == f"{total:02X}"


def test_a_key_bounces_badly(tmp_path):
    for share in (0.0, 1.0):
        folder = tmp_path / str(share)
        folder.mkdir()
        with IdleHouse(folder, Faults(key_bounce=share)) as idle:
            idle.run(5)
            for _ in range(4):
                idle.car.panel.press("panic", 100)
                idle.run(1)
            edges = int(idle.said("edges"))
            assert (edges > 4 * 2 * 7) == bool(share)  # an edge and up to six bounces, down and up


def test_ticks_wrap_at_a_moment_of_their_own(tmp_path):
    for share in (0.0, 1.0):
        folder = tmp_path / str(share)
        folder.mkdir()
        with IdleHouse(folder, Faults(ticks_wrap=share)) as idle:
            idle.run(3)
            assert (19_000 < int(idle.said("wrap")) <= 20_000) == (share == 0)


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
