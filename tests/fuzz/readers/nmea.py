"""NMEA: a raw stream in any chunks, sentences with their checksum put right, and the fields alone."""

from protocol import nmea_fields
from protocol.errors import Malformed
from protocol.lines import Splitter
from protocol.nmea import MAX_LINE, Parser
from tests.fuzz.readers.source import Source
from tests.protocol.sentences import check_ranges, sentence, state

TOKENS = (
    b"GPRMC,", b"GNGGA,", b"GPGLL,", b"GPGSA,", b"GPGSV,", b"GPVTG,", b"GNTXT,", b"PQGSV,", b"BDGSV,",
    b"123519.00,", b",A,", b",V,", b"4807.038,N,", b"01131.000,E,", b",S,", b",W,", b"230394", b"290200",
    b"000000", b"235960", b"ANTSTATUS=OPEN", b"ANTENNA SHORT", b"\r\n", b"$", b"*", b",,,,", b"0.9", b"-",
    b".", b"9999999999", b"8960.", b"9000.0000", b"18000.0000", b"1_0", b"1e5", b"\xb2", b"\xd9\xa3", b" ",
    b"M", b"360.0", b"99",
)  # fmt: skip
_COUNTERS = ("good", "bad_checksum", "malformed", "unknown")

# One parser that lives as long as the fuzzer: what could grow, would.
_OLD = Parser()


def nmea_stream(data):
    """A receiver's bytes as they come, through the splitter, in chunks whose lengths are fuzzed."""
    source = Source(data)
    chunk = source.byte() % 40 + 1
    splitter, parser = Splitter(MAX_LINE), Parser()
    said = []
    while source.left():
        for line in splitter.feed(source.take(chunk)):
            said.append(_feed(parser, line))
            _OLD.feed(line)
        assert len(splitter._kept) <= MAX_LINE + 1
    _bounded(_OLD)
    _bounded(parser)
    return b" ".join(said) + repr(state(parser)).encode()


def nmea_sentence(data):
    """Each line gets `$` and its checksum; the first byte has bits for a spoilt one, CR LF and noise."""
    source = Source(data)
    flags = source.byte()
    parser = Parser()
    said = []
    for body in source.rest().split(b"\n"):
        line = sentence(body)
        if flags & 1:
            line += b"\r\n"
        if flags & 2:
            line = b"\x00$GP" + line
        if flags & 4:
            line = line[:-1] + b"f"
        said.append(_feed(parser, line))
        _OLD.feed(line)
    _bounded(_OLD)
    _bounded(parser)
    return b" ".join(said) + repr(state(parser)).encode()


def _feed(parser, line):
    counts = sum([getattr(parser, name) for name in _COUNTERS])
    before = state(parser)
    name = parser.feed(line)
    assert sum([getattr(parser, n) for n in _COUNTERS]) == counts + 1, "a line is counted once"
    if name is None:
        assert state(parser) == before, "a refused line changed something"
        return b"-"
    return name.encode()


def _bounded(p):
    check_ranges(p)
    assert p.utc_ms() is None or 0 < p.utc_ms() < 3500000000000
    for name in p.__dict__:
        kept = getattr(p, name)
        if isinstance(kept, (dict, list)):
            assert len(kept) <= 32, name
        elif isinstance(kept, (bytes, bytearray, str)):
            assert len(kept) <= MAX_LINE, name


def nmea_fields_exact(data):
    """Numbers, angles, speeds against arithmetic written another way; times and dates by form."""
    source = Source(data)
    kind = source.byte() % 7
    field = source.rest()[:MAX_LINE]
    try:
        if kind == 0:
            value, least = nmea_fields.number(field, 2), _decimal(field, 200, False)
        elif kind == 1:
            value, least = nmea_fields.signed(field, 1), _decimal(field, 20, True)
        elif kind == 2:
            value, least = nmea_fields.speed_cm_s(field), _decimal(field, 926, False, 9)
        elif kind == 3:
            value, least = nmea_fields.angle(field, b"S", b"N", b"S", 900000000), _minutes(field)
        elif kind == 4:
            value = least = nmea_fields.time_of_day(field)
            assert value is None or (field[:6].isdigit() and int(field[:6]) == value // 1000)
        elif kind == 5:
            value = least = nmea_fields.date(field)
            assert value is None or nmea_fields.days_since_1970(value) > 3650
        else:
            value = least = nmea_fields.count(field, 255)
            assert value is None or int(field) == value <= 255
    except Malformed:
        return None
    assert value == least, (field, value, least)
    return b"%d %d" % (kind, value) if value is not None else b"none"


def _digits(field):
    """(digits as an integer, how many stand behind the point) of a plain decimal number."""
    left, dot, right = field.partition(b".")
    for byte in left + right:
        assert 48 <= byte <= 57, field
    assert left or right
    return int(left + right), len(right)


def _decimal(field, twice, sign, over=1):
    """field * twice / 2 / over, rounded half away from zero."""
    if not field:
        return None
    negative = sign and field[:1] == b"-"
    value, behind = _digits(field[1:] if negative else field)
    size = (value * twice + over * 10**behind) // (2 * over * 10**behind)
    return -size if negative else size


def _minutes(field):
    if not field:
        return None
    left = field.partition(b".")[0]
    whole = len(left)
    value, behind = _digits(field)
    unit = 10**behind
    degrees = int(left[: whole - 2])
    minutes = value - degrees * 100 * unit  # times 10 ** behind
    assert 0 <= minutes < 60 * unit
    size = (2 * (degrees * 60 * unit + minutes) * 10000000 + 60 * unit) // (2 * 60 * unit)
    return -size
