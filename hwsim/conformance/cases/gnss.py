"""GNSS: when a position is worth sending, and what is told when there is none."""

from hwsim.conformance import signs
from hwsim.conformance.case import case
from hwsim.conformance.receiver import Receiver, gga, rmc
from hwsim.conformance.signs import lamp, panic, stored
from hwsim.rig import EPOCH
from protocol import report

TOWN = {"moving_s": 20, "moving_m": 10000, "course_deg": 180, "least_s": 2}


@case("GNSS-01", "settings.patrol", against="GNSS-02", settings=TOWN)
def moving(s):
    """A moving car sends a position at the latest every moving_s seconds."""
    s.working()
    s.wait(100)
    s.check(4 <= len(s.reports("position")) <= 8, f"4 to 8 positions in 100 s: {len(s.reports('position'))}")


@case("GNSS-02", "settings.patrol", against="GNSS-01", settings=TOWN | {"parked_s": 600})
def parked(s):
    """A parked car does so only every parked_s seconds, though its place jitters by a metre or two."""
    s.car.gnss.moving = False
    s.working()
    s.wait(20)
    since = s.kernel.now_us
    s.wait(200)
    s.equal(len(s.reports("position", since)), 0, "positions in 200 s")


@case("GNSS-03", "settings.patrol", against="GNSS-02", settings=TOWN | {"moving_s": 600, "moving_m": 200})
def distance(s):
    """After moving_m metres a position is due, whatever the time."""
    s.working()
    s.wait(100)
    # Some 40 km/h in town: about one kilometre.
    s.check(
        3 <= len(s.reports("position")) <= 7,
        f"3 to 7 positions in about a kilometre: {len(s.reports('position'))}",
    )


@case("GNSS-04", "settings.patrol", against="GNSS-05", settings=TOWN | {"moving_s": 600, "course_deg": 30})
def turn(s):
    """A turn by more than course_deg is told at once."""
    course = ["90.0"]
    Receiver(s.car, EPOCH, lambda utc: [rmc(utc, speed="21.6", course=course[0]), gga(utc)])
    s.working()
    s.wait(12)
    since = s.kernel.now_us
    s.say("the car turns by 60 degrees")
    course[0] = "150.0"
    told = s.expect(stored("position"), 5, since).report
    s.equal(told[report.FIX][report.FIX_COURSE], 15000, "course")


@case("GNSS-05", "settings.patrol", against="GNSS-04", settings=TOWN | {"moving_s": 600, "course_deg": 30})
def no_turn(s):
    """A bend by less is not; nor is a course that spins while the car stands."""
    course, speed = ["90.0"], ["21.6"]
    Receiver(s.car, EPOCH, lambda utc: [rmc(utc, speed=speed[0], course=course[0]), gga(utc)])
    s.working()
    s.wait(12)
    since = s.kernel.now_us
    course[0] = "110.0"
    s.wait(15)
    s.equal(len(s.reports("position", since)), 0, "positions after a bend by 20 degrees")


@case("GNSS-06", "frame.fix", "officer.green", against="GNSS-07")
def lost(s):
    """When the fix is lost, reports keep the last place with its age, and the lamp says so."""
    s.working()
    s.wait(3)
    s.sky(False)
    s.expect(lamp("green", "link"), 12)
    s.wait(10)
    s.press("available")
    fix = s.expect(stored("status"), 2).report[report.FIX]
    s.check(
        fix[report.FIX_LAT] is not None and fix[report.FIX_AGE] >= 10,
        f"the last place, {fix[report.FIX_AGE]} s old",
    )


@case("GNSS-07", "frame.fix", against="GNSS-06")
def found(s):
    """When it is found again the age is small and the place new."""
    s.working()
    s.sky(False)
    s.wait(20)
    s.sky(True)
    s.wait(4)
    s.press("available")
    fix = s.expect(stored("status"), 2).report[report.FIX]
    s.check(fix[report.FIX_AGE] <= 2, f"age {fix[report.FIX_AGE]} s")


@case("GNSS-08", "frame.fix", "officer.panic", against="GNSS-09")
def silent(s):
    """A receiver that falls silent altogether stops neither keys nor alarms, and is not shown as a
    position."""
    s.working()
    s.wait(3)
    s.say("the receiver's cable is off")
    s.car.gnss.stop()
    s.expect(lamp("green", "link"), 12)
    s.expect(panic(), 1.5, s.hold_panic())
    s.press("busy")
    s.expect(stored("status"), 2)


@case("GNSS-09", "frame.fix", against="GNSS-08")
def wrong_rate(s):
    """A receiver at another baud rate is noise: no place is read out of it, and the terminal goes on."""
    receiver = Receiver(s.car, EPOCH, lambda utc: [rmc(utc), gga(utc)])
    receiver.baud = 4800
    s.working()
    s.wait(15)
    s.press("available")
    told = s.expect(stored("status"), 3).report
    s.check(signs.place(told) is None, "no place in the report")
    s.never(signs.trouble(), since=0)


@case("GNSS-10", "frame.health", against="GNSS-11")
def antenna_open(s):
    """An antenna that is torn off is told in a health report."""
    s.working()
    s.wait(12)
    s.antenna("open")
    s.expect(stored("health", "with the antenna open", _antenna(report.ANTENNA_OPEN)), 20)


@case("GNSS-11", "frame.health", against="GNSS-10")
def antenna_well(s):
    """A good antenna is never told as open or short; a short is told apart from an open one."""
    s.working()
    s.wait(15)
    s.never(stored("health", "with a bad antenna", lambda r: _antenna_of(r) in (2, 3)), since=0)
    s.antenna("short")
    s.expect(stored("health", "with the antenna short", _antenna(report.ANTENNA_SHORT)), 20)


@case("GNSS-12", "frame.track", "delivery.durable", against="GNSS-01")
def track(s):
    """Without a link positions are gathered, and come as a track when it is back: the way is not lost."""
    s.working()
    s.wait(5)
    s.coverage(False)
    gone = s.kernel.now_us
    s.wait(150)
    s.coverage(True)
    s.expect(stored("track"), 40)
    s.wait(15)
    points = sum(_points(r) for r in s.reports("track", gone))
    s.check(points >= 12, f"at least 12 places of those 150 s: {points}")


def _points(fields):
    return 1 + (len(fields[report.TRACK]) - 5) // 5


def _antenna_of(fields):
    return fields.get(report.HEALTH, {}).get(report.HEALTH_ANTENNA)


def _antenna(state):
    return lambda fields: _antenna_of(fields) == state
