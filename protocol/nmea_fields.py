"""The parts of an NMEA sentence: bytes in, integers out. An empty field is None, a wrong one Malformed."""

from protocol.compat import MICROPYTHON
from protocol.errors import Malformed

_POWERS = (1, 10, 100, 1000, 10000, 100000, 1000000, 10000000)
_UNMEASURED = (b"N", b"S", b"M")  # no fix, simulated, typed in
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def checksum(data: bytes) -> int:
    """Exclusive-or of all bytes, up to 256. Between `$` and `*` it is the sentence's checksum."""
    if MICROPYTHON:
        # A quarter slower than the folding below, but nothing is allocated: half a sentence's garbage less.
        value = 0
        for byte in data:
            value ^= byte
        return value
    # The shifts are powers of two, so each byte comes down to the lowest in one way only; what they leave
    # above it does no harm.
    x = int.from_bytes(data, "big")
    if len(data) > 64:
        x ^= x >> 1024
        x ^= x >> 512
    x ^= x >> 256
    x ^= x >> 128
    x ^= x >> 64
    x = (x ^ x >> 32) & 0xFFFFFFFF
    x ^= x >> 16
    return (x ^ x >> 8) & 255


def split(line: bytes, commas: int) -> list[bytes]:
    """The fields of a sentence up to that comma, and the rest in one piece; without `*` and the checksum."""
    fields = line.split(b",", commas)
    if len(fields) <= commas:
        fields[-1] = fields[-1][:-3]
    return fields


def angle(field: bytes, side: bytes, plus: bytes, minus: bytes, limit_e7: int) -> int | None:
    """`dddmm.mmmm` and its hemisphere -> 1e-7 degrees, rounded half away from zero.

    Leading zeros of the degrees may be missing; minutes are below 60 and have two digits.
    """
    if not field:
        return None
    e7 = _degrees_e7(field)
    if e7 > limit_e7:
        raise Malformed("coordinate out of range: %r" % field)
    if side == plus:
        return e7
    if side == minus:
        return -e7
    raise Malformed("hemisphere: %r" % side)


def _degrees_e7(field: bytes) -> int:
    digits = field.replace(b".", b"")
    decimals = len(digits)
    whole = decimals if decimals == len(field) else field.find(b".")
    if not 3 <= whole <= 5 or not digits.isdigit() or len(field) - decimals > 1:
        raise Malformed("coordinate: %r" % field)
    decimals -= whole
    minutes = int(digits)
    unit = 60
    if decimals <= 7:
        e7 = minutes // (100 * _POWERS[decimals])
        minutes = (minutes - e7 * 100 * _POWERS[decimals]) * _POWERS[7 - decimals]
    else:
        unit *= 10 ** (decimals - 7)
        e7 = minutes // (100 * 10**decimals)
        minutes -= e7 * 100 * 10**decimals
    if minutes >= 10000000 * unit:
        raise Malformed("minutes: %r" % field)
    return e7 * 10000000 + (minutes + unit // 2) // unit


def number(field: bytes, places: int) -> int | None:
    """An unsigned decimal number, times 10 ** places, rounded half up."""
    if not field:
        return None
    digits = field.replace(b".", b"")
    if not digits.isdigit():
        raise Malformed("number: %r" % field)
    value = int(digits)
    dots = len(field) - len(digits)
    if not dots:
        return value * _POWERS[places]
    if dots > 1:
        raise Malformed("number: %r" % field)
    excess = len(digits) - field.find(b".") - places
    if excess <= 0:
        return value * _POWERS[-excess]
    unit: int = 10**excess
    return (value + unit // 2) // unit


def signed(field: bytes, places: int) -> int | None:
    """A decimal number with or without a minus, times 10 ** places, rounded half away from zero."""
    if field[:1] != b"-":
        return number(field, places)
    value = number(field[1:], places)
    if value is None:
        raise Malformed("number: %r" % field)
    return -value


def bounded(value: int | None, least: int, most: int) -> int | None:
    """The value itself, if it is possible at all."""
    if value is not None and not least <= value <= most:
        raise Malformed("out of range: %d" % value)
    return value


def count(field: bytes, most: int) -> int | None:
    """An unsigned integer of at most `most`."""
    if not field:
        return None
    if not field.isdigit():
        raise Malformed("count: %r" % field)
    value = int(field)
    if value > most:
        raise Malformed("count: %r" % field)
    return value


def measured(status: bytes, mode: bytes) -> bool:
    """Whether a position was measured: status A, and no mode that says otherwise."""
    if status == b"A":
        return mode not in _UNMEASURED
    if status == b"V" or not status:
        return False
    raise Malformed("status: %r" % status)


def speed_cm_s(field: bytes) -> int | None:
    """Knots -> cm/s: 1852 m/h are 463/9 cm/s. Rounded half up, once, from all digits."""
    if not field:
        return None
    digits = field.replace(b".", b"")
    dots = len(field) - len(digits)
    if not digits.isdigit() or dots > 1:
        raise Malformed("speed: %r" % field)
    unit = 9
    if dots:
        unit *= 10 ** (len(digits) - field.find(b"."))
    value = (int(digits) * 926 + unit) // (2 * unit)
    if value > 0xFFFF:
        raise Malformed("speed out of range: %r" % field)
    return value


def course_cdeg(field: bytes) -> int | None:
    """Degrees -> 0..35999 hundredths; 360 is 0."""
    value = number(field, 2)
    if value is None or value < 36000:
        return value
    if value > 36000:
        raise Malformed("course: %r" % field)
    return 0


def time_of_day(field: bytes) -> int | None:
    """`hhmmss[.s..]` -> hhmmssmmm as one integer, below 2^30; what is finer than a millisecond is cut off."""
    if not field:
        return None
    whole, dot, fraction = field.partition(b".")
    if len(whole) != 6 or not whole.isdigit() or (dot and not fraction.isdigit()):
        raise Malformed("time: %r" % field)
    value = int(whole)
    if value > 235960 or value // 100 % 100 > 59 or value % 100 > 60:
        raise Malformed("time: %r" % field)
    value *= 1000
    if fraction:
        value += int((fraction + b"00")[:3])
    return value


def date(field: bytes) -> int | None:
    """`ddmmyy` -> yyyymmdd as one integer; 80..99 are 1980..1999 (GPS began in 1980). 000000 is no date."""
    if not field or field == b"000000":
        return None
    if len(field) != 6 or not field.isdigit():
        raise Malformed("date: %r" % field)
    value = int(field)
    day, month, year = value // 10000, value // 100 % 100, value % 100
    year += 1900 if year >= 80 else 2000
    if not 1 <= month <= 12 or not 1 <= day <= _MONTH_DAYS[month - 1]:
        # 2000 is a leap year too, so every fourth of these hundred is.
        if (day, month) != (29, 2) or year % 4:
            raise Malformed("date: %r" % field)
    return year * 10000 + month * 100 + day


def days_since_1970(yyyymmdd: int) -> int:
    """Days from 1970-01-01 to a date of 1980..2079."""
    year, month, day = yyyymmdd // 10000, yyyymmdd // 100 % 100, yyyymmdd % 100
    days = (year - 1970) * 365 + (year - 1969) // 4 + day - 1
    for i in range(month - 1):
        days += _MONTH_DAYS[i]
    if month > 2 and year % 4 == 0:
        days += 1
    return days
