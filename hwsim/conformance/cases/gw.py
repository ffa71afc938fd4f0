"""GW: the gateway's half of the promises, with the real gateway, a broker and an operations centre."""

from hwsim.conformance import signs
from hwsim.conformance.case import case
from hwsim.conformance.signs import down, lamp, panic, published, sound, stored, up
from protocol import report


@case("GW-01", "delivery.gateway", "resources.f", against="GW-02", house=True)
def durable(s):
    """When the 2.04 leaves, the frame is on disk: the server loses power at that very moment, and has it
    after."""
    s.working()
    for key in ("available", "busy", "on_scene"):
        s.press(key)
        frame = s.expect(stored("status"), 2)
        s.expect(down("2.04"), 1, frame.at_us)
        s.gateway_killed(power=True)
        s.check(signs.name_of(frame.report) in s.rows(), "the frame is on the disk that is left")
        s.wait(1)
        s.gateway_starts()
        s.wait(3)


@case("GW-02", "delivery.gateway", "delivery.once", against="GW-01", house=True)
def killed_before(s):
    """Killed at any step before the answer: no 2.04 for what is lost, the terminal repeats, it is stored
    once.

    Ten alarms, the gateway killed at another of its steps in each."""
    s.working()
    for step in range(1, 20, 2):
        s.gateway.kill_at(step)
        held = s.hold_panic()
        s.kernel.run_until(lambda: not s.gateway.running, 2)
        if s.gateway.running:
            s.gateway.kill()
        s.wait(1)
        s.gateway_starts()
        s.expect(lamp("red", "received", "acknowledged"), 6, held)
        s.clear(signs.panic_id(s.find(up("panic"), held)[-1].datagram.reports[0]))
        # A gateway that has forgotten its observers tells it at the next registration.
        s.expect(lamp("red", "off"), 15)
        s.wait(1)
    rows = s.rows()
    s.equal(len(rows), len(set(rows)), "rows on disk, one for each name")
    kinds = [row["kind"] for row in s.gateway.journal()]
    s.equal(kinds.count(report.KIND_PANIC), 10, "alarms on disk")


@case("GW-03", "delivery.once", "northbound", against="GW-02", house=True)
def repeats(s):
    """A frame that comes ten times is stored once and published once; the answer is 2.04 each time."""
    s.working()
    s.answers_lost()
    s.press("available")
    s.wait(6)
    s.answers_lost(False)
    s.wait(2)
    s.check(len(s.find(up("status"))) >= 9, "it came at least nine times")
    rows = s.rows()
    s.equal(len(rows), len(set(rows)), "rows on disk, one for each name")
    s.count(published("status"), 1)


@case("GW-04", "resources.errors", "delivery.gateway", against="GW-01", house=True)
def disk_full(s):
    """With a full disk no 2.04 is given and the lamp says "sending"; once there is room, it arrives."""
    s.working()
    s.disk(full=True)
    held = s.hold_panic()
    s.wait(8)
    s.never(down("2.04"), since=held)
    s.expect(down("5.03"), 8, held)
    s.never(lamp("red", "received"), since=held)
    s.disk(full=False)
    s.expect(lamp("red", "received"), 8)
    s.count(panic(), 1)


@case("GW-05", "delivery.gateway", against="GW-04", house=True)
def fsync_error(s):
    """What could not be made durable is not answered with 2.04."""
    s.working()
    s.disk(fsync_error="lost")
    held = s.press("busy")
    s.wait(5)
    s.never(down("2.04"), since=held)
    s.disk(fsync_error=False)
    s.expect(stored("status"), 10)
    rows = s.rows()
    s.equal(len(rows), len(set(rows)), "rows on disk, one for each name")


@case("GW-06", "delivery.gateway", "panic.stages", against="GW-07", house=True)
def broker_away(s):
    """Without a broker an alarm is stored and shown as received; it is published when the broker is back."""
    s.working()
    s.broker_killed()
    held = s.hold_panic()
    s.expect(lamp("red", "received"), 2, held)
    s.wait(8)
    s.never(published("panic"), since=held)
    s.broker_starts()
    s.expect(published("panic", "stored", lambda p: p["stage"] == "stored"), 15)


@case("GW-07", "panic.stages", against="PANIC-13", house=True)
def only_a_person(s):
    """The broker's confirmation is no acknowledgement: only the operations centre's command lights the lamp
    steadily."""
    s.working()
    held = s.hold_panic()
    id = s.alarm(3, held)
    s.expect(published("panic"), 2, held)
    s.never(lamp("red", "acknowledged"), 20, held)
    s.acknowledge(id)
    s.expect(lamp("red", "acknowledged"), 2)
    s.expect(sound("acknowledged"), 2)
    s.expect(published("panic", "shown", lambda p: p["stage"] == "shown"), 3)


@case("GW-08", "delivery.gateway", against="GW-09", house=True)
def reminded(s):
    """An alarm that nobody acknowledged is published again about every 30 s, marked as a reminder."""
    s.working()
    s.hold_panic()
    s.wait(70)
    s.count(published("panic", "as a reminder", lambda p: p.get("reminder")), 2)


@case("GW-09", "delivery.gateway", against="GW-08", house=True)
def no_reminder(s):
    """One that was acknowledged is not."""
    s.working()
    s.acknowledge(s.alarm(3, s.hold_panic()))
    s.wait(70)
    s.count(published("panic", "as a reminder", lambda p: p.get("reminder")), 0)


@case("GW-10", "delivery.gateway", "panic.stages", against="GW-09", house=True)
def open_over_kill(s):
    """An alarm stays open through a kill of the gateway: reminded of again, acknowledged, shown, cleared."""
    s.working()
    id = s.alarm(3, s.hold_panic())
    s.wait(2)
    s.gateway_killed(power=True)
    s.wait(3)
    s.gateway_starts()
    s.expect(published("panic", "as a reminder", lambda p: p.get("reminder")), 35)
    s.acknowledge(id)
    s.expect(lamp("red", "acknowledged"), 15)
    s.clear(id)
    s.expect(lamp("red", "off"), 15)
