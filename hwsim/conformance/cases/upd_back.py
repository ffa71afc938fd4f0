"""UPD: the way back, when a new program crashes, hangs or never reaches headquarters."""

from hwsim import releases
from hwsim.conformance.case import case
from hwsim.conformance.cases.upd import NEW, PARKED_S, bad, offer, park, ready, then, version
from hwsim.conformance.signs import panic, start, stored, update
from protocol import report
from protocol.update import version_number


@case("UPD-13", "update.back", against="UPD-01", slots=True)
def crashes(s):
    """A new program that crashes at each start: the old one is back by itself, and says so."""
    s.working()
    offer(s, releases.program(releases.CRASHES))
    ready(s)
    park(s)
    bad(s)
    began = then(s, start(), PARKED_S).at_us
    then(s, update("fell back", "never came up"), 240)
    s.equal(version(s, began), version_number("0.1.0"), "the version that health reports say")
    s.never(update("trying"), 60, None)
    s.press("available")
    s.expect(stored("status"), 5)


@case("UPD-14", "update.back", against="UPD-01", slots=True)
def hangs(s):
    """A new program that hangs at each start: the watchdog bites, and the old one is back."""
    s.working()
    offer(s, releases.program(releases.HANGS))
    ready(s)
    park(s)
    bad(s)
    then(s, start("watchdog"), PARKED_S)
    then(s, update("fell back"), 240)
    s.hold_panic()
    s.expect(panic(), 3)


@case("UPD-15", "update.back", against="UPD-01", slots=True)
def no_link(s):
    """A new program that never reaches headquarters is given up after a quarter of an hour, an alarm or not;
    nothing that was reported meanwhile is lost."""
    s.working()
    offer(s)
    ready(s)
    park(s)
    then(s, start(), PARKED_S)
    s.asleep()
    s.wait(60)
    s.hold_panic()
    then(s, start(), 1000)
    s.wait(30)
    s.asleep(False)
    s.expect(panic(), 10)
    id = report_of(s)
    s.acknowledge(id)
    s.clear(id)
    then(s, update("fell back", "no link"), 120)


@case("UPD-18", "update.version", "update.back", against="UPD-01", slots=True)
def another_name(s):
    """A good program, rightly signed, that calls itself another version than its manifest gives itself up at
    once, and not after a quarter of an hour; under its own version it stays (UPD-01)."""
    s.working()
    other = "0.3.0"
    offer(s, releases.make(s.workshop, NEW, s.board), other)
    ready(s, other)
    park(s)
    bad(s)
    began = then(s, start(), PARKED_S).at_us
    s.wait(1)
    then(s, start(), 60)
    then(s, update("fell back"), 120)
    s.equal(version(s, began), version_number("0.1.0"), "the version that health reports say")
    s.count(update("trying"), 0, began)
    s.never(start(), 300)
    s.press("available")
    s.expect(stored("status"), 5)


def report_of(s):
    return s.reports("panic")[-1][report.PANIC][report.PANIC_ID]
