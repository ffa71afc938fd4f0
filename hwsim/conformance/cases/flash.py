"""FLASH: what is kept, and what keeping costs. Of the flash a case sees what a logic analyser on its bus
would."""

from hwsim.conformance import signs
from hwsim.conformance.case import case
from hwsim.conformance.signs import panic, stored, up
from protocol import report


@case("FLASH-01", "delivery.durable", against="FLASH-02")
def before_sent(s):
    """A status that was on the air is on flash: power cut the moment its datagram leaves, it arrives after
    the next start."""
    s.working()
    s.outage(True)
    s.press("busy")
    first = s.expect(up("status"), 1)
    s.cut_power(2)
    s.outage(False)
    s.expect(stored("status"), 40)
    names = {signs.name_of(r) for r in s.reports("status")}
    s.equal(names, {signs.name_of(first.datagram.reports[0])}, "its name")


@case("FLASH-02", "delivery.durable", "delivery.once", against="FLASH-01")
def dropped_after(s):
    """Once headquarters has said 2.04 it is dropped: it is not sent again after the next start."""
    s.working()
    s.press("busy")
    s.expect(stored("status"), 2)
    s.wait(5)
    s.cut_power(2)
    s.never(up("status"), 30)


@case("FLASH-03", "delivery.durable", against="FLASH-02")
def not_dropped_before(s):
    """Before that it is not: an answer that was lost is asked for again after the next start."""
    s.working()
    s.answers_lost()
    s.press("busy")
    s.expect(stored("status"), 2)
    s.wait(2)
    s.cut_power(2)
    s.wait(1)
    s.answers_lost(False)
    s.expect(up("status"), 40)
    s.wait(3)
    s.count(stored("status"), 1)


@case("FLASH-04", "power", "delivery.durable", against="FLASH-01")
def any_operation(s):
    """Power cut inside any of the flash operations of an alarm: if its datagram was out, it arrives; the
    start succeeds.

    The alarm is raised again after each cut that came too early for it."""
    s.working()
    for number in range(0, 8, 2):
        s.say(f"power will fail in flash operation {number} of the alarm")
        before = len({signs.panic_id(r) for r in s.reports("panic")})
        flash = s.car.terminal.flash
        held = s.hold_panic()
        s.kernel.at(held - 1000, lambda n=number, f=flash: f.cut_at(f.operations + n))
        s.wait(3)
        flash.cut_at(None)
        s.power_on()
        s.wait(14)
        out = {signs.panic_id(r) for u in s.find(up("panic"), held) for r in u.datagram.reports}
        got = {signs.panic_id(r) for r in s.reports("panic")}
        s.check(out <= got, f"what was on the air has arrived: {sorted(out)}")
        s.check(len(got) <= before + 1, "and no alarm that nobody raised")
        for id in got:
            s.desk.receipt(s.kid, id, 7)
        s.wait(3)
    cuts = s.find(signs.Sign("power off", "power is lost"))
    s.check(len(cuts) >= 3, f"cuts that hit an operation: {len(cuts)}")
    s.never(signs.trouble(), since=0)


@case("FLASH-05", "flash.wear", against="FLASH-06")
def rules(s):
    """No program sets a bit that an erase has not set, in two minutes of a drive with alarms and a cut of
    power."""
    s.working()
    for _ in range(3):
        s.press("available")
        s.hold_panic()
        s.wait(12)
        s.clear(s.alarm(3, s.began_us))
        s.cut_power(1, after_s=2.03)
        s.wait(25)
    s.equal(s.car.terminal.flash.set_again, 0, "bits that a program wanted to set")


@case("FLASH-06", "flash.wear", against="FLASH-05", settings={"keepalive_s": 300})
def idle(s):
    """A parked terminal with nothing to say leaves its flash alone: at most three operations in two
    minutes."""
    s.car.gnss.moving = False
    s.working()
    s.wait(30)
    before = s.car.terminal.flash.operations
    s.wait(120)
    done = s.car.terminal.flash.operations - before
    s.check(done <= 3, f"operations: {done}")


@case("FLASH-07", "flash.wear", against="FLASH-06")
def cost(s):
    """A status costs at most five programs and a quarter of an erase of flash, from the key until
    headquarters has it and it is dropped.

    An average over twelve of them while the car is parked."""
    s.car.gnss.moving = False
    s.working()
    s.wait(30)
    flash = s.car.terminal.flash
    programs, erases = flash.programs, flash.erases
    for _ in range(12):
        s.press("busy")
        s.wait(4)
    programs, erases = (flash.programs - programs) / 12, (flash.erases - erases) / 12
    s.equal(len(s.reports("status")), 12, "status reports")
    s.check(programs <= 5 and erases <= 0.25, f"{programs:.1f} programs, {erases:.2f} erases a record")


@case(
    "FLASH-08",
    "delivery.bounded",
    against="FLASH-09",
    settings={"bulk_kb": 32, "urgent_kb": 16, "moving_s": 2, "track_s": 10},
)
def full(s):
    """Where positions have filled their room, alarms and statuses are kept and arrive all the same."""
    s.working()
    s.outage(True)
    s.wait(240)
    s.press("available")
    s.hold_panic()
    s.wait(20)
    s.outage(False)
    s.expect(panic(), 3)
    s.expect(stored("status"), 3)


@case("FLASH-09", "delivery.bounded", against="FLASH-08")
def newest_status(s):
    """Many statuses and events in an outage, more than may be under way at once, all arrive."""
    s.working()
    s.outage(True)
    keys = ("available", "on_the_way", "on_scene", "busy")
    for number in range(12):
        s.press(keys[number % 4])
        s.wait(2)
    s.outage(False)
    s.expect(stored("status"), 60, count=12)
    codes = sorted(r[report.STATUS] for r in s.reports("status"))
    s.equal(codes, sorted([1, 2, 3, 4] * 3), "codes at headquarters")


@case("FLASH-10", "power", "delivery.durable", against="FLASH-02")
def kept_for_long(s):
    """What waits survives start after start: six cuts of power without a link, then the link."""
    s.working()
    s.outage(True)
    for number in range(6):
        s.press("available" if number % 2 else "busy")
        s.wait(2)
        s.cut_power(1)
        s.wait(8)
    s.outage(False)
    s.expect(stored("status"), 60, count=6)


@case("FLASH-11", "frame.health", "flash.wear", against="FLASH-12")
def worn(s):
    """Blocks of flash that can't be erased any more are told in a health report, and nothing is lost for
    them: alarms and statuses arrive, over a loss of power too."""
    s.working()
    s.wait(12)
    s.flash_wears()
    s.cut_power(1)
    s.expect(stored("health", "with worn blocks", lambda r: worn_blocks(r) > 0), 40)
    s.outage(True)
    s.press("busy")
    s.hold_panic()
    s.wait(5)
    s.cut_power(1)
    s.wait(1)
    s.outage(False)
    s.expect(panic(), 40)
    s.expect(stored("status"), 40)


@case("FLASH-12", "frame.health", against="FLASH-11")
def sound(s):
    """Of sound flash none are told, whatever happens to power."""
    s.working()
    for _ in range(3):
        s.press("busy")
        s.hold_panic()
        s.wait(4)
        s.cut_power(1)
        s.wait(20)
    s.check(len(s.reports("health", 0)) >= 3, "health reports")
    s.never(stored("health", "with worn blocks", lambda r: worn_blocks(r) > 0), since=0)


@case("FLASH-13", "frame.health", "flash.wear", against="FLASH-12")
def worn_files(s):
    """Where flash takes no file any more, a health report tells a worn block, after a start too; alarms and
    statuses arrive, over a loss of power too."""
    s.working()
    s.wait(12)
    s.files_wear()
    worn = stored("health", "with a worn block", lambda r: worn_blocks(r) == 1)
    for _ in range(6):  # until the room that is still erased there is used up
        s.clear(s.alarm(3, s.hold_panic()))
        s.wait(12)
    s.expect(worn, 120, since=0)
    s.cut_power(1)
    s.expect(worn, 40)
    s.outage(True)
    s.press("busy")
    s.hold_panic()
    s.wait(5)
    s.cut_power(1)
    s.wait(1)
    s.outage(False)
    s.expect(panic(), 40)
    s.expect(stored("status"), 40)


def worn_blocks(fields):
    return fields[report.HEALTH].get(report.HEALTH_WORN, 0)
