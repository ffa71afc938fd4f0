"""The parts of an NMEA sentence: bytes in, integers out. An empty field is None, a wrong one Malformed."""

from protocol.compat import const
from protocol.errors import Malformed

_DOT = const(46)
_64_BITS = 0xFFFFFFFFFFFFFFFF
_256_BITS = (1 << 256) - 1
_POWERS = (1, 10, 100, 1000, 10000, 100000, 1000000, 10000000)
_UNMEASURED = (b"N", b"S", b"M")  # no fix, simulated, typed in
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def checksum(body: bytes) -> int:
    """Exclusive-or of all bytes, up to 256: what stands between `$` and `*`."""
    # Folded as one integer: no loop over bytes, and half as long as one under MicroPython.
    x = int.from_bytes(body, "big")
    if len(body) > 128:
        x ^= x >> 1024
    if len(body) > 64:
        x ^= x >> 512
    x = (x ^ x >> 256) & _256_BITS
    x ^= x >> 128
    x = (x ^ x >> 64) & _64_BITS
    x ^= x >> 32
    x ^= x >> 16
    return (x ^ x >> 8) & 255


def angle(field: bytes, side: bytes, plus: bytes, minus: bytes, limit_e7: int) -> int | None:
    """`dddmm.mmmm` and its hemisphere -> 1e-7 degrees, rounded half away from zero.

    Leading zeros of the degrees may be missing; minutes are below 60 and have two digits.
    """
    if not field:
        return None
    whole = field.find(b".")
    if whole < 0:
        digits = field
        whole = len(field)
    else:
        digits = field[:whole] + field[whole + 1 :]
    if not 3 <= whole <= 5 or not digits.isdigit():
        raise Malformed("coordinate: %r" % field)
    decimals = len(digits) - whole
    minutes = int(digits[whole - 2 :])
    e7 = int(digits[: whole - 2]) * 10000000
    if decimals <= 7:
        minutes *= _POWERS[7 - decimals]
        if minutes >= 600000000:
            raise Malformed("minutes: %r" % field)
        e7 += (minutes + 30) // 60
    else:
        unit = 60 * 10 ** (decimals - 7)
        if minutes >= 10000000 * unit:
            raise Malformed("minutes: %r" % field)
        e7 += (minutes + unit // 2) // unit
    if e7 > limit_e7:
        raise Malformed("coordinate out of range: %r" % field)
    if side == plus:
        return e7
    if side == minus:
        return -e7
    raise Malformed("hemisphere: %r" % side)


def number(field: bytes, places: int) -> int | None:
    """An unsigned decimal number, times 10 ** places, rounded half up."""
    if not field:
        return None
    dot = field.find(b".")
    if dot < 0:
        if not field.isdigit():
            raise Malformed("number: %r" % field)
        return int(field) * _POWERS[places]
    digits = field[:dot] + field[dot + 1 :]
    if not digits.isdigit():
        raise Malformed("number: %r" % field)
    excess = len(digits) - dot - places
    if excess <= 0:
        return int(digits) * _POWERS[-excess]
    unit: int = 10**excess
    return (int(digits) + unit // 2) // unit


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
    dot = field.find(b".")
    if dot < 0:
        digits = field
        unit = 9
    else:
        digits = field[:dot] + field[dot + 1 :]
        unit = 9 * 10 ** (len(field) - dot - 1)
    if not digits.isdigit():
        raise Malformed("speed: %r" % field)
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
    whole = field[:6]
    fraction = field[7:]
    if len(whole) < 6 or not whole.isdigit():
        raise Malformed("time: %r" % field)
    if len(field) > 6 and (field[6] != _DOT or not fraction.isdigit()):
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
