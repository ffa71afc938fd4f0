"""PANIC: alarms, from the key to the operations centre and back."""

from hwsim.conformance import signs
from hwsim.conformance.case import case
from hwsim.conformance.receiver import Receiver
from hwsim.conformance.signs import answered, lamp, panic, pin, sound, up
from hwsim.rig import EPOCH
from protocol import report

# Long enough for an eye to read each stage of the lamp.
SLOW = {"rtt_ms": 1600, "jitter_ms": 0}


@case("PANIC-01", "officer.panic", "panic.stages", against="PANIC-02", weather=SLOW)
def hold(s):
    """PANIC held for the configured time raises an alarm.

    The lamp blinks fast at once, and says "received", with two beeps, when headquarters has stored it."""
    s.working()
    held = s.hold_panic()
    s.expect(lamp("red", "sending"), 0.3, held)
    came = s.expect(panic(), 2, held)
    s.expect(lamp("red", "received"), 2, came.at_us)
    s.expect(sound("received"), 2, came.at_us)
    s.count(panic(), 1)


@case("PANIC-02", "officer.panic", against="PANIC-01")
def tap(s):
    """PANIC pressed for less than the configured time raises nothing."""
    s.working()
    s.press("panic", 500)
    s.never(up("panic"), 5)
    s.never(lamp("red"), since=s.began_us)
    s.never(sound(), since=s.began_us)


@case("PANIC-03", "settings.officer", against="PANIC-04", settings={"panic_hold_ms": 1500})
def configured_hold(s):
    """The time PANIC must be held is the one in the settings."""
    s.working()
    held = s.hold_panic(1700, hold_ms=1500)
    s.expect(panic(), 1.5, held)
    s.never(up("panic"), since=s.began_us, until=held)


@case("PANIC-04", "settings.officer", against="PANIC-03", settings={"panic_hold_ms": 1500})
def configured_tap(s):
    """What is long enough by default is too short where the settings ask for more."""
    s.working()
    s.press("panic", 1300)
    s.never(up("panic"), 4)
    s.never(pin("red"), since=s.began_us)


@case("PANIC-05", "panic.latency", against="PANIC-02")
def latency(s):
    """The alarm's first datagram is handed over within 300 ms of the end of the hold.

    Five alarms at different moments of a drive, each cleared before the next."""
    s.working()
    for number in range(5):
        held = s.hold_panic()
        s.expect(up("panic", first=True), 0.3, held)
        id = s.alarm(3, held)
        s.clear(id)
        s.wait(3.137 + number * 0.211)
    s.count(panic(), 5)


@case("PANIC-06", "frame.panic", against="PANIC-07")
def without_fix_and_time(s):
    """An alarm goes out with no fix and no time, before all else.

    Raised four seconds after power came on, when neither receiver nor network have told anything."""
    Receiver(s.car, EPOCH, lambda utc: [])
    s.switch_on()
    s.wait(4)
    held = s.hold_panic()
    s.expect(pin("red"), 0.3, held)
    told = s.expect(panic(), 30, held).report
    first = s.find(up(None, "with a frame", lambda d: bool(d.reports)), since=0)[0]
    s.equal(first.name, "panic", "the first frame on the air")
    s.check(signs.place(told) is None, "the frame has no place")
    s.check(report.TIME not in told, "and no time")


@case("PANIC-07", "frame.panic", "frame.fix", against="PANIC-06")
def with_fix_and_time(s):
    """An alarm says where and when, if that is known."""
    s.working()
    s.wait(5)
    held = s.hold_panic()
    told = s.expect(panic(), 2, held).report
    lat, lon = signs.place(told) or (0, 0)
    s.check(
        abs(lat - 44.97) < 0.02 and abs(lon - 19.61) < 0.02,
        f"the car's own place is in it: {lat:.4f} {lon:.4f}",
    )
    off_ms = told.get(report.TIME, 0) - s.desk.utc_ms() + (s.kernel.now_us - held) // 1000
    s.check(abs(off_ms) < 1500, f"the time of the hold is in it, within 1.5 s: {off_ms} ms")


@case("PANIC-08", "delivery.urgent", "delivery.same", against="PANIC-09")
def repeated(s):
    """An alarm without an answer is sent again every 500 ms, the same bytes."""
    s.working()
    s.asleep()
    held = s.hold_panic()
    first = s.expect(up("panic"), 0.3, held)
    s.wait(10)
    again = s.find(up("panic", first=False), first.at_us)
    s.check(18 <= len(again) <= 21, f"18 to 21 repeats in 10 s: {len(again)}")
    s.check(all(a.datagram.data == first.datagram.data for a in again), "all with the same bytes")
    gaps = [(b.at_us - a.at_us) / 1000 for a, b in zip([first, *again], again, strict=False)]
    s.check(
        all(300 <= gap <= 750 for gap in gaps), f"about 500 ms apart: {min(gaps):.0f} to {max(gaps):.0f} ms"
    )


@case("PANIC-09", "delivery.urgent", against="PANIC-08")
def repeats_end(s):
    """Once it is answered, an alarm is not sent again."""
    s.working()
    held = s.hold_panic()
    s.expect(lamp("red", "received"), 2, held)
    s.never(up("panic"), 15)


@case("PANIC-10", "delivery.urgent", "delivery.same", against="PANIC-09")
def without_limit(s):
    """The repeats do not end: after two minutes of silence they still come, and every 20 s under a fresh
    number."""
    s.working()
    s.asleep()
    held = s.hold_panic()
    s.wait(110)
    late = s.kernel.now_us
    s.expect(up("panic"), 10, late, count=16)
    fresh = s.find(up("panic", first=True), held)
    s.check(5 <= len(fresh) <= 8, f"protected anew about every 20 s: {len(fresh)} times in 120 s")
    s.check(len({f.datagram.piv for f in fresh}) == len(fresh), "each time with another Partial IV")
    names = {signs.name_of(r) for f in s.find(up("panic"), held) for r in f.datagram.reports}
    s.equal(len(names), 1, "frames that were sent")
    s.asleep(False)
    s.expect(panic(), 2)


@case("PANIC-11", "officer.panic", against="PANIC-12")
def each_press(s):
    """Each hold is another alarm, with an id of its own."""
    s.working()
    ids = {s.alarm(2, s.hold_panic())}
    s.wait(2)
    ids.add(s.alarm(2, s.hold_panic()))
    s.equal(len(ids), 2, "ids")


@case("PANIC-12", "officer.panic", against="PANIC-11")
def long_hold(s):
    """One hold, however long, is one alarm."""
    s.working()
    s.hold_panic(8000)
    s.wait(11)
    s.count(panic(), 1)


@case("PANIC-13", "panic.stages", "officer.red", against="PANIC-14")
def acknowledged(s):
    """When a person acknowledges it, the lamp is steady and one long tone sounds; the terminal confirms."""
    s.working()
    id = s.alarm(3, s.hold_panic())
    s.wait(4)
    command = s.acknowledge(id)
    s.expect(lamp("red", "acknowledged"), 1)
    s.expect(sound("acknowledged"), 2)
    s.expect(answered(command, 1), 2)


@case("PANIC-14", "panic.stages", against="PANIC-13")
def not_acknowledged(s):
    """Without an acknowledgement the lamp never says so, whatever else comes.

    Neither the broker's acceptance of this alarm nor the acknowledgement of one that this terminal never
    raised."""
    s.working()
    id = s.alarm(3, s.hold_panic())
    s.wait(3)
    s.desk.receipt(s.kid, id, 4)
    command = s.acknowledge(id + 7)
    s.expect(answered(command, 3), 3)
    s.never(lamp("red", "acknowledged"), 10, s.began_us)
    s.never(sound("acknowledged"), since=s.began_us)


@case("PANIC-15", "panic.stages", "officer.red", against="PANIC-16")
def cleared(s):
    """When the operations centre clears it, the lamp goes dark and the extra positions end."""
    s.working()
    id = s.alarm(3, s.hold_panic())
    s.wait(3)
    s.clear(id)
    s.expect(lamp("red", "off"), 2)
    s.wait(3)
    quiet = s.kernel.now_us
    s.wait(8)
    tagged = [r for r in s.reports(since=quiet) if report.PANIC in r]
    s.equal(tagged, [], "reports that still carry the alarm")


@case("PANIC-16", "panic.stages", against="PANIC-15")
def other_cleared(s):
    """Clearing another alarm's id does not end this one."""
    s.working()
    id = s.alarm(3, s.hold_panic())
    s.expect(lamp("red", "received"), 3)
    s.clear(id + 1)
    s.never(lamp("red", "off"), 8)
