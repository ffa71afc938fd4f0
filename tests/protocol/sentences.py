"""Sentences for the tests of `protocol.nmea`, and what is asked of them all."""

from protocol.nmea import Parser

RMC = b"GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W"
GGA = b"GPGGA,123519.25,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,"
VOID = b"GPRMC,170058.89,V,3554.928,N,08002.496,W,9.4,1.57,050521,,E"


def sentence(body):
    value = 0
    for byte in body:
        value ^= byte
    return b"$%s*%02X" % (body, value)


def fed(*bodies):
    parser = Parser()
    for body in bodies:
        assert parser.feed(sentence(body)) == body[2:5].decode(), body
    return parser


def check_refused(body):
    """The sentence's checksum is right, its content is not: counted, and nothing changes."""
    parser = fed(RMC, GGA)
    before = state(parser)
    assert parser.feed(sentence(body)) is None, body
    assert state(parser) == before
    assert (parser.good, parser.malformed, parser.bad_checksum, parser.unknown) == (2, 1, 0, 0), body


def state(p):
    fix = (p.lat_e7, p.lon_e7, p.alt_dm, p.speed_cm_s, p.course_cdeg, p.hdop_tenths, p.valid, p.quality)
    more = (p.sats_used, p.sats_view, p.fix_type, p.antenna, p.utc_ms())
    return fix + more + (p.hour, p.minute, p.second, p.millisecond, p.year, p.month, p.day)


def check_ranges(p):
    """No field of a parser may ever be outside these, whatever was fed."""
    assert p.lat_e7 is None or -900000000 <= p.lat_e7 <= 900000000
    assert p.lon_e7 is None or -1800000000 <= p.lon_e7 <= 1800000000
    assert p.alt_dm is None or -100000 <= p.alt_dm <= 1000000
    assert p.speed_cm_s is None or 0 <= p.speed_cm_s <= 65535
    assert p.course_cdeg is None or 0 <= p.course_cdeg < 36000
    assert p.hdop_tenths is None or 0 <= p.hdop_tenths <= 65535
    assert p.sats_used is None or 0 <= p.sats_used <= 255
    assert p.sats_view is None or 0 <= p.sats_view <= 12 * 255
    assert p.fix_type in (None, 1, 2, 3) and p.antenna in (None, "ok", "open", "short")
    assert p.hour is None or (0 <= p.hour < 24 and 0 <= p.minute < 60 and 0 <= p.second <= 60)
    assert p.year is None or (1980 <= p.year < 2080 and 1 <= p.month <= 12 and 1 <= p.day <= 31)
    assert not p.valid or (p.lat_e7 is not None and p.lon_e7 is not None)
