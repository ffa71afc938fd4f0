"""PANIC: alarms on bad ways, without power, and what goes with them."""

from hwsim.conformance import signs
from hwsim.conformance.case import case
from hwsim.conformance.signs import lamp, panic, pin, sound, start, stored, up
from protocol import report

# Long enough for an eye to read each stage of the lamp.
SLOW = {"rtt_ms": 1600, "jitter_ms": 0}


@case("PANIC-17", "settings.officer", "officer.panic", against="PANIC-18")
def positions(s):
    """While an alarm is open a position goes out every 3 to 4 seconds, with the alarm's id."""
    s.car.gnss.moving = False
    s.working()
    s.wait(20)
    id = s.alarm(3, s.hold_panic())
    since = s.kernel.now_us
    s.wait(31)
    tagged = [r for r in s.reports("position", since) if signs.panic_id(r) == id]
    s.check(8 <= len(tagged) <= 11, f"8 to 11 positions in 31 s: {len(tagged)}")


@case("PANIC-18", "settings.patrol", against="PANIC-17")
def no_positions(s):
    """Without an alarm a parked car does not do so."""
    s.car.gnss.moving = False
    s.working()
    s.wait(20)
    since = s.kernel.now_us
    s.wait(31)
    s.equal(len(s.reports("position", since)), 0, "positions in 31 s")


@case("PANIC-19", "panic.drill", against="PANIC-20", settings={"drill": True})
def drill(s):
    """A terminal set to drill marks its alarm, and every report with it, as a drill."""
    s.working()
    s.alarm(3, s.hold_panic())
    s.wait(8)
    states = {r[report.PANIC][report.PANIC_STATE] for r in s.reports() if report.PANIC in r}
    s.equal(states, {report.PANIC_DRILL}, "states told")


@case("PANIC-20", "panic.drill", against="PANIC-19")
def no_drill(s):
    """Without that setting no report says drill."""
    s.working()
    s.alarm(3, s.hold_panic())
    s.wait(8)
    states = {r[report.PANIC][report.PANIC_STATE] for r in s.reports() if report.PANIC in r}
    s.equal(states, {report.PANIC_RAISED}, "states told")


@case("PANIC-21", "power", "delivery.durable", "delivery.once", against="PANIC-22")
def power_cut_after(s):
    """Power cut right after the alarm's first datagram: it arrives exactly once, whatever the cut hit.

    Headquarters' answers are lost until then; the alarm goes on by itself when power is back."""
    s.working()
    s.answers_lost()
    held = s.hold_panic()
    first = s.expect(up("panic"), 0.3, held)
    s.cut_power(5)
    s.answers_lost(False)
    s.expect(start("power"), 6)
    s.expect(lamp("red", "sending", "received"), 30)
    s.wait(10)
    ids = {signs.panic_id(r) for r in s.reports("panic")}
    s.equal(ids, {signs.panic_id(first.datagram.reports[0])}, "ids of alarms at headquarters")


@case("PANIC-22", "power", "officer.panic", against="PANIC-21")
def power_cut_before(s):
    """Power cut before the hold is long enough: no alarm, neither then nor after the next start."""
    s.working()
    held = s.hold_panic()
    s.cut_power(5, after_s=0.4)
    s.never(up("panic"), 30, held - 600_000)
    s.never(panic(), since=s.began_us)
    s.never(lamp("red", "sending", "received"), since=s.began_us)


@case("PANIC-23", "officer.panic", "power", against="PANIC-24")
def open_over_power(s):
    """An alarm that is open when power goes is open when it is back, under the same id, until it is
    cleared."""
    s.working()
    id = s.alarm(3, s.hold_panic())
    s.wait(4)
    s.cut_power(4)
    s.expect(start(), 5)
    s.expect(lamp("red", "sending", "received"), 20)
    s.wait(6)
    s.equal({signs.panic_id(r) for r in s.reports("panic")}, {id}, "ids of alarms")
    s.acknowledge(id)
    s.expect(lamp("red", "acknowledged"), 3)
    s.clear(id)
    s.expect(lamp("red", "off"), 3)


@case("PANIC-24", "officer.panic", "power", against="PANIC-23")
def closed_over_power(s):
    """An alarm that was cleared stays cleared when power is lost and back."""
    s.working()
    id = s.alarm(3, s.hold_panic())
    s.wait(3)
    s.clear(id)
    s.expect(lamp("red", "off"), 3)
    s.wait(3)
    s.cut_power(4)
    s.expect(start(), 5)
    since = s.kernel.now_us
    s.never(up("panic"), 25)
    s.never(pin("red"), since=since)


@case("PANIC-25", "officer.panic", against="POWER-05")
def ignition_off(s):
    """PANIC works with the ignition off."""
    s.working()
    s.park()
    s.ignition(False)
    s.wait(60)
    s.expect(panic(), 1.5, s.hold_panic())


@case("PANIC-26", "delivery.urgent", against="PANIC-27")
def before_all_others(s):
    """When the modem finds its cell again the alarm goes before everything that waited longer."""
    s.working()
    s.coverage(False)
    for key in ("available", "on_the_way", "on_scene", "busy"):
        s.press(key)
        s.wait(2)
    s.hold_panic()
    s.wait(30)
    s.coverage(True)
    back = s.kernel.now_us
    alarm = s.expect(panic(), 20)
    others = s.find(stored("status"), back, alarm.at_us)
    s.check(len(others) == 0, f"headquarters has it before the statuses: {len(others)} came before")


@case("PANIC-27", "delivery.urgent", "delivery.durable", against="PANIC-26")
def others_follow(s):
    """What waited behind the alarm is not dropped for it: all of it follows."""
    s.working()
    s.outage(True)
    for key in ("available", "on_the_way", "on_scene", "busy"):
        s.press(key)
        s.wait(2)
    s.hold_panic()
    s.wait(30)
    s.outage(False)
    s.expect(stored("status"), 10, count=4)
    s.equal(sorted(r[report.STATUS] for r in s.reports("status")), [1, 2, 3, 4], "statuses at headquarters")


@case("PANIC-28", "panic.latency", against="LINK-03")
def first_second(s):
    """When the link is back, the alarm's first datagram leaves within a second."""
    s.working()
    s.outage(True)
    s.hold_panic()
    s.wait(45)
    s.outage(False)
    s.expect(up("panic").where("and it is not lost", lambda u: not u.lost), 1)
    s.expect(lamp("red", "received"), 2)


@case("PANIC-29", "panic.stages", against="PANIC-01")
def answers_lost(s):
    """Headquarters has it, but its answers are lost: the lamp goes on saying "sending"."""
    s.working()
    s.answers_lost()
    held = s.hold_panic()
    s.expect(panic(), 1, held)
    s.never(lamp("red", "received", "acknowledged"), 20, held)
    s.never(sound("received"), since=held)
    s.answers_lost(False)
    s.expect(lamp("red", "received"), 2)


@case(
    "PANIC-30", "panic.latency", "delivery.urgent", against="PANIC-08", weather={"loss": 0.3, "rtt_ms": 200}
)
def bad_way(s):
    """With three datagrams of ten lost each way an alarm is received within 10 s."""
    s.working()
    for _ in range(3):
        held = s.hold_panic()
        s.expect(lamp("red", "received"), 10, held)
        s.clear(s.alarm(10, held))
        s.expect(lamp("red", "off"), 70)
