"""POWER and LAMP: starts that end too soon, what the terminal makes of them, and what it says of the start
before."""

from hwsim.conformance.case import case
from hwsim.conformance.signs import lamp, panic, published, stored
from protocol import report

_BETWEEN_S = 25  # long enough to be served, far from the quarter of an hour of a good start
_LASTED_S = 920  # a little more than that quarter of an hour
_OVER_S = 1800
SAFE = ("safe", "safe+link")
WATCHDOG, CRASH = 1, 3  # why: PROTOCOL.md


def health(test, text):
    return stored("health", text, lambda fields: test(fields.get(report.HEALTH, {})))


def says_safe(why=None):
    text = "with safe mode" + ("" if why is None else f", reason {why}")
    return health(lambda h: report.HEALTH_SAFE in h and why in (None, h[report.HEALTH_SAFE]), text)


def says_trace():
    return health(lambda h: report.HEALTH_TRACE in h, "with what was said before")


def fail(s, times, cause="watchdog"):
    """Starts that end too soon, one after another; the moment of the last."""
    for _ in range(times):
        s.wait(_BETWEEN_S)
        s.reset(cause)
    return s.kernel.now_us


@case("LAMP-15", "technician.safe", against="LAMP-16")
def safe_lamp(s):
    """After the third start in a row that the watchdog ended too soon, the green lamp goes in threes: first
    flashes, with a link gaps."""
    s.working()
    last = fail(s, 3)
    s.expect(lamp("green", "safe"), 6, last)
    s.expect(lamp("green", "safe+link"), 25, last)


@case("LAMP-16", "technician.safe", "officer.green", against="LAMP-15")
def ordinary_lamp(s):
    """After two it does not."""
    s.working()
    last = fail(s, 2)
    s.expect(lamp("green", "link+fix"), 25, last)
    s.never(lamp("green", *SAFE), 20, since=0)


@case("POWER-11", "technician.safe", "frame.health", against="POWER-12")
def safe_says_why(s):
    """In safe mode the health report says so, and why the last start failed: 1 the watchdog."""
    s.working()
    s.never(says_safe(), since=0)
    s.expect(says_safe(WATCHDOG), 25, fail(s, 3))


@case("POWER-12", "technician.safe", against="POWER-11")
def too_few(s):
    """Two such starts, a loss of power and two more make no safe mode: an engine that cranks is no failure,
    and what was before it is forgotten."""
    s.working()
    fail(s, 2)
    s.wait(_BETWEEN_S)
    s.cut_power(1)
    fail(s, 2)
    s.wait(_BETWEEN_S)
    s.never(says_safe(), since=0)
    s.never(lamp("green", *SAFE), since=0)


@case("POWER-13", "technician.safe", against="POWER-11")
def other_reason(s):
    """A reset that nobody asked for is another reason: 3. The three need not be alike."""
    s.working()
    fail(s, 2)
    s.expect(says_safe(CRASH), 25, fail(s, 1, "hard"))


@case("POWER-14", "technician.safe", "frame.panic", against="POWER-15")
def safe_alarm(s):
    """In safe mode an alarm, a status and an event arrive as ever."""
    s.working()
    s.expect(lamp("green", "safe+link"), 25, fail(s, 3))
    held = s.hold_panic()
    s.expect(panic(), 2, held)
    s.expect(lamp("red", "received"), 2, held)
    s.press("busy")
    s.expect(stored("status"), 3)
    s.tap("event", 2)
    s.expect(stored("event"), 6)


@case("POWER-15", "technician.safe", against="POWER-14")
def safe_rest(s):
    """Positions between alarms are not sent in safe mode: a minute of a drive brings none."""
    s.working()
    last = fail(s, 3)
    s.expect(lamp("green", "safe+link"), 25, last)
    s.never(stored("position"), 60)


@case("POWER-16", "technician.safe", against="POWER-17", settings={"keepalive_s": 300, "parked_s": 1800})
def safe_is_over(s):
    """After half an hour it is over by itself, not before: one start more, and all is as ever."""
    s.working()
    s.park()
    s.ignition(False)
    last = fail(s, 3)
    before = s.car.terminal.starts
    s.wait(_OVER_S - 60)
    s.equal(s.car.terminal.starts, before, "starts, a minute before")
    s.expect(lamp("green", "link+fix"), _OVER_S + 60, last)
    s.equal(s.car.terminal.starts, before + 1, "starts")


@case("POWER-17", "technician.safe", against="POWER-16", settings={"keepalive_s": 300, "parked_s": 1800})
def safe_for_an_alarm(s):
    """Not while an alarm is open: then it stays as it is, and leaves when the alarm is cleared."""
    s.working()
    s.park()
    s.ignition(False)
    last = fail(s, 3)
    s.expect(lamp("green", "safe+link"), 25, last)
    s.wait(_OVER_S - 120)
    id = s.alarm(3, s.hold_panic())
    before = s.car.terminal.starts
    s.wait(240)
    s.equal(s.car.terminal.starts, before, "starts while the alarm is open")
    s.clear(id)
    s.expect(lamp("green", "link+fix"), 60)


@case("POWER-18", "technician.safe", against="POWER-11", settings={"keepalive_s": 300, "parked_s": 1800})
def starts_that_lasted(s):
    """A start that lasted a quarter of an hour has not failed, however it ends: three of them make no safe
    mode."""
    s.working()
    s.park()
    s.ignition(False)
    for _ in range(3):
        s.wait(_LASTED_S)
        s.reset("watchdog")
    s.wait(_BETWEEN_S)
    s.never(says_safe(), since=0)
    s.never(lamp("green", *SAFE), since=0)


@case("POWER-19", "technician.trace", against="POWER-20")
def trace(s):
    """What it said before a reset comes with its health reports, whole lines, oldest first, and once."""
    s.working()
    s.never(says_trace(), since=0)
    s.reset("watchdog")
    s.wait(45)
    told = [seen.report[report.HEALTH][report.HEALTH_TRACE] for seen in s.find(says_trace(), since=0)]
    s.check(bool(told), "a health report with a trace")
    lines = b"".join(told).decode("utf-8").splitlines(keepends=True)
    seconds = [int(line.split(" ", 1)[0]) for line in lines]
    s.check(all(line.endswith("\n") for line in lines), f"{len(lines)} whole lines")
    s.equal(seconds, sorted(seconds), "seconds of the start before, in their order")
    s.equal(len(set(lines)), len(lines), "lines that differ")


@case("POWER-20", "technician.trace", "power", against="POWER-19")
def no_trace(s):
    """A loss of power leaves nothing of it, and noise in that memory is not taken for words."""
    s.working()
    s.wait(5)
    s.cut_power(3)
    s.expect(stored("health"), 25)
    s.never(says_trace(), 30, since=0)


@case("GW-21", "technician.safe", "technician.trace", "northbound", against="GW-22", house=True)
def told_on_the_broker(s):
    """The operations centre reads it: safe mode with its reason in a word, and the trace as text."""
    s.working()
    fail(s, 1)
    s.expect(published("health", "with a trace", lambda p: p.get("trace", "").endswith("\n")), 40)
    fail(s, 2)
    s.expect(published("health", "with safe mode", lambda p: p.get("safe_mode") == "watchdog"), 25)


@case("GW-22", "technician.safe", "technician.trace", "northbound", against="GW-21", house=True)
def nothing_to_tell(s):
    """Where nothing of that happened, nothing of it is told."""
    s.working()
    s.wait(30)
    s.expect(published("health"), 60, since=0)
    s.never(published("health", "with safe mode", lambda p: "safe_mode" in p), since=0)
    s.never(published("health", "with a trace", lambda p: "trace" in p), since=0)
