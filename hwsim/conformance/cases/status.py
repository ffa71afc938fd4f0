"""STATUS: what an officer says with one key, and the count of what was seen."""

from hwsim.conformance import signs
from hwsim.conformance.case import case
from hwsim.conformance.signs import stored, up
from protocol import report

KEYS = ("available", "on_the_way", "on_scene", "busy", "off_duty")


@case("STATUS-01", "frame.report", "officer.keys", against="STATUS-02")
def codes(s):
    """Each status key sends its own code: available 1, on the way 2, on scene 3, busy 4, off duty 5."""
    s.working()
    for key in KEYS:
        s.press(key)
        s.wait(1.5)
    s.equal([r[report.STATUS] for r in s.reports("status")], [1, 2, 3, 4, 5], "codes at headquarters")


@case("STATUS-02", "frame.report", against="STATUS-01")
def other_keys(s):
    """ACCEPT without a task, and EVENT, say no status."""
    s.working()
    s.press("accept")
    s.press("event")
    s.wait(5)
    s.equal(s.reports("status"), [], "status reports")


@case("STATUS-03", "frame.report", against="STATUS-04")
def kept(s):
    """Once a status key was pressed, later reports carry that status."""
    s.working()
    s.press("busy")
    s.expect(stored("status"), 2)
    later = s.expect(stored("position"), 30)
    s.equal(later.report.get(report.STATUS), 4, "status in the next position")


@case("STATUS-04", "frame.report", against="STATUS-03")
def unknown(s):
    """Before any was pressed, reports carry none."""
    s.working()
    s.wait(15)
    told = [r for r in s.reports() if report.STATUS in r]
    s.check(len(s.reports("position")) > 0, "there are positions")
    s.equal(told, [], "reports with a status")


@case("STATUS-05", "delivery.urgent", against="STATUS-06")
def urgent(s):
    """A status leaves at once, and is repeated every 500 ms without limit."""
    s.working()
    s.asleep()
    s.press("available")
    first = s.expect(up("status"), 0.6)
    s.wait(6)
    again = s.find(up("status", first=False), first.at_us)
    s.check(10 <= len(again) <= 13, f"10 to 13 repeats in 6 s: {len(again)}")


@case("STATUS-06", "delivery.bulk", against="STATUS-05")
def not_urgent(s):
    """A position is not: it is sent again with growing pauses, five times, and then rests."""
    s.working()
    s.wait(2)
    s.asleep()
    first = s.expect(up("position"), 20)
    s.wait(45)
    same = [
        a for a in s.find(up("position", first=False), first.at_us) if a.datagram.data == first.datagram.data
    ]
    times = [first.at_us, *(a.at_us for a in same)]
    gaps = [(b - a) / 1e6 for a, b in zip(times, times[1:], strict=False)]
    s.check(2 <= len(gaps) <= 4, f"at most four repeats: {len(gaps)}")
    s.check(1.9 <= gaps[0] <= 3.2, f"the first after 2 to 3 s: {gaps[0]:.1f} s")
    s.check(all(1.7 <= b / a <= 2.3 for a, b in zip(gaps, gaps[1:], strict=False)), f"then doubled: {gaps}")


@case("STATUS-07", "frame.event", "officer.event", against="STATUS-08")
def nine_persons(s):
    """Nine taps of EVENT are one report with the count nine."""
    s.working()
    s.tap("event", 9)
    s.expect(stored("event"), 4)
    s.wait(4)
    events = [r[report.EVENT] for r in s.reports("event")]
    s.equal(events, [{report.EVENT_CODE: 1, report.EVENT_COUNT: 9}], "events at headquarters")


@case("STATUS-08", "officer.event", "settings.officer", against="STATUS-07")
def two_groups(s):
    """Taps with more than two seconds between them are two reports."""
    s.working()
    s.tap("event", 3)
    s.wait(2.5)
    s.tap("event", 2)
    s.wait(4)
    counts = [r[report.EVENT][report.EVENT_COUNT] for r in s.reports("event")]
    s.equal(counts, [3, 2], "counts at headquarters")


@case("STATUS-09", "officer.event", against="STATUS-07")
def still_tapping(s):
    """An event is not sent while the officer goes on tapping."""
    s.working()
    s.tap("event", 8, every_ms=1500)
    s.never(up("event"), since=s.began_us)
    s.expect(stored("event"), 4)


@case("STATUS-10", "delivery.durable", "officer.keys", against="STATUS-11")
def without_link(s):
    """What is pressed without a link is kept and sent when the link is back, nothing missing."""
    s.working()
    s.outage(True)
    for key in KEYS:
        s.press(key)
        s.wait(3)
    s.tap("event", 2)
    s.wait(60)
    s.outage(False)
    s.expect(stored("event"), 30)
    s.wait(5)
    s.equal(sorted(r[report.STATUS] for r in s.reports("status")), [1, 2, 3, 4, 5], "codes at headquarters")


@case(
    "STATUS-11",
    "delivery.once",
    against="STATUS-10",
    weather={"duplicate": 0.5, "reorder": 0.3, "rtt_ms": 300},
)
def doubled(s):
    """Datagrams that are doubled and overtaken on the way are stored once each."""
    s.working()
    for key in KEYS * 2:
        s.press(key)
        s.wait(1)
    s.wait(5)
    names = [signs.name_of(r) for r in s.reports()]
    s.equal(len(names), len(set(names)), "names, all different")
    s.equal(len(s.reports("status")), 10, "status reports")
    s.check(s.car.path.counts["duplicated"] > 9, "a good many came twice")
