"""What the fields of a modem's answers and URCs mean. Each function takes one whole line.

All raise Malformed, naming the line, when it cannot be what it claims; None stands for "it does not know".
3GPP TS 27.007 for +C...; SIMCom A76xx and SIM7600 AT command manuals for the rest.
"""

from protocol.compat import const
from protocol.errors import Malformed

MAX_FIELDS = const(24)

HOME = const(1)
ROAMING = const(5)
DENIED = const(3)

_QUARTER_MS = const(900000)

# CME ERROR by 27.007 9.2, for modems that answer in words whatever CMEE says.
SIM_NOT_INSERTED = const(10)
SIM_PIN_REQUIRED = const(11)
SIM_PUK_REQUIRED = const(12)
SIM_FAILURE = const(13)
SIM_BUSY = const(14)
SIM_WRONG = const(15)
INCORRECT_PASSWORD = const(16)
_CME = {
    b"sim not inserted": SIM_NOT_INSERTED,
    b"sim pin required": SIM_PIN_REQUIRED,
    b"sim puk required": SIM_PUK_REQUIRED,
    b"sim failure": SIM_FAILURE,
    b"sim busy": SIM_BUSY,
    b"sim wrong": SIM_WRONG,
    b"incorrect password": INCORRECT_PASSWORD,
}


def cme_code(detail: bytes) -> int | None:
    """The number behind a +CME ERROR given as number or as words; None for words not known here."""
    if detail.isdigit() and len(detail) <= 5:
        return int(detail)
    return _CME.get(detail.lower())


def value_of(line: bytes) -> bytes:
    """What follows the first colon."""
    colon = line.find(b":")
    if colon < 0:
        raise Malformed("at: no value: %r" % line)
    return line[colon + 1 :].strip()


def fields_of(line: bytes) -> list[bytes]:
    """The fields after the colon, cut at commas outside quotes; quotes stay, an odd one runs to the end."""
    value = value_of(line)
    fields = []
    start = 0
    quoted = False
    for i in range(len(value)):
        byte = value[i]
        if byte == 0x22:
            quoted = not quoted
        elif byte == 0x2C and not quoted:
            fields.append(value[start:i].strip())
            start = i + 1
    fields.append(value[start:].strip())
    if len(fields) > MAX_FIELDS:
        raise Malformed("at: %d fields: %r" % (len(fields), line))
    return fields


def whole(field: bytes, line: bytes) -> int:
    """A decimal integer, sign allowed, at most nine digits (a small int on every chip)."""
    digits = field[1:] if field[:1] in (b"-", b"+") else field
    if not 1 <= len(digits) <= 9 or not digits.isdigit():
        raise Malformed("at: not a number, %r in %r" % (field, line))
    return -int(digits) if field[:1] == b"-" else int(digits)


def registration(line: bytes) -> tuple[int, bytes | None, bytes | None]:
    """(state, area, cell) of +CREG, +CGREG, +CEREG, as answer or as URC; 27.007 7.2, 10.1.20, 10.1.22.

    An answer puts the reporting mode before the state. They are told apart by the second field: a state is
    one or two bare digits, an area code is quoted or four hex digits.
    """
    fields = fields_of(line)
    if len(fields) > 9:
        raise Malformed("at: %d fields: %r" % (len(fields), line))
    first = 0
    if len(fields) > 1 and 1 <= len(fields[1]) <= 2 and fields[1].isdigit():
        first = 1
    state = whole(fields[first], line)
    if not 0 <= state <= 10:
        raise Malformed("at: registration state %d: %r" % (state, line))
    return state, _text(fields, first + 1), _text(fields, first + 2)


def registered(state: int) -> bool:
    """1 home and 5 roaming; 6 to 10 allow SMS or emergency calls only."""
    return state in (HOME, ROAMING)


def _text(fields: list[bytes], n: int) -> bytes | None:
    text = fields[n].strip(b'"') if n < len(fields) else b""
    return text or None


def signal_dbm(line: bytes) -> int | None:
    """RSSI of +CSQ, 27.007 8.5; SIMCom adds 100..191 for RSCP."""
    value = whole(fields_of(line)[0], line)
    if 0 <= value <= 31:
        return 2 * value - 113
    if 100 <= value <= 191:
        return value - 216
    if value in (99, 199):
        return None
    raise Malformed("at: signal %d: %r" % (value, line))


def extended_signal(line: bytes) -> tuple[int | None, int | None, int | None]:
    """(RSSI dBm, RSRQ in tenths of dB, RSRP dBm) of +CESQ, the lower edges of 27.007 8.69."""
    fields = fields_of(line)
    if len(fields) < 6:
        raise Malformed("at: %d fields, 6 wanted: %r" % (len(fields), line))
    rxlev = _within(fields[0], 63, 99, line)
    rsrq = _within(fields[4], 34, 255, line)
    rsrp = _within(fields[5], 97, 255, line)
    return (
        None if rxlev is None else rxlev - 111,
        None if rsrq is None else 5 * rsrq - 200,
        None if rsrp is None else rsrp - 141,
    )


def _within(field: bytes, most: int, unknown: int, line: bytes) -> int | None:
    value = whole(field, line)
    if value == unknown:
        return None
    if not 0 <= value <= most:
        raise Malformed("at: %d outside 0..%d: %r" % (value, most, line))
    return value


def pin_state(line: bytes) -> bytes:
    """What +CPIN asks for: b"READY", b"SIM PIN", b"SIM PUK", ..."""
    return fields_of(line)[0].strip(b'"')


def pin_tries(line: bytes) -> tuple[int, int]:
    """(tries left for the PIN, for the PUK) of SIMCom's +SPIC: pin1, puk1, pin2, puk2."""
    fields = fields_of(line)
    if len(fields) < 2:
        raise Malformed("at: %d fields: %r" % (len(fields), line))
    return _byte(fields[0], line), _byte(fields[1], line)


def _byte(field: bytes, line: bytes) -> int:
    value = whole(field, line)
    if not 0 <= value <= 255:
        raise Malformed("at: %d outside 0..255: %r" % (value, line))
    return value


def net_opened(line: bytes) -> int:
    """+NETOPEN: as URC an error, 0 success; as answer to a query the state, 1 open."""
    return _byte(fields_of(line)[0], line)


def socket_opened(line: bytes) -> tuple[int, int | None]:
    """(socket, error) of +CIPOPEN, 0 success; error is None in an answer to a query."""
    fields = fields_of(line)
    socket = _byte(fields[0], line)
    return socket, _byte(fields[1], line) if len(fields) == 2 else None


def sent(line: bytes) -> tuple[int, int, int]:
    """(socket, asked, confirmed) of +CIPSEND; confirmed 0: no room, -1: the socket is gone."""
    fields = fields_of(line)
    if len(fields) != 3:
        raise Malformed("at: %d fields, 3 wanted: %r" % (len(fields), line))
    return _byte(fields[0], line), whole(fields[1], line), whole(fields[2], line)


def received(line: bytes) -> tuple[int, int, int]:
    """(mode, socket, bytes waiting) of +CIPRXGET: mode 1 data has come, 2 data follows, 4 how much waits."""
    fields = fields_of(line)
    mode = whole(fields[0], line)
    wanted = {1: 2, 2: 4, 4: 3}.get(mode)
    if len(fields) != wanted:
        raise Malformed("at: %d fields in mode %d: %r" % (len(fields), mode, line))
    socket = _byte(fields[1], line)
    return mode, socket, whole(fields[-1], line) if mode != 1 else 0


def numbers_in(line: bytes) -> list[int]:
    """All integers of a line in their order, whatever separates them; a sign begins a new one."""
    found = []
    value = -1
    negative = False
    for byte in value_of(line) + b",":
        if 48 <= byte <= 57:
            value = (0 if value < 0 else value * 10) + byte - 48
            if value > 99999999:
                raise Malformed("at: number too long: %r" % line)
            continue
        if value >= 0:
            found.append(-value if negative else value)
            negative = False
        value = -1
        negative = byte == 0x2D
        if len(found) > MAX_FIELDS:
            raise Malformed("at: too many numbers: %r" % line)
    return found


def network_time(line: bytes) -> tuple[int | None, int | None]:
    """(UTC in ms since 1970, zone in quarter hours) of *PSUTTZ, +CTZE, +CTZV, +CCLK; None where not told.

    *PSUTTZ gives UTC, in three layouts, one with an odd quote:
    `2017,11,28,15,35,58,"+12",0`, `18/11/04,22:38:07","-32",0`, `"18/11/04,22:38:07","+04",0`.
    +CTZE and +CCLK give local time (27.007 8.41, 8.15). The network does not sign any of this.
    """
    n = numbers_in(line)
    if line.startswith(b"*PSUTTZ"):
        if not 6 <= len(n) <= 8:
            raise Malformed("at: %d numbers in a time: %r" % (len(n), line))
        return utc_ms(n, 0, line), _zone(n[6], line) if len(n) > 6 else None
    if line.startswith(b"+CTZV"):
        if not 1 <= len(n) <= 2:
            raise Malformed("at: %d numbers in a zone: %r" % (len(n), line))
        return None, _zone(n[0], line)
    if line.startswith(b"+CTZE"):
        if len(n) == 2:
            return None, _zone(n[0], line)
        if len(n) != 8:
            raise Malformed("at: %d numbers in a time: %r" % (len(n), line))
        zone = _zone(n[0], line)
        return utc_ms(n[2:], zone, line), zone
    if line.startswith(b"+CCLK"):
        if not 6 <= len(n) <= 7:
            raise Malformed("at: %d numbers in a time: %r" % (len(n), line))
        zone = _zone(n[6], line) if len(n) > 6 else 0
        return utc_ms(n, zone, line), zone
    raise Malformed("at: not a time: %r" % line)


def _zone(quarters: int, line: bytes) -> int:
    if not -48 <= quarters <= 56:
        raise Malformed("at: zone of %d quarter hours: %r" % (quarters, line))
    return quarters


def utc_ms(n: list[int], zone: int, line: bytes) -> int:
    """ms since 1970 of [year, month, day, hour, minute, second] in a zone of so many quarter hours."""
    year, month, day, hour, minute, second = n[:6]
    if 0 <= year < 100:
        # An unset clock says 70/01/01 or 80/01/06: the last century, not this one.
        year += 2000 if year < 70 else 1900
    if not (1970 <= year <= 2099 and 1 <= month <= 12 and 1 <= day <= _days(year, month)):
        raise Malformed("at: no such day: %r" % line)
    if not (0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= second <= 60):
        raise Malformed("at: no such time of day: %r" % line)
    # Days since 1970-01-01, years counted from March so that the leap day comes last.
    y = year if month > 2 else year - 1
    days = 365 * y + y // 4 - y // 100 + y // 400 + (153 * ((month + 9) % 12) + 2) // 5 + day - 719469
    zone_ms: int = zone * _QUARTER_MS
    return (days * 86400 + hour * 3600 + minute * 60 + second) * 1000 - zone_ms


def _days(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 else 28  # 1970 to 2099: no century that breaks the rule
    return 30 if month in (4, 6, 9, 11) else 31
