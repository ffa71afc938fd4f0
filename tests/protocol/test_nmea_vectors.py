# runs on: both
"""Real receivers' logs, and other parsers' reading of the same bytes."""

import json
import os

from protocol.lines import Splitter
from protocol.nmea import MAX_LINE, Parser
from tests.portable import load_json, skip, vectors
from tests.protocol.sentences import sentence

READ = ("RMC", "GGA", "GLL", "GSA", "GSV", "VTG", "TXT")


def logs(folder):
    found = []
    path = vectors("nmea/" + folder)
    for name in sorted(os.listdir(path)):
        if name.endswith(".log") or name.endswith(".nmea"):
            found.append(path + "/" + name)
    if not found:
        skip("no logs in " + path)
    return found


def lines_of(path):
    """(number, line) of a file, through the splitter, in portions as a UART gives them."""
    splitter = Splitter(MAX_LINE)
    with open(path, "rb") as file:
        data = file.read()
    # The splitter leaves empty lines out; the numbers of the other files count them.
    number = 0
    for part in data.split(b"\n"):
        number += 1
        for line in splitter.feed(part[:7]) + splitter.feed(part[7:]) + splitter.feed(b"\n"):
            yield number, line


def right(line):
    """Whether the line is a whole sentence with its own checksum, by other means than the parser's."""
    start = line.rfind(b"$")
    return start >= 0 and sentence(line[start + 1 : -3]) == line[start:-2] + line[-2:].upper()


def near(value, expected, scale):
    """An integer against a decimal fraction that was itself rounded to eight places."""
    if value is None or expected is None:
        return value is None and expected is None
    return abs(value - expected * scale) <= 0.5 + 1e-8 * scale + 1e-9 * abs(expected * scale)


def test_whole_sentences_are_read_and_nothing_else():
    read = wrong = 0
    for folder in ("gpsd", "drives"):
        for path in logs(folder):
            p = Parser()
            for number, line in lines_of(path):
                name = p.feed(line)
                start = line.rfind(b"$") + 1
                kind = bytes(line[start + 2 : start + 5]).decode()
                ours = kind in READ and line[start + 5 : start + 6] == b","
                if line[start : start + 1] == b"P":
                    ours = line[start + 1 : start + 2] == b"Q" and kind in ("GSA", "GSV")
                if not ours or not right(line):
                    assert name is None, (path, number, line)
                elif name is None:
                    wrong += 1
                    print("right checksum, wrong content:", path, number, line)
                else:
                    assert name == kind, (path, number, line)
                    read += 1
            assert p.good > 0, path
    print("sentences read:", read)
    # None in the logs that we know; another log may hold a receiver's own slips, but few.
    assert wrong * 50 <= read


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


def test_as_pynmea2_read_them():
    compared = wrong = 0
    for path in logs("gpsd"):
        try:
            entries = load_json(path[: -len(".log")] + ".pynmea2.json")
        except OSError:
            continue
        by_line = {}
        for entry in entries:
            by_line[entry["line"]] = entry
        p = Parser()
        for number, line in lines_of(path):
            name = p.feed(line)
            entry = by_line.get(number)
            if entry is None or entry["s"][2:] not in ("RMC", "GGA", "GLL"):
                continue
            if not right(line):
                assert name is None  # pynmea2 takes a sentence without a checksum; we do not
                continue
            if name is None:
                wrong += 1  # told by the test above
                continue
            assert name == entry["s"][2:], (path, number, line)
            same_fix(p, entry, (path, number, line))
            compared += 1
    assert compared and wrong * 50 <= compared
    print("fixes compared with pynmea2:", compared)


def test_positions_as_gpsd_reports_them():
    """Each position in gpsd's reports is one that we just read; times agree to 1,024 weeks."""
    compared = times = elsewhere = 0
    for path in logs("gpsd"):
        try:
            file = open(path + ".chk", "rb")
        except OSError:
            continue
        p = Parser()
        fixes, stamps = [], []
        with file:
            for line in file.read().split(b"\n"):
                if line[:1] == b"$":
                    name = p.feed(line.rstrip())
                    if name in ("RMC", "GGA", "GLL") and p.lat_e7 is not None:
                        fixes = fixes[-7:] + [(p.lat_e7, p.lon_e7)]  # gpsd may hold a report back for a cycle
                    if name == "RMC" and p.utc_ms() is not None:
                        stamps = stamps[-2:] + [p.utc_ms()]
                elif line[:14] == b'{"class":"TPV"':
                    report = json.loads(line.decode())
                    lat, lon = report.get("lat"), report.get("lon")
                    if lat is not None and fixes:
                        if [f for f in fixes if near(f[0], lat, 1e7) and near(f[1], lon, 1e7)]:
                            compared += 1
                        else:
                            elsewhere += 1  # from a sentence that we do not read: GNS, a maker's own
                            print("not from RMC, GGA or GLL:", path, line)
                    if report.get("mode", 0) > 1 and "time" in report and stamps:
                        second = int(report["time"][17:19])
                        assert [s for s in stamps if s // 1000 % 60 == second], (path, line)
                        times += 1
    assert compared and times
    assert elsewhere * 20 <= compared
    print("positions compared with gpsd:", compared, "times:", times)


def test_a_drive_through_switzerland():
    path = vectors("nmea/drives/20100403_Z205_Switzerland_short.nmea")
    p = Parser()
    count, fastest, last = 0, 0, None
    for _, line in lines_of(path):
        if p.feed(line) != "RMC" or not p.valid:
            continue
        count += 1
        assert (p.year, p.month, p.day) == (2010, 4, 3)
        assert 460000000 < p.lat_e7 < 470000000 and 60000000 < p.lon_e7 < 80000000
        fastest = max(fastest, p.speed_cm_s)
        if last is not None:
            assert abs(p.lat_e7 - last[0]) < 4000 and abs(p.lon_e7 - last[1]) < 6000  # no jump beyond 45 m
        last = (p.lat_e7, p.lon_e7)
    assert count == 226
    assert 1150 < fastest <= 1300  # "up to 45 km/h"


def minutes_e7(parts, positive):
    degrees, minutes, side = parts
    value = degrees + minutes / 60
    return value if side == positive else -value


def test_micropygps():
    data = load_json(vectors("nmea/libs/micropygps.json"))["data"]
    for i, line in enumerate(data["test_RMC"]):
        p = Parser()
        assert p.feed(line.encode()) == "RMC"
        assert near(p.lat_e7, minutes_e7(data["rmc_latitude"][i], "N"), 1e7)
        assert near(p.lon_e7, minutes_e7(data["rmc_longitude"][i], "E"), 1e7)
        hour, minute, second = data["rmc_utc"][i]
        assert (p.hour, p.minute) == (hour, minute) and p.second * 1000 + p.millisecond == round(
            second * 1000
        )
        assert [p.day, p.month, p.year % 100] == data["rmc_date"][i]
        assert near(p.speed_cm_s, data["rmc_speed"][i][0], 463 / 9)
        # Where the sentence has no course the library says 0.0; here it is unknown.
        course = data["rmc_course"][i] if line.split(",")[8] else None
        assert near(p.course_cdeg, course % 360 if course is not None else None, 100)
    for i, line in enumerate(data["test_GGA"]):
        p = Parser()
        assert p.feed(line.encode()) == "GGA"
        assert p.quality == data["gga_fixes"][i] and p.valid == (p.quality > 0)
        if p.valid:  # with quality 0 the library forgets the position: its choice, says the file
            assert near(p.lat_e7, minutes_e7(data["gga_latitudes"][i], "N"), 1e7)
            assert near(p.lon_e7, minutes_e7(data["gga_longitudes"][i], "E"), 1e7)
            assert near(p.hdop_tenths, data["gga_hdops"][i], 10)
            assert near(p.alt_dm, data["gga_altitudes"][i], 10)
        assert p.sats_used == data["gga_satellites_in_uses"][i]
    for i, line in enumerate(data["test_GSA"]):
        p = Parser()
        assert p.feed(line.encode()) == "GSA"
        assert p.fix_type == 3 and near(p.hdop_tenths, data["gsa_hdop"][i], 10)
    for i, line in enumerate(data["test_GSV"]):
        p = Parser()
        assert p.feed(line.encode()) == "GSV" and p.sats_view == data["gsv_num_sats_in_view"][i]
    for line in data["test_VTG"]:
        p = Parser()
        assert p.feed(line.encode()) == "VTG"
        assert (p.course_cdeg, p.speed_cm_s) == (23290, 118)
    for i, line in enumerate(data["test_GLL"]):
        p = Parser()
        degrees, minutes, side = data["gll_longitude"][i]
        if minutes >= 60:  # "08671.4472": 71 minutes are no longitude, whatever the checksum
            assert p.feed(line.encode()) is None and p.malformed == 1
            continue
        assert p.feed(line.encode()) == "GLL"
        assert near(p.lat_e7, minutes_e7(data["gll_latitude"][i], "N"), 1e7)
        assert near(abs(p.lon_e7), degrees + minutes / 60, 1e7)
        assert p.valid == data["gll_valid"][i]


def test_libnmea_and_pynmea2_lines():
    with open(vectors("nmea/libs/libnmea_in.txt"), "rb") as file:
        lines = [line.strip() for line in file.read().split(b"\n") if line.strip()]
    p = Parser()
    read = [line for line in lines if p.feed(line) is not None]
    assert [right(line) and line[3:6] not in (b"WPL", b"APB") for line in lines] == [x in read for x in lines]
    for line, expected in (
        (lines[0], (35 + 54.928 / 60, -(80 + 2.496 / 60))),
        (lines[8], (49 + 16.45 / 60, -(123 + 11.12 / 60))),
        (lines[11], (48 + 7.038 / 60, 11 + 31.0 / 60)),
    ):
        assert p.feed(line) is not None
        assert near(p.lat_e7, expected[0], 1e7) and near(p.lon_e7, expected[1], 1e7)
    with open(vectors("nmea/libs/pynmea2_data.log"), "rb") as file:
        read = [p.feed(line.strip()) for line in file.read().split(b"\n") if line.strip()]
    assert [name for name in read if name] == ["GGA"]
    assert near(p.alt_dm, 100.0, 10) and near(p.lat_e7, -(19 + 29.045 / 60), 1e7)
