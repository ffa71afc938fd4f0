# runs on: micropython
"""Three days without a link: a fix every ten seconds fits into one megabyte, as tracks."""

from array import array

from firmware.config import check
from firmware.journal import Journal
from firmware.segment import SIZE
from firmware.track import Track
from protocol import cose, report
from tests.firmware.journal_frames import KID
from tests.firmware.ramflash import RamFlash

HOURS, EVERY_S, HEALTH_S = 72, 10, 600
MEGABYTE = 1024 * 1024


class Fix:
    """A patrol car in town and country: every turn and speed, from a generator that repeats."""

    def __init__(self):
        self.lat_e7, self.lon_e7 = 451000000, 193000000
        self.speed_cm_s = self.course_cdeg = 0
        self._dice = 7

    def _throw(self, n):
        self._dice = self._dice * 69069 + 1 & 0xFFFFFFFF
        return (self._dice >> 12) % n

    def drive(self):
        self.speed_cm_s = self._throw(3000)
        self.course_cdeg = self._throw(36000)
        reach = self.speed_cm_s * EVERY_S * 9  # 1e-7 degree of latitude is 1.1 cm
        self.lat_e7 += self._throw(2 * reach + 1) - reach
        self.lon_e7 += self._throw(2 * reach + 1) - reach


class Outage:
    def __init__(self, journal, track_s):
        self.journal = journal
        self.track_ms = track_s * 1000
        self.track = Track()
        self.seq = 0
        self.made = array("i")  # latitude, longitude, speed, course, one behind the other

    def say(self, kind, field, value):
        fields = {report.BOOT: 70000, report.SEQ: self.seq, report.TIME: 1761955200000, report.KIND: kind}
        fields[report.STATUS] = 3
        fields[field] = value
        frame = cose.sign1_encode(KID, report.encode(fields), lambda to_be_signed: bytes(64))
        while self.journal.prepare():
            pass
        self.journal.append(False, frame, 70000, self.seq, kind)
        self.seq += 1

    def keep(self):
        points = self.track.take()
        began = points[0][0]
        flat = report.track(1761955200000 + began, [(p[0] - began,) + p[1:] for p in points])
        self.say(report.KIND_TRACK, report.TRACK, flat)

    def fix(self, now_ms, fix):
        if not self.track.add(now_ms, fix):
            self.keep()
            assert self.track.add(now_ms, fix)
        for value in (fix.lat_e7, fix.lon_e7, fix.speed_cm_s, fix.course_cdeg):
            self.made.append(value)
        if self.track.age_ms(now_ms) >= self.track_ms:
            self.keep()


def drive(journal, hours):
    outage = Outage(journal, check({})[0]["track_s"])
    fix = Fix()
    for second in range(0, hours * 3600, EVERY_S):
        fix.drive()
        outage.fix(second * 1000, fix)
        if second % HEALTH_S == 0:
            outage.say(
                report.KIND_HEALTH, report.HEALTH, {0: 12600, 1: 310, 2: -97, 3: 1000, 4: 60000, 8: second}
            )
    outage.keep()
    return outage


def found(journal):
    """The places in the journal, oldest first."""
    places = array("i")
    after = None
    while True:
        rows = journal.peek(False, 50, after)
        if not rows:
            return places
        after = rows[-1][0]
        for _, frame in rows:
            fields = report.decode(cose.sign1_parse(frame).payload)
            if report.TRACK in fields:
                for point in report.track_points(fields[report.TRACK]):
                    for value in point[1:]:
                        places.append(value)


def test_three_days_of_fixes_fit_into_a_megabyte():
    journal = Journal(RamFlash(MEGABYTE // SIZE), 64 * 1024, MEGABYTE)
    outage = drive(journal, HOURS)
    assert len(outage.made) // 4 == HOURS * 3600 // EVERY_S == 25920
    assert journal.thinned == 0
    assert found(journal) == outage.made
    used = len(journal._rows[2])
    print("%d fixes in %d KB of %d" % (len(outage.made) // 4, used * 4, MEGABYTE // 1024))


def test_five_days_lose_every_second_track_of_the_oldest():
    journal = Journal(RamFlash(MEGABYTE // SIZE), 64 * 1024, MEGABYTE)
    outage = drive(journal, 120)
    places = found(journal)
    assert journal.thinned > 0 and len(places) // 4 > 25920
    recent = len(outage.made) // 3
    assert places[len(places) - recent :] == outage.made[len(outage.made) - recent :]
    assert places[0] in list(outage.made[:400])
