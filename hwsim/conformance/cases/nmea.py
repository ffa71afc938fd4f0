"""NMEA: what the receiver says on its wire, and what a report makes of it. A status key fetches a report
each time."""

from hwsim.conformance import signs
from hwsim.conformance.case import case
from hwsim.conformance.receiver import Receiver, gga, rmc, sentence
from hwsim.conformance.signs import stored
from hwsim.rig import EPOCH
from protocol import report

LAT, LON = round((44 + 58.2 / 60) * 1e7), round((19 + 36.6 / 60) * 1e7)
PLACE = (LAT / 1e7, LON / 1e7)


def fix(s, key="available"):
    """The fix in a fresh report."""
    s.press(key)
    told = s.expect(stored("status"), 3).report
    s.wait(1)
    return told.get(report.FIX)


def place(s):
    """(lat, lon) in whole units of a fresh fix, or None where no age says it is now."""
    got = fix(s)
    return None if got is None or got[report.FIX_LAT] is None or got[report.FIX_AGE] > 2 else tuple(got[:2])


def heard(s, says):
    """The story begins with a receiver that speaks so."""
    receiver = Receiver(s.car, EPOCH, says)
    s.working()
    s.wait(4)
    return receiver


@case("NMEA-01", "frame.fix", "nmea", against="NMEA-02")
def exact(s):
    """A report has what the receiver said, in its own units: place to 1e-7 degree, height, speed, course,
    HDOP, count."""
    heard(s, lambda utc: [rmc(utc, speed="21.60", course="123.4"), gga(utc, sats=9, hdop="0.9", alt="84.0")])
    got = fix(s)
    s.equal(
        got[:7], [LAT, LON, 840, 1111, 12340, 9, 9], "lat, lon, alt dm, cm/s, 0.01 deg, HDOP 0.1, satellites"
    )
    s.check(got[7] <= 1, f"and it is no older than a second: {got[7]}")


@case("NMEA-02", "nmea", against="NMEA-01")
def wrong_checksum(s):
    """A sentence whose checksum is wrong changes nothing."""
    receiver = heard(s, lambda utc: [rmc(utc), gga(utc)])
    s.equal(place(s), (LAT, LON), "the right place")
    s.say("a bit turns over in every latitude")
    receiver.says = lambda utc: [
        rmc(utc).replace(b"4458.2", b"4459.2"),
        gga(utc).replace(b"4458.2", b"4459.2"),
    ]
    s.wait(6)
    s.equal(place(s), None, "a place that is fresh")
    s.check(fix(s)[report.FIX_LAT] == LAT, "the last good place is kept, with its age")


@case("NMEA-03", "nmea.void", "officer.green", against="NMEA-01")
def void(s):
    """A sentence that calls itself void is no position, whatever stands in it."""
    heard(
        s,
        lambda utc: [
            sentence(f"GNRMC,{utc:%H%M%S}.00,V,4458.2,N,01936.6,E,0.0,,{utc:%d%m%y},,,N"),
            gga(utc, quality=0),
        ],
    )
    s.equal(place(s), None, "a place")
    s.expect(signs.lamp("green", "link"), 15, since=0)


@case("NMEA-04", "frame.fix", against="NMEA-01")
def south_west(s):
    """South and west are negative."""
    heard(
        s, lambda utc: [rmc(utc, "3354.50000,S", "07040.25000,W"), gga(utc, "3354.50000,S", "07040.25000,W")]
    )
    s.equal(place(s), (-round((33 + 54.5 / 60) * 1e7), -round((70 + 40.25 / 60) * 1e7)), "lat, lon")


@case("NMEA-05", "nmea", against="NMEA-06")
def talkers(s):
    """It does not matter which satellites a sentence speaks for: GP, GL, GA, GB, GN."""
    receiver = heard(s, lambda utc: [])
    for number, talker in enumerate(("GP", "GL", "GA", "GB", "GN")):
        lat = f"44{10 + number}.00000,N"
        receiver.says = lambda utc, lat=lat, talker=talker: [
            rmc(utc, lat, talker=talker),
            gga(utc, lat, talker=talker),
        ]
        s.wait(4)
        s.equal((place(s) or (0,))[0], round((44 + (10 + number) / 60) * 1e7), f"latitude by {talker}")


@case("NMEA-06", "nmea", against="NMEA-05")
def strangers(s):
    """Sentences of other kinds, of a maker's own, overlong lines and noise between them change nothing."""
    junk = [
        sentence("PUBX,00,081350.00,4717.113210,N,00833.915187,E"),
        sentence("GNVTG,54.7,T,34.4,M,105.5,N,110.2,K"),
        b"$" + b"X" * 400 + b"\r\n",
        bytes(range(128, 200)) + b"\r\n",
        b"$GNRMC,\r\n$$$*00\r\n,,,,,\r\n",
        sentence("GNRMC,xx,A,4558.2,N,01936.6,E,,,,,,A"),
    ]
    heard(s, lambda utc: [*junk, rmc(utc), gga(utc)])
    s.equal(place(s), (LAT, LON), "lat, lon")


@case("NMEA-07", "nmea", against="NMEA-02")
def torn_line(s):
    """After a line that lost its end the next sentence counts."""
    heard(s, lambda utc: [rmc(utc, "4558.20000,N")[:40], rmc(utc), gga(utc)])
    s.equal(place(s), (LAT, LON), "lat, lon")


@case("NMEA-08", "frame.fix", against="NMEA-01")
def absent(s):
    """What a sentence leaves empty is unknown in the report, not zero."""
    heard(s, lambda utc: [rmc(utc, speed="", course="")])
    got = fix(s)
    s.equal(got[:2], [LAT, LON], "lat, lon")
    s.equal(got[2:7], [None] * 5, "height, speed, course, HDOP, satellites")


@case("NMEA-09", "nmea", against="NMEA-03")
def without_rmc(s):
    """A receiver that sends GGA only gives positions all the same."""
    heard(s, lambda utc: [gga(utc)])
    s.wait(4)
    s.equal(place(s), (LAT, LON), "lat, lon")


@case("NMEA-10", "nmea", against="NMEA-01")
def slow_and_split(s):
    """A burst that comes in pieces, cut anywhere, says the same."""
    receiver = heard(s, lambda utc: [])

    def pieces(utc):
        data = rmc(utc) + gga(utc)
        for number in range(0, len(data), 7):
            s.kernel.after(number * 3500, receiver._port.send_to_guest, data[number : number + 7])
        return []

    receiver.says = pieces
    s.wait(5)
    s.equal(place(s), (LAT, LON), "lat, lon")
