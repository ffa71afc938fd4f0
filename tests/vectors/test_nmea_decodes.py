# runs on: both
"""Receivers' logs as gpsd and pynmea2 read the same bytes."""

import json

from protocol.nmea import Parser
from tests.portable import Tally, load_json, vectors
from tests.vectors.nmea_files import LOGS, READ, kind_of, lines_of, logs, near, nmea, parts_of, right, void

_NOT_KEPT = {"SKY": "satellites one by one", "GST": "estimated errors"}
_DAY_MS = 86400000


def same_fix(p, entry, where):
    name = entry["s"][2:]
    assert near(p.lat_e7, entry.get("lat"), 10000000), where
    assert near(p.lon_e7, entry.get("lon"), 10000000), where
    stamp = entry.get("timestamp")
    if stamp is None:
        assert p.hour is None, where
    else:
        assert stamp[:8] == "%02d:%02d:%02d" % (p.hour, p.minute, p.second), where
        fraction = stamp[9:].split("+")[0].split("-")[0] if stamp[8:9] == "." else "0"
        assert p.millisecond == int((fraction + "00")[:3]), where
    if name == "RMC":
        day = entry.get("datestamp")
        assert day == (None if p.year is None else "%04d-%02d-%02d" % (p.year, p.month, p.day)), where
        assert entry.get("status") == "A" or not p.valid, where
        assert near(p.speed_cm_s, entry.get("kn"), 463 / 9), where
        course = entry.get("cog")
        assert near(p.course_cdeg, course % 360 if course is not None else None, 100), where
    if name == "GGA":
        assert p.quality == entry.get("q"), where
        assert near(p.alt_dm, entry.get("alt"), 10), where
        assert p.sats_used == (int(entry["ns"]) if entry.get("ns") else None), where


def log_of(name):
    base = name[: -len(".pynmea2.json")]
    return [log for log in logs() if log in [base + ending for ending in LOGS]][0]


def test_as_pynmea2_read_them():
    compared = wrong = 0
    for name in nmea(".pynmea2.json"):
        by_line = {}
        for entry in load_json(vectors(name)):
            by_line.setdefault(entry["line"], []).append(entry)
        p = Parser()
        with Tally(name) as tally:
            for number, line in lines_of(log_of(name)):
                said = None if line is None else p.feed(line)
                for entry in by_line.get(number, ()):
                    kind = entry["s"][2:]
                    if kind not in ("RMC", "GGA", "GLL"):
                        assert said is None or kind in READ
                        tally.leave_out(kind + ": a sentence that is not read here")
                    elif line is None or not right(line):
                        # pynmea2 takes a sentence without a checksum; we do not.
                        assert said is None
                        tally.ran += 1
                    elif said is None:
                        tally.leave_out("checksum right, content wrong: refused")
                        wrong += not void(line)
                    else:
                        assert said == kind == kind_of(line), (name, number, line)
                        same_fix(p, entry, (name, number, line))
                        tally.ran += 1
                        compared += 1
    assert compared and wrong * 50 <= compared


def of_day_ms(stamp):
    """2034-11-01T17:19:31.000Z -> ms of the day; its date may be 1,024 weeks off."""
    clock = stamp.split("T")[1]
    return (int(clock[:2]) * 60 + int(clock[3:5])) * 60000 + int((clock[6:8] + clock[9:-1] + "000")[:5])


def apart(one, other):
    """Milliseconds between two times of day."""
    return min((one - other) % _DAY_MS, (other - one) % _DAY_MS)


class Recent:
    """The last fixes of ours: gpsd may hold a report back for a cycle or two."""

    def __init__(self):
        self.p = Parser()
        self.fixes = []  # (ms of the day or None, lat_e7, lon_e7)
        self.times = []

    def feed(self, line):
        p = self.p
        if p.feed(line) not in ("RMC", "GGA", "GLL"):
            return
        at = None
        if p.hour is not None:
            at = (p.hour * 60 + p.minute) * 60000 + p.second * 1000 + p.millisecond
            self.times = self.times[-7:] + [at]
        if p.lat_e7 is not None:
            self.fixes = self.fixes[-11:] + [(at, p.lat_e7, p.lon_e7)]

    def has(self, report):
        """Whether a recent fix has the report's position: of its very time, if one of that time is there."""
        fixes = self.fixes
        if "time" in report:
            at = of_day_ms(report["time"])
            same = [fix for fix in fixes if fix[0] is not None and apart(fix[0], at) <= 5]
            fixes = same or fixes
        return bool([f for f in fixes if near(f[1], report["lat"], 1e7) and near(f[2], report["lon"], 1e7)])

    def knows(self, report):
        at = of_day_ms(report["time"])
        return bool([time for time in self.times if apart(time, at) <= 1000])


def test_positions_and_times_as_gpsd_reports_them():
    compared = elsewhere = 0
    for name in nmea(".chk"):
        recent = Recent()
        with Tally(name) as tally:
            for line in parts_of(name):
                if line[:1] == b"$":
                    recent.feed(line.rstrip())
                if line[:1] != b"{":
                    continue
                report = json.loads(line.decode())
                if report["class"] != "TPV":
                    tally.leave_out(
                        _NOT_KEPT.get(report["class"], "class %s" % report["class"]) + ": not kept here"
                    )
                elif "lat" not in report:
                    if "time" not in report:
                        tally.leave_out("report with neither position nor time")
                    elif recent.knows(report):
                        tally.ran += 1
                    else:  # ZDA and makers' own sentences have a time too
                        assert report["mode"] < 2, (name, line)
                        tally.leave_out("time from a sentence that is not read here")
                elif not recent.fixes:
                    tally.leave_out("position before any RMC, GGA or GLL")
                    elsewhere += 1
                elif not recent.has(report):
                    tally.leave_out("position from a sentence that is not read here")
                    print("not from RMC, GGA or GLL:", name, line)
                    elsewhere += 1
                else:
                    if "time" in report:
                        assert recent.knows(report), (name, line)
                    tally.ran += 1
                    compared += 1
    assert compared and elsewhere * 20 <= compared
