"""What the fields of a Quectel modem's answers and URCs mean, beside those of `at_fields`. Each function
takes one whole line; all raise Malformed, naming the line; None stands for "it does not know".

EC25&EC21 and BG95&BG77&BG600L Series TCP/IP Application Notes; EC2x and BG95 AT Commands Manuals.
"""

from protocol.at_fields import fields_of, numbers_in, utc_ms, whole
from protocol.errors import Malformed

# The other values of +QCSQ's first field: GSM, WCDMA, CAT-M1, eMTC, NBIoT, NOSERVICE.
_LTE = (b"LTE", b"CAT-M1", b"eMTC", b"CAT-NB1", b"NBIoT")


def opened(line: bytes) -> tuple[int, int]:
    """(socket, error) of +QIOPEN, 0 success."""
    fields = _fields(line, 2)
    return whole(fields[0], line), whole(fields[1], line)


def active(line: bytes) -> tuple[int, bool]:
    """(context, is it active) of +QIACT as answer to AT+QIACT?."""
    fields = _fields(line, 2)
    return whole(fields[0], line), whole(fields[1], line) == 1


def event(line: bytes) -> tuple[bytes, int | None]:
    """(what, socket or context) of +QIURC: b"recv", b"closed", b"pdpdeact", others without a number."""
    fields = fields_of(line)
    number = fields[1] if len(fields) > 1 else b""
    return fields[0].strip(b'"'), whole(number, line) if number.isdigit() else None


def peer(line: bytes) -> bytes:
    """The remote address of +QISTATE: socket, kind, address, port, local port, state, ..."""
    return _fields(line, 6)[2].strip(b'"')


def pin_tries(line: bytes) -> int:
    """Tries left for the PIN of +QPINC: "SC",pin,puk."""
    tries = whole(_fields(line, 3)[1], line)
    if not 0 <= tries <= 255:
        raise Malformed("at: %d tries: %r" % (tries, line))
    return tries


def signal(line: bytes) -> tuple[int | None, int | None]:
    """(RSSI, RSRP) in dBm of +QCSQ: system, RSSI, then what the system measures; RSRP comes first in LTE."""
    fields = fields_of(line)
    rssi = _dbm(fields, 1, line)
    return rssi, _dbm(fields, 2, line) if fields[0].strip(b'"') in _LTE else None


def _dbm(fields: list[bytes], n: int, line: bytes) -> int | None:
    if n >= len(fields):
        return None
    value = whole(fields[n], line)
    if not -199 <= value <= 0:
        raise Malformed("at: %d dBm: %r" % (value, line))
    return value or None  # 0 is said where nothing was measured


def network_time(line: bytes) -> int | None:
    """UTC in ms since 1970 of +QLTS as answer to AT+QLTS=1, which gives UTC and, behind it, the zone that
    local time would be in; None while the network has told no time (an empty text)."""
    n = numbers_in(line)
    if not n:
        return None
    if not 6 <= len(n) <= 8:
        raise Malformed("at: %d numbers in a time: %r" % (len(n), line))
    return utc_ms(n, 0, line)


def _fields(line: bytes, least: int) -> list[bytes]:
    fields = fields_of(line)
    if len(fields) < least:
        raise Malformed("at: %d fields, %d wanted: %r" % (len(fields), least, line))
    return fields
