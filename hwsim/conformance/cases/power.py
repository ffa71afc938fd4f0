"""POWER: supply, ignition, and starts."""

from hwsim.conformance import signs
from hwsim.conformance.case import case
from hwsim.conformance.signs import lamp, panic, pin, start, stored, up
from protocol import report


def lost(fields):
    return fields.get(report.HEALTH, {}).get(report.HEALTH_SUPPLY_LOST) == 1


@case("POWER-01", "frame.health", against="POWER-02")
def supply_lost(s):
    """A supply that breaks down below the limit is told within 15 s."""
    s.working()
    s.wait(12)
    s.supply(8000)
    s.expect(stored("health", "with the supply lost", lost), 15)


@case("POWER-02", "frame.health", against="POWER-01")
def supply_well(s):
    """A supply that is only weak is not."""
    s.working()
    s.wait(12)
    s.supply(9800)
    s.wait(25)
    s.never(stored("health", "with the supply lost", lost), since=0)


@case("POWER-03", "power", against="POWER-04")
def crank(s):
    """The dip of a starter, 8.5 V for 300 ms, neither restarts the terminal nor is told as a loss twice."""
    s.working()
    s.wait(12)
    for _ in range(3):
        s.supply(8500)
        s.wait(0.3)
        s.supply(13800)
        s.wait(8)
    s.count(start(), 1, since=0)
    told = s.find(stored("health", "with the supply lost", lost))
    s.check(len(told) <= 1, f"told {len(told)} times")


@case("POWER-04", "power", "frame.name", against="POWER-03")
def restart(s):
    """After a loss of power the terminal is served again within 20 s, with the next boot number and seq
    from 0."""
    s.working()
    boot = s.reports(since=0)[0][report.BOOT]
    s.cut_power(1)
    told = s.expect(stored(), 21).report
    s.equal(told[report.BOOT], boot + 1, "boot")
    s.check(
        (boot + 1, 0) in {signs.name_of(r) for r in s.reports(since=0)} or told[report.SEQ] <= 2, "seq from 0"
    )


@case("POWER-05", "settings.patrol", against="GNSS-02", settings={"parked_s": 600})
def ignition(s):
    """Switching the ignition off and on is told with a position, each time."""
    s.working()
    s.park()
    s.wait(70)
    for on in (False, True):
        since = s.kernel.now_us
        s.ignition(on)
        s.expect(stored("position"), 4, since)
        s.wait(10)


@case("POWER-06", "power", against="POWER-04")
def flapping(s):
    """Power that comes and goes fifteen times while the terminal starts does no harm: the next start
    succeeds."""
    s.working()
    for number in range(15):
        s.cut_power(0.2)
        s.kernel.run_for(0.35 + number * 0.13)
    s.cut_power(1)
    s.press("available")
    s.wait(2)
    since = s.kernel.now_us
    s.expect(stored(), 30, since)
    s.press("busy")
    s.expect(stored("status"), 3)
    s.never(signs.trouble(), since=0)


@case("POWER-07", "power", "panic.stages", against="PANIC-23")
def acknowledged_over_power(s):
    """An alarm that a person had acknowledged shows so again after a loss of power, and is not raised
    anew."""
    s.working()
    id = s.alarm(3, s.hold_panic())
    s.wait(3)
    s.acknowledge(id)
    s.expect(lamp("red", "acknowledged"), 2)
    s.wait(3)
    s.cut_power(3)
    since = s.kernel.now_us
    s.expect(lamp("red", "acknowledged"), 15, since)
    s.never(up("panic"), 20, since)


@case("POWER-08", "power", against="POWER-06")
def quiet(s):
    """Two minutes of an ordinary drive: no restart, no watchdog, both lamps as they shall be."""
    s.working()
    s.wait(120)
    s.count(start(), 1, since=0)
    s.never(signs.trouble(), since=0)
    s.never(pin("red"), since=0)


@case("POWER-09", "frame.health", "power", against="POWER-08")
def cause(s):
    """The health report after a start says why it started: power, or the reset line."""
    s.working()
    s.say("somebody pulls the reset line")
    s.car.terminal.reset("hard")
    told = s.expect(stored("health"), 25).report[report.HEALTH]
    s.equal(told[report.HEALTH_RESET], 2, "cause: reset line")
    s.wait(1)
    s.cut_power(1)
    told = s.expect(stored("health"), 25).report[report.HEALTH]
    s.equal(told[report.HEALTH_RESET], 1, "cause: power")


@case("POWER-10", "power", "officer.panic", against="PANIC-22")
def quick_alarm(s):
    """PANIC is heard within four seconds of a start: long before there is a network."""
    s.working()
    s.cut_power(2)
    s.wait(2)
    s.wait(4)
    held = s.hold_panic()
    s.expect(pin("red"), 0.3, held)
    s.expect(panic(), 25, held)
