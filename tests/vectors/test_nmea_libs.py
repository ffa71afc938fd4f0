# runs on: both
"""Sentences with the values that other libraries' own tests expect of them."""

from protocol.nmea import Parser
from tests.portable import Tally, load_json, vectors
from tests.vectors.nmea_files import kind_of, near, nmea, parts_of, right

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def of_minutes(parts):
    """[degrees, minutes, side] -> degrees."""
    value = parts[0] + parts[1] / 60
    return -value if parts[2] in ("S", "W") else value


def read(line, kind):
    p = Parser()
    assert p.feed(line.encode()) == kind, line
    return p


def course(value):
    """0..360 -> 0..360, without the upper end."""
    return value % 360 if value is not None else None


def rmc(data, i, line):
    p = read(line, "RMC")
    assert near(p.lat_e7, of_minutes(data["rmc_latitude"][i]), 1e7)
    assert near(p.lon_e7, of_minutes(data["rmc_longitude"][i]), 1e7)
    hour, minute, second = data["rmc_utc"][i]
    assert (p.hour, p.minute) == (hour, minute)
    assert p.second * 1000 + p.millisecond == round(second * 1000)
    assert [p.day, p.month, p.year % 100] == data["rmc_date"][i]
    assert near(p.speed_cm_s, data["rmc_speed"][i][0], 463 / 9)
    # Where the sentence has no course the library says 0.0; here it is unknown.
    assert near(p.course_cdeg, course(data["rmc_course"][i]) if line.split(",")[8] else None, 100)


def gga(data, i, line):
    p = read(line, "GGA")
    assert p.quality == data["gga_fixes"][i] and p.valid == (p.quality > 0)
    if p.valid:  # with quality 0 the library forgets the position: its choice, says the file
        assert near(p.lat_e7, of_minutes(data["gga_latitudes"][i]), 1e7)
        assert near(p.lon_e7, of_minutes(data["gga_longitudes"][i]), 1e7)
        assert near(p.hdop_tenths, data["gga_hdops"][i], 10)
        assert near(p.alt_dm, data["gga_altitudes"][i], 10)
    assert p.sats_used == data["gga_satellites_in_uses"][i]


def gsa(data, i, line):
    p = read(line, "GSA")
    assert p.fix_type == 3 and near(p.hdop_tenths, data["gsa_hdop"][i], 10)


def gsv(data, i, line):
    assert read(line, "GSV").sats_view == data["gsv_num_sats_in_view"][i]


def vtg(data, i, line):
    p = read(line, "VTG")
    assert (p.course_cdeg, p.speed_cm_s) == (23290, 118)


def gll(data, i, line):
    degrees, minutes, side = data["gll_longitude"][i]
    if minutes >= 60:  # "08671.4472": 71 minutes are no longitude, whatever the checksum
        p = Parser()
        assert p.feed(line.encode()) is None and p.malformed == 1
        return
    p = read(line, "GLL")
    assert near(p.lat_e7, of_minutes(data["gll_latitude"][i]), 1e7)
    assert near(p.lon_e7, of_minutes(data["gll_longitude"][i]), 1e7)
    assert p.valid == data["gll_valid"][i]


_CHECKS = {"RMC": rmc, "GGA": gga, "GSA": gsa, "GSV": gsv, "VTG": vtg, "GLL": gll}


def test_micropygps():
    for name in nmea("micropygps.json"):
        data = load_json(vectors(name))["data"]
        with Tally(name) as tally:
            for key in data:
                if not key.startswith("test_"):
                    continue
                for i, line in enumerate(data[key]):
                    _CHECKS[key[5:]](data, i, line)
                    tally.ran += 1


def blocks(name):
    """The blocks that libnmea prints: (kind, {label: number or text})."""
    found = []
    prefix = ""
    for part in parts_of(name):
        line = part.decode().strip()
        if line.replace(":", "").lower().endswith(" sentence"):
            found.append((line[2:5], {}))
            prefix = ""
        elif line.endswith(":") and line[:-1] in ("Longitude", "Latitude", "Magnetic Variation"):
            prefix = line[:-1] + " "
        elif ": " in line:
            label, _, value = line.partition(": ")
            if not part.startswith(b" "):
                prefix = ""
            found[-1][1][prefix + label] = value.strip().rstrip(":")
    return found


def angle(fields, label):
    degrees, minutes = int(fields[label + " Degrees"]), float(fields[label + " Minutes"])
    return of_minutes((degrees, minutes, fields[label + " Cardinal"]))


def zero(value):
    """libnmea says 0 where nothing is known."""
    return 0 if value is None else value


def check_block(p, kind, fields, where):
    if kind in ("RMC", "GLL"):
        assert near(p.lat_e7, angle(fields, "Latitude"), 1e7), where
        assert near(p.lon_e7, angle(fields, "Longitude"), 1e7), where
    clock = "%02d:%02d:%02d" % (zero(p.hour), zero(p.minute), zero(p.second))
    if kind == "RMC":
        day, month, at, year = fields["Date & Time"].split(" ")
        assert (int(day), _MONTHS.index(month) + 1, int(year) % 100) == (p.day, p.month, p.year % 100), where
        assert at == clock, where
        assert near(p.speed_cm_s, float(fields["Speed, in Knots"]), 463 / 9), where
        assert near(p.course_cdeg, course(float(fields["Track, in degrees"])), 100), where
    elif kind == "GLL":
        assert fields["Time"] == clock, where
    elif kind == "GGA":
        assert zero(p.sats_used) == int(fields["Number of satellites"]), where
        assert near(zero(p.alt_dm), float(fields["Altitude"].split(" ")[0]), 10), where
    elif kind == "GSA":
        assert p.fix_type == int(fields["Fix"]) and near(p.hdop_tenths, float(fields["HDOP"]), 10), where
    elif kind == "GSV":
        assert p.sats_view == int(fields["SV"]), where
    elif kind == "VTG":
        assert near(p.course_cdeg, course(float(fields["Track [deg]"])), 100), where
        assert near(p.speed_cm_s, float(fields["Speed [knots]"]), 463 / 9), where
    else:
        assert kind == "TXT", where


def test_libnmea():
    """Its sentences in their order; those of a kind that it cannot print have no block."""
    for expected in nmea("_expected.txt"):
        sent = expected[: -len("_expected.txt")] + "_in.txt"
        waiting = blocks(expected)
        with Tally(sent) as lines, Tally(expected) as printed:
            for part in parts_of(sent):
                line = part.strip()
                if not line:
                    continue
                p = Parser()
                said = p.feed(line)
                assert said == (kind_of(line) if right(line) and kind_of(line) else None), line
                lines.ran += 1
                if waiting and waiting[0][0] == line[3:6].decode():
                    kind, fields = waiting.pop(0)
                    if right(line):
                        check_block(p, kind, fields, line)
                    else:
                        assert said is None  # libnmea takes a sentence without its checksum; we do not
                    printed.ran += 1
            assert not waiting


def test_pynmea2s_own_log():
    p = Parser()
    found = [p.feed(part.strip()) for part in parts_of("nmea/libs/pynmea2_data.log") if part.strip()]
    assert [name for name in found if name] == ["GGA"]
    assert near(p.alt_dm, 100.0, 10) and near(p.lat_e7, -(19 + 29.045 / 60), 1e7)
