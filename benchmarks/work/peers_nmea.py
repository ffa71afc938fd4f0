"""The same sentences, and the same fields of them, by `pynmea2` and `pynmeagps`."""

import functools

import pynmea2
from pynmeagps import NMEAReader
from pynmeagps.exceptions import NMEAParseError

from benchmarks.timing import Work
from benchmarks.work import nmea
from protocol.nmea import Parser

# What `nmea.FIELDS` takes, by pynmea2's names. It converts a field when asked for it; its GSV has only text.
PYNMEA2 = {
    "RMC": lambda m: (m.is_valid, m.latitude, m.longitude, m.spd_over_grnd, m.true_course, _moment(m)),
    "GGA": lambda m: (m.latitude, m.longitude, m.timestamp, m.gps_qual, m.num_sats, _hdop(m), m.altitude),
    "GLL": lambda m: (m.is_valid, m.latitude, m.longitude, m.timestamp),
    "GSA": lambda m: (m.mode_fix_type, m.hdop),
    "GSV": lambda m: m.num_sv_in_view,
    "VTG": lambda m: (m.true_track, m.spd_over_grnd_kts),
}
# pynmeagps converts all of a sentence as it reads it.
PYNMEAGPS = {
    "RMC": lambda m: (m.status, m.lat, m.lon, m.spd, m.cog, m.date, m.time),
    "GGA": lambda m: (m.lat, m.lon, m.time, m.quality, m.numSV, m.HDOP, m.alt),
    "GLL": lambda m: (m.status, m.lat, m.lon, m.time),
    "GSA": lambda m: (m.navMode, m.HDOP),
    "GSV": lambda m: m.numSV,
    "VTG": lambda m: (m.cogt, m.sogn),
}


def _moment(message):
    return message.datetime if message.datestamp and message.timestamp else None


def _hdop(message):
    return message.horizontal_dil


@functools.cache
def common():
    """Sentences that all three read without complaint."""
    lines = []
    for line in nmea.recorded_lines():
        line = line[line.rfind(b"$") :]
        name = Parser().feed(line)
        if name not in PYNMEA2:
            continue
        try:
            PYNMEA2[name](pynmea2.parse(line.decode("ascii"), check=True))
            PYNMEAGPS[name](NMEAReader.parse(line + b"\r\n", validate=1))
        except (pynmea2.ParseError, NMEAParseError, AttributeError, TypeError, ValueError):
            continue
        lines.append(line)
    return lines


def ours():
    return nmea.same_fields(common())


def by_pynmea2():
    texts = [line.decode("ascii") for line in common()]

    def once():
        for text in texts:
            message = pynmea2.parse(text, check=True)
            PYNMEA2[message.sentence_type](message)

    return Work(once, len(texts))


def by_pynmeagps():
    lines = [line + b"\r\n" for line in common()]

    def once():
        for line in lines:
            message = NMEAReader.parse(line, validate=1)
            PYNMEAGPS[message.msgID](message)

    return Work(once, len(lines))


def ours_parse():
    """Without taking any field."""
    lines = common()
    parser = Parser()

    def once():
        for line in lines:
            parser.feed(line)

    return Work(once, len(lines))


def pynmea2_parse():
    """Checksum and split only: it has converted nothing yet."""
    texts = [line.decode("ascii") for line in common()]

    def once():
        for text in texts:
            pynmea2.parse(text, check=True)

    return Work(once, len(texts))
