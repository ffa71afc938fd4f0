"""+CGNSSINFO, the position of the receiver inside a SIMCom modem. Integers only, units in the names.

SIM7600: mode, three counts of satellites, then ddmm.mmmmmm; A76xx: mode, four counts, then decimal degrees,
and one more field at the end. So the fields are found from the N or S, the form of the angle from its length.
"""

from protocol.at_fields import fields_of, utc_ms
from protocol.errors import Malformed


class GnssInfo:
    """One fix; None where the modem left a field empty."""

    __slots__ = ("lat_e7", "lon_e7", "utc_ms", "alt_dm", "speed_cm_s", "course_cdeg", "hdop_tenths")

    def __init__(self) -> None:
        self.lat_e7 = 0
        self.lon_e7 = 0
        self.utc_ms: int | None = None
        self.alt_dm: int | None = None
        self.speed_cm_s: int | None = None
        self.course_cdeg: int | None = None
        self.hdop_tenths: int | None = None


def gnss_info(line: bytes) -> GnssInfo | None:
    """The fix, or None without one (the modem then sends 8, 12 or 15 bare commas). Raises Malformed."""
    fields = fields_of(line)
    if not b"".join(fields):
        return None
    at = 0
    while at < len(fields) and fields[at] not in (b"N", b"S"):
        at += 1
    if at == len(fields):
        if len(fields) >= 9 and not b"".join(fields[4:]):
            return None  # satellites are counted before there is a fix
        raise Malformed("at: no hemisphere: %r" % line)
    if at < 4 or at + 10 > len(fields) or fields[at + 2] not in (b"E", b"W"):
        raise Malformed("at: fields out of place: %r" % line)
    info = GnssInfo()
    info.lat_e7 = _angle(fields[at - 1], fields[at] == b"S", 90, 3, line)
    info.lon_e7 = _angle(fields[at + 1], fields[at + 2] == b"W", 180, 4, line)
    info.utc_ms = _time(fields[at + 3], fields[at + 4], line)
    info.alt_dm = _scaled(fields[at + 5], 1, line)
    knots = _scaled(fields[at + 6], 3, line)
    # 1 knot = 1852 m/h = 51.444 cm/s
    info.speed_cm_s = None if knots is None else (knots * 1852 + 18000) // 36000
    info.course_cdeg = _scaled(fields[at + 7], 2, line)
    info.hdop_tenths = _scaled(fields[at + 9], 1, line)
    return info


def _scaled(field: bytes, places: int, line: bytes) -> int | None:
    """A decimal number times 10^places, further digits cut off; None for an empty field."""
    if not field:
        return None
    negative = field.startswith(b"-")
    left, dot, right = field[1 if negative else 0 :].partition(b".")
    if not left.isdigit() or len(left) > 6 or (dot and right and not right.isdigit()):
        raise Malformed("at: not a number, %r in %r" % (field, line))
    value = int(left + (right + b"0" * places)[:places])
    return -value if negative else value


def _angle(field: bytes, negative: bool, most: int, minute_digits: int, line: bytes) -> int:
    # ddmm.mm and dddmm.mm are padded to 4 and 5 digits before the point; degrees have at most 2 and 3.
    value = _scaled(field, 7, line)
    if value is None or value < 0:
        raise Malformed("at: no angle, %r in %r" % (field, line))
    if len(field.partition(b".")[0]) > minute_digits:
        degrees = value // 1000000000
        minutes = value - degrees * 1000000000
        if minutes >= 600000000:
            raise Malformed("at: 60 minutes or more, %r in %r" % (field, line))
        value = degrees * 10000000 + (minutes + 30) // 60
    if value > most * 10000000:
        raise Malformed("at: angle beyond %d degrees, %r in %r" % (most, field, line))
    return -value if negative else value


def _time(date: bytes, time: bytes, line: bytes) -> int | None:
    if not date and not time:
        return None
    clock = time.partition(b".")[0]
    if len(date) != 6 or len(clock) != 6 or not (date + clock).isdigit():
        raise Malformed("at: not a time, %r and %r in %r" % (date, time, line))
    n = [int(date[4:6]), int(date[2:4]), int(date[0:2]), int(clock[0:2]), int(clock[2:4]), int(clock[4:6])]
    return utc_ms(n, 0, line)
