"""CLOCK: whose word the terminal takes for the time."""

import datetime

from hwsim.conformance import signs
from hwsim.conformance.case import case
from hwsim.conformance.receiver import Receiver, gga, rmc
from hwsim.conformance.signs import stored
from hwsim.rig import EPOCH
from protocol import report


def told(s, key="available"):
    """The time in a fresh report against true time, in seconds; None where it says none."""
    s.press(key)
    pressed_ms = s.desk.utc_ms()
    fields = s.expect(stored("status"), 3).report
    s.wait(1)
    return (fields[report.TIME] - pressed_ms) / 1000 if report.TIME in fields else None


def right(s, within_s):
    """A fresh report says the time, and is wrong by less than that."""
    off_s = told(s)
    s.check(off_s is not None and abs(off_s) < within_s, f"off by {off_s} s")


def receiver(s, shift=None):
    """A receiver whose time is wrong by `shift` (a timedelta), which may be changed."""
    box = [shift or datetime.timedelta()]
    Receiver(s.car, EPOCH, lambda utc: [rmc(utc + box[0]), gga(utc + box[0])])
    return box


@case("CLOCK-01", "clock", "frame.time", against="CLOCK-02")
def by_receiver(s):
    """With a receiver the time in reports is true within a second, whatever headquarters believes."""
    s.desk.offset_ms = 86_400_000 * 3
    s.working()
    s.wait(5)
    right(s, 1)


@case("CLOCK-02", "frame.time", against="CLOCK-01")
def unknown(s):
    """While nobody has told the time, a report has none; it is sent all the same."""
    Receiver(s.car, EPOCH, lambda utc: [])
    s.working()
    first = s.find(stored(), since=0)[0].report
    s.check(report.TIME not in first, "the first report carries no time")


@case("CLOCK-03", "clock", against="CLOCK-02")
def by_gateway(s):
    """Without a receiver headquarters' authenticated answers give the time, within 2 s."""
    Receiver(s.car, EPOCH, lambda utc: [])
    s.working()
    s.wait(3)
    right(s, 2)


@case("CLOCK-04", "clock", against="CLOCK-05")
def one_jump(s):
    """One sentence with a date years away moves nothing."""
    shift = receiver(s)
    s.working()
    s.wait(5)
    s.say("for one second the receiver is two years ahead")
    shift[0] = datetime.timedelta(days=730)
    s.wait(1)
    shift[0] = datetime.timedelta()
    right(s, 1)


@case("CLOCK-05", "clock", against="CLOCK-04")
def mended(s):
    """A receiver that was wrong at its start and then stays right is followed."""
    shift = receiver(s, datetime.timedelta(days=400))
    s.working()
    s.wait(5)
    shift[0] = datetime.timedelta()
    s.say("the receiver mends its date")
    s.wait(10)
    right(s, 1)


@case("CLOCK-06", "clock", against="CLOCK-01")
def week_rollover(s):
    """A receiver 1024 weeks behind is not believed: reports go on with the time of headquarters."""
    receiver(s, datetime.timedelta(weeks=-1024))
    s.working()
    s.wait(10)
    right(s, 2)


@case("CLOCK-07", "frame.time", against="CLOCK-05")
def forward(s):
    """Times of one terminal's reports never run backwards while the receiver wavers by half a second."""
    shift = receiver(s)
    s.working()
    for number in range(8):
        shift[0] = datetime.timedelta(milliseconds=-480 if number % 2 else 0)
        s.wait(2)
        s.press("busy")
    s.wait(3)
    times = [
        r[report.TIME]
        for r in sorted(s.reports(), key=signs.name_of)
        if report.TIME in r and report.TRACK not in r
    ]
    s.check(len(times) >= 8 and times == sorted(times), f"{len(times)} times, ascending")


@case("CLOCK-08", "clock", against="CLOCK-04")
def leap_second(s):
    """A sentence of second 60 disturbs nothing."""
    insert = [False]

    def says(utc):
        lines = [rmc(utc), gga(utc)]
        return [_again(line, utc) for line in lines] if insert[0] else lines

    Receiver(s.car, EPOCH, says)
    s.working()
    s.wait(5)
    insert[0] = True
    s.wait(1)
    insert[0] = False
    s.wait(2)
    right(s, 1.5)
    s.never(signs.trouble(), since=0)


def _again(line, utc):
    from hwsim.conformance.receiver import sentence

    body = line[1 : line.index(b"*")].decode()
    return sentence(body.replace(f"{utc:%H%M%S}.00", f"{utc:%H%M}60.00"))
