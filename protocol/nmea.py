"""NMEA 0183 as satellite receivers speak it: RMC, GGA, GSA, GSV, VTG, GLL and TXT, of any talker.

Integers only. A coordinate is converted from all the digits that the sentence carries, rounded once to
1e-7 degrees, half away from zero; speed, course, altitude and dilution likewise, to their units.
A sentence is taken whole or not at all: form is checked before anything is converted, and the fields
change only when all of it was right. An empty field is None: unknown, never the value of before.

What a sentence says and whether to believe it are two things. A void sentence (status V, quality 0)
that carries a position or a time is read, with `valid` false: old or made-up values come that way,
and so does a simulator's (quality 8, mode S) and what was typed in (7, M). Dates are taken as they are
written, 80..99 for 1980..1999 and 00..79 for 2000..2079; a receiver just switched on shows 1980, 1999
or 1,024 weeks before the day, so who sets a clock asks `utc_ms()` and sets a floor. 00-00-00 is no date.
"""

from protocol.compat import const
from protocol.errors import Malformed
from protocol.nmea_fields import (
    angle,
    bounded,
    checksum,
    count,
    course_cdeg,
    date,
    days_since_1970,
    measured,
    number,
    signed,
    speed_cm_s,
    split,
    time_of_day,
)

MAX_LINE = 200  # bytes; the standard says 82 with CR LF, receivers with many satellites do not keep to it

_STAR = const(42)
_FRAME = const(14)  # `$` and `*`, exclusive-or
_COMMA = const(44)
_P = const(80)
_MAX_LAT_E7 = const(900000000)
_MAX_LON_E7 = 1800000000  # beyond the chip's small integers
_MAX_TALKERS = const(12)
_HEX = b"0123456789ABCDEF"


class Parser:
    """`feed(line)` per line; afterwards the attributes hold what was said last, None where unknown.

    lat_e7, lon_e7 (1e-7 degrees, north and east positive), alt_dm (over mean sea level), speed_cm_s,
    course_cdeg (0..35999, true), hdop_tenths, sats_used, sats_view (all constellations together), valid,
    quality (GGA's digit), fix_type (1 none, 2, 3: GSA), hour .. millisecond, year, month, day (UTC),
    antenna ("ok", "open", "short"). Counters: good, bad_checksum, malformed, unknown.
    """

    def __init__(self) -> None:
        self.good = 0
        self.bad_checksum = 0
        self.malformed = 0
        self.unknown = 0  # right, but nothing that is read here
        self.lat_e7: int | None = None
        self.lon_e7: int | None = None
        self.alt_dm: int | None = None
        self.speed_cm_s: int | None = None
        self.course_cdeg: int | None = None
        self.hdop_tenths: int | None = None
        self.sats_used: int | None = None
        self.sats_view: int | None = None
        self.valid = False
        self.quality: int | None = None
        self.fix_type: int | None = None
        self.antenna: str | None = None
        self._time: int | None = None  # hhmmssmmm
        self._date: int | None = None  # yyyymmdd
        self._utc_time: int | None = None  # of the last RMC, while no other sentence is of another time
        self._utc_days: int | None = None
        self._views: dict[bytes, int] = {}  # address, as GPGSV -> epoch and satellites in view
        self._reader = Parser._rmc  # of the sentence in hand
        self._epoch = 0  # counts RMC, modulo 2^16, in steps of 256
        # The sentences of one second repeat its time and position, those of one day its date, a car at rest
        # its speed: the fields converted last, and what they gave, save most of the work.
        self._time_field = self._date_field = self._speed_field = self._course_field = self._hdop_field = b""
        self._position_fields: list[bytes] = []
        self._last_time: int | None = None
        self._last_date: int | None = None
        self._last_days: int | None = None  # since 1970
        self._last_speed: int | None = None
        self._last_course: int | None = None
        self._last_hdop: int | None = None
        self._last_position: tuple[int | None, int | None] = (None, None)

    def feed(self, line: bytes) -> str | None:
        """Take one line, without or with its CR LF. Return "RMC", .. if it was read, else None; never raise.

        What stands before the last `$` is noise: another sentence cut short, binary, a second `$`.
        """
        # Here, in `_read`, `_rmc` and `_gga` another local variable or two would take heap in each call.
        line = bytes(line) if len(line) <= MAX_LINE else b""
        start = line.rfind(b"$") + 1
        if not start or len(line) - start < 9 or line[-3] != _STAR:
            line = line.rstrip()
            if not start or len(line) - start < 9 or line[-3] != _STAR:
                self.malformed += 1
                return None
        if start > 1:
            line = line[start - 1 :]
        # Of all bytes of the line: `$`, `*` and the two digits behind it are taken out again.
        value = checksum(line) ^ _FRAME ^ line[-2] ^ line[-1]
        if line[-2] != _HEX[value >> 4] or line[-1] != _HEX[value & 15]:
            if line[-2:].upper() != b"%02X" % value:
                self.bad_checksum += 1
                return None
        known = _READERS.get(line[3:6])
        # Two letters are a talker, but `P` begins what a maker defined for himself; only Quectel's receivers
        # send BeiDou's GSA and GSV as if `PQ` were a talker.
        if (
            known is None
            or line[6] != _COMMA
            or not 97 <= line[1] | 32 <= 122
            or not 97 <= line[2] | 32 <= 122
            or (line[1] == _P and line[1:6] not in (b"PQGSA", b"PQGSV"))
        ):
            self.unknown += 1
            return None
        self._reader = known[1]
        if not self._read(split(line, known[2])):
            self.malformed += 1
            return None
        self.good += 1
        return known[0]

    def _read(self, fields: list[bytes]) -> bool:
        try:
            self._reader(self, fields)
        except Malformed:
            return False
        return True

    @property
    def hour(self) -> int | None:
        return None if self._time is None else self._time // 10000000

    @property
    def minute(self) -> int | None:
        return None if self._time is None else self._time // 100000 % 100

    @property
    def second(self) -> int | None:
        """0..60: a leap second is a second."""
        return None if self._time is None else self._time // 1000 % 100

    @property
    def millisecond(self) -> int | None:
        return None if self._time is None else self._time % 1000

    @property
    def year(self) -> int | None:
        return None if self._date is None else self._date // 10000

    @property
    def month(self) -> int | None:
        return None if self._date is None else self._date // 100 % 100

    @property
    def day(self) -> int | None:
        return None if self._date is None else self._date % 100

    def utc_ms(self) -> int | None:
        """Milliseconds since 1970 of the last RMC; None if it was void or lacked date or time.

        Of a void one even a plausible time may be a guess of the receiver's own clock. None too once a
        GGA or GLL is of another time: only RMC has the date, and midnight may lie between.
        """
        time, days = self._utc_time, self._utc_days
        if time is None or days is None:
            return None
        seconds = time // 10000000 * 3600 + time // 100000 % 100 * 60 + time // 1000 % 100
        return (days * 86400 + seconds) * 1000 + time % 1000

    def _read_time(self, field: bytes) -> int | None:
        if field != self._time_field:
            self._last_time = time_of_day(field)
            self._time_field = field
        return self._last_time

    def _read_position(self, fields: list[bytes]) -> None:
        if fields != self._position_fields:
            lat_e7 = angle(fields[0], fields[1], b"N", b"S", _MAX_LAT_E7)
            self._last_position = (lat_e7, angle(fields[2], fields[3], b"E", b"W", _MAX_LON_E7))
            self._position_fields = fields

    def _read_motion(self, speed: bytes, course: bytes) -> None:
        if speed != self._speed_field:
            self._last_speed = speed_cm_s(speed)
            self._speed_field = speed
        if course != self._course_field:
            self._last_course = course_cdeg(course)
            self._course_field = course

    def _read_hdop(self, field: bytes) -> None:
        if field != self._hdop_field:
            self._last_hdop = bounded(number(field, 1), 0, 0xFFFF)
            self._hdop_field = field

    def _rmc(self, f: list[bytes]) -> None:
        if len(f) < 10:
            raise Malformed("RMC: %d fields" % len(f))
        time = self._read_time(f[1])
        valid = measured(f[2], f[12] if len(f) > 12 else b"")
        self._read_position(f[3:7])
        self._read_motion(f[7], f[8])
        if f[9] != self._date_field:
            self._last_date = date(f[9])
            self._last_days = None if self._last_date is None else days_since_1970(self._last_date)
            self._date_field = f[9]
        self._time, self._date = time, self._last_date
        self._utc_time, self._utc_days = (time, self._last_days) if valid else (None, None)
        self.lat_e7, self.lon_e7 = self._last_position
        self.valid = valid and self.lat_e7 is not None and self.lon_e7 is not None
        self.speed_cm_s, self.course_cdeg = self._last_speed, self._last_course
        self._epoch = (self._epoch + 256) & 0xFFFF00

    def _gga(self, f: list[bytes]) -> None:
        if len(f) < 11:
            raise Malformed("GGA: %d fields" % len(f))
        time = self._read_time(f[1])
        self._read_position(f[2:6])
        quality = count(f[6], 9)
        sats_used = count(f[7], 255)
        self._read_hdop(f[8])
        alt_dm = bounded(signed(f[9], 1), -100000, 1000000)
        if f[10] != b"M" and f[10]:
            raise Malformed("GGA altitude unit: %r" % f[10])
        self._time = time
        if time != self._utc_time:
            self._utc_time = None
        self.quality, self.sats_used, self.hdop_tenths = quality, sats_used, self._last_hdop
        self.alt_dm = alt_dm
        self.lat_e7, self.lon_e7 = self._last_position
        self.valid = quality in _MEASURED and self.lat_e7 is not None and self.lon_e7 is not None

    def _gll(self, f: list[bytes]) -> None:
        if len(f) < 7:
            raise Malformed("GLL: %d fields" % len(f))
        self._read_position(f[1:5])
        time = self._read_time(f[5])
        valid = measured(f[6], f[7] if len(f) > 7 else b"")
        self._time = time
        if time != self._utc_time:
            self._utc_time = None
        self.lat_e7, self.lon_e7 = self._last_position
        self.valid = valid and self.lat_e7 is not None and self.lon_e7 is not None

    def _vtg(self, f: list[bytes]) -> None:
        # Before NMEA 2.0 the letters were not there and the numbers stood elsewhere.
        if len(f) < 7 or (f[6] != b"N" and f[6]):
            raise Malformed("VTG: %d fields, no knots" % len(f))
        self._read_motion(f[5], f[1])
        self.speed_cm_s, self.course_cdeg = self._last_speed, self._last_course

    def _gsa(self, f: list[bytes]) -> None:
        if len(f) < 18:
            raise Malformed("GSA: %d fields" % len(f))
        fix_type = count(f[2], 3)
        if fix_type == 0:
            raise Malformed("GSA fix type: 0")
        self._read_hdop(f[16])
        self.fix_type, self.hdop_tenths = fix_type, self._last_hdop

    def _gsv(self, f: list[bytes]) -> None:
        if len(f) < 4:
            raise Malformed("GSV: %d fields" % len(f))
        address, total, number, view = f[0], f[1], f[2], count(f[3], 255) or 0
        if not total.isdigit() or not number.isdigit() or not 0 < int(number) <= int(total) <= 99:
            raise Malformed("GSV: message %r of %r" % (number, total))
        said = self._epoch | view
        before = self._views.get(address)
        if before == said:
            return
        if before is None:
            if len(self._views) == _MAX_TALKERS:
                return
            before = 0
        elif said < before and said >> 8 == before >> 8:
            return  # since NMEA 4.1 once per signal: the signal that most satellites have counts
        self._views[address] = said
        self.sats_view = (self.sats_view or 0) - (before & 255) + view

    def _txt(self, f: list[bytes]) -> None:
        if len(f) < 5:
            raise Malformed("TXT: %d fields" % len(f))
        text = f[4]
        if text[:10] == b"ANTSTATUS=":  # u-blox
            self.antenna = _ANTENNA.get(text[10:])
        elif text[:8] == b"ANTENNA ":  # Quectel, AT6558 and their kin
            self.antenna = _ANTENNA.get(text[8:])


_ANTENNA = {b"OK": "ok", b"OPEN": "open", b"SHORT": "short"}
_MEASURED = (1, 2, 3, 4, 5, 6, 9)  # not 0 none, 7 typed in, 8 simulated
# Name, reader, and how many commas to split at: what nobody reads stays in one piece.
_READERS = {
    b"RMC": ("RMC", Parser._rmc, 13),
    b"GGA": ("GGA", Parser._gga, 11),
    b"GLL": ("GLL", Parser._gll, 8),
    b"VTG": ("VTG", Parser._vtg, 7),
    b"GSA": ("GSA", Parser._gsa, 18),
    b"GSV": ("GSV", Parser._gsv, 4),
    b"TXT": ("TXT", Parser._txt, 5),
}
