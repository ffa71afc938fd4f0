"""NMEA: our parser on recorded logs. Runs under both Pythons."""

import os

from benchmarks.timing import Work
from protocol.lines import Splitter
from protocol.nmea import MAX_LINE, Parser

_PORTION = 64  # bytes a UART has gathered when the terminal looks

# A second of a receiver with two constellations, and the next: so that the suite runs without the recordings.
TYPED_IN = b"""$GNRMC,091200.00,A,4502.70180,N,01911.46210,E,24.812,271.53,221126,,,A*7F
$GNVTG,271.53,T,,M,24.812,N,45.952,K,A*2E
$GNGGA,091200.00,4502.70180,N,01911.46210,E,1,12,0.81,88.4,M,41.9,M,,*4C
$GNGSA,A,3,02,05,07,09,13,16,20,30,,,,,1.52,0.81,1.29*1F
$GPGSV,3,1,10,02,17,308,41,05,57,069,44,07,40,083,46,09,22,228,45*79
$GPGSV,3,2,10,13,12,105,31,16,33,297,40,20,28,134,38,27,05,032,*71
$GPGSV,3,3,10,29,07,181,22,30,71,312,47*70
$GNGLL,4502.70180,N,01911.46210,E,091200.00,A,A*79
$GNRMC,091201.00,A,4502.70205,N,01911.45318,E,24.790,272.04,221126,,,A*7D
$GNGGA,091201.00,4502.70205,N,01911.45318,E,1,12,0.81,88.5,M,41.9,M,,*42
"""


def _checked(text):
    """With checksums made here: who edits the log above need not count."""
    lines = []
    for line in text.split(b"\n"):
        if line:
            body = line[1 : line.find(b"*")]
            value = 0
            for byte in body:
                value ^= byte
            lines.append(b"$%s*%02X" % (body, value))
    return lines


def typed_in_lines():
    return _checked(TYPED_IN)


def typed_in():
    lines, parser = typed_in_lines(), Parser()

    def once():
        feed = parser.feed
        for line in lines:
            feed(line)

    return Work(once, len(lines))


def recordings():
    """Paths of the recorded logs, none where they are absent."""
    root = os.getenv("PATROLA_VECTORS") or "../shared/vectors"
    paths = []
    for folder in ("gpsd", "drives"):
        try:
            names = sorted(os.listdir(root + "/nmea/" + folder))
        except OSError:
            continue
        paths += [root + "/nmea/" + folder + "/" + n for n in names if n.endswith((".log", ".nmea"))]
    return paths


_lines = []


def recorded_lines():
    """All lines of the logs, as the terminal's splitter cuts them; the typed-in ones where there are none."""
    if not _lines:
        for path in recordings():
            splitter = Splitter(MAX_LINE)
            with open(path, "rb") as file:
                _lines.extend(splitter.feed(file.read()))
    return _lines or typed_in_lines()


def everything():
    """Every line of the recordings, noise and what nobody reads included."""
    lines = recorded_lines()
    parser = Parser()

    def once():
        feed = parser.feed
        for line in lines:
            feed(line)

    return Work(once, len(lines))


def stream():
    """From bytes as they come in to fields: splitter and parser. Per line."""
    lines = recorded_lines()
    data = memoryview(b"\r\n".join(lines) + b"\r\n")
    parser, splitter = Parser(), Splitter(MAX_LINE)

    def once():
        for at in range(0, len(data), _PORTION):
            for line in splitter.feed(data[at : at + _PORTION]):
                parser.feed(line)

    return Work(once, len(lines))


def splitting():
    """The least any parser does: each line cut at its commas."""
    lines = recorded_lines()

    def once():
        for line in lines:
            line.split(b",")

    return Work(once, len(lines))


# --- against other parsers: sentences that all of them read, and the same fields of them

FIELDS = {
    "RMC": lambda p: (p.valid, p.lat_e7, p.lon_e7, p.speed_cm_s, p.course_cdeg, p.utc_ms()),
    "GGA": lambda p: (p.lat_e7, p.lon_e7, p.hour, p.quality, p.sats_used, p.hdop_tenths, p.alt_dm),
    "GLL": lambda p: (p.valid, p.lat_e7, p.lon_e7, p.hour),
    "GSA": lambda p: (p.fix_type, p.hdop_tenths),
    "GSV": lambda p: p.sats_view,
    "VTG": lambda p: (p.course_cdeg, p.speed_cm_s),
}


def same_fields(lines):
    """Each line read, its fields taken."""
    parser = Parser()

    def once():
        feed = parser.feed
        for line in lines:
            name = feed(line)
            FIELDS[name](parser)

    return Work(once, len(lines))
