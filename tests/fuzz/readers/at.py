"""The modem's bytes: the reader in any chunks, lines against a plain model, and what the fields mean."""

from protocol import at, at_fields, at_quectel
from protocol.at_gnss import gnss_info
from protocol.errors import Malformed
from protocol.lines import Splitter
from tests.fuzz.readers.source import Source

TOKENS = (
    b"\r\n", b"\r\r\n", b"OK\r\n", b"ERROR\r\n", b"SEND OK\r\n", b"SEND FAIL\r\n", b"> ", b">",
    b"+IPD5\r\n", b"\r\n+IPD1152\r\n", b"+CIPRXGET: 2,0,3,0\r\n", b"+CIPRXGET: 1,0\r\n",
    b"+CIPRXGET: 4,0,12\r\n", b"+QIRD: 4\r\n", b"AT+CSQ\r\r\n", b"+CSQ: 9,99\r\n", b"+IP ERROR: x\r\n",
    b"+CME ERROR: 13\r\n", b"+CMS ERROR: 500\r\n", b"+CREG: 2,5,\"12AB\",\"0A\"", b"+CEREG: 0,1",
    b"+CESQ: 99,99,255,255,20,80", b"+CPIN: SIM PIN", b"+SPIC: 3,10,3,10", b"+NETOPEN: 0", b"+CIPOPEN: 0,0",
    b"+CIPSEND: 0,5,5", b"*PSUTTZ: 2017,11,28,15,35,58,\"+12\",0", b"+CTZE: +08,0,\"2024/01/02,03:04:05\"",
    b"+CTZV: +08,0", b"+CCLK: \"18/11/04,22:38:07-32\"", b"+CGNSSINFO: ",
    b"2,09,05,00,3113.330650,N,12121.262554,E,131117,091918.0,32.9,0.0,255.0,1.1,0.8,0.7", b",,,,,,,,",
    b"44.817,N,20.456,E", b"\"", b"-", b"70/01/01", b"99999999", b"\x00", b"\xff",
)  # fmt: skip

_LIMITS = ((at.MAX_RAW, at.MAX_LINE), (16, 32), (1, 1), (1500, 8))


def at_stream(data):
    """`at.Reader`: the events do not depend on how the bytes are cut, and nothing exceeds its limits."""
    source = Source(data)
    raw, line = source.pick(_LIMITS)
    flags, chunk, abandon_at = source.byte(), source.byte() % 24 + 1, source.byte()
    stream = source.rest()
    before = stream[:abandon_at] if flags & 2 else b""
    rest = stream[len(before) :]
    whole = _events(at.Reader(raw, line), before, rest, len(rest) or 1, flags, raw, line)
    assert _events(at.Reader(raw, line), before, rest, chunk, flags, raw, line) == whole
    return whole


def _events(reader, before, stream, chunk, flags, raw, line):
    reader.begin(b"AT+CSQ", bool(flags & 1))
    reader.feed(before)
    _all(reader, raw, line)
    if flags & 2:
        reader.abandon()
        assert not reader.raw_pending
    said = b""
    for start in range(0, len(stream), chunk):
        reader.feed(stream, start, min(start + chunk, len(stream)))
        said += _all(reader, raw, line)
    counts = (reader.overlong, reader.oversize, reader.noise, reader.echoes, reader.raw_pending)
    return said + repr(counts).encode()


def _all(reader, raw, line):
    said = b""
    while True:
        kind = reader.next_event()
        assert len(reader._line) == line and len(reader._raw) == raw, "a buffer grew"
        if not kind:
            return said
        assert len(reader.line) <= line and len(reader.data) <= raw
        said += b"%d %d " % (kind, reader.result)
        said += reader.data if kind == at.DATA else reader.line if kind in (at.LINE, at.FINAL) else b""


def lines_stream(data):
    """`lines.Splitter` against a model that sees everything at once."""
    source = Source(data)
    limit, chunk = source.byte() % 30 + 1, source.byte() % 16 + 1
    stream = source.rest()
    splitter = Splitter(limit)
    lines = []
    for start in range(0, len(stream), chunk):
        lines += splitter.feed(stream[start : start + chunk])
        assert len(splitter._kept) <= limit + 1
    parts = stream.split(b"\n")
    parts = [part[:-1] if part[-1:] == b"\r" else part for part in parts[:-1]] + parts[-1:]
    assert lines == [part for part in parts[:-1] if 0 < len(part) <= limit]
    overlong = len([part for part in parts[:-1] if len(part) > limit])
    last = parts[-1]
    late = len(last) > limit + 1 or (len(last) == limit + 1 and last[-1:] != b"\r")
    assert splitter.overlong == overlong + late, (splitter.overlong, overlong, late)
    return b"\n".join(lines)


_FIELDS = (
    at_fields.registration, at_fields.signal_dbm, at_fields.extended_signal, at_fields.pin_state,
    at_fields.pin_tries, at_fields.net_opened, at_fields.socket_opened, at_fields.sent, at_fields.received,
    at_fields.network_time, at_quectel.opened, at_quectel.active, at_quectel.event, at_quectel.peer,
    at_quectel.pin_tries, at_quectel.signal, at_quectel.network_time,
)  # fmt: skip


def at_line(data):
    """Every meaning of `at_fields` tried on one line; each is a value in its range, or Malformed."""
    line = bytes(data[: at.MAX_LINE])
    said = [b"%d" % at.raw_length(line), repr(at_fields.cme_code(line)).encode()]
    assert 0 <= at.raw_length(line) <= 65535
    for meaning in _FIELDS:
        try:
            said.append(repr(meaning(line)).encode())
        except Malformed:
            said.append(b"-")
    if said[11] != b"-":
        ms, zone = at_fields.network_time(line)
        # A zone may put the first and the last day over the edge.
        assert ms is None or -86400000 <= ms <= 4102531200000
        assert zone is None or -48 <= zone <= 56
    if said[2] != b"-":
        assert 0 <= at_fields.registration(line)[0] <= 10
    return b" ".join(said)


def at_gnss(data):
    """`gnss_info` of what follows +CGNSSINFO."""
    line = b"+CGNSSINFO: " + bytes(data[: at.MAX_LINE])
    try:
        info = gnss_info(line)
    except Malformed:
        return None
    if info is None:
        return b"no fix"
    assert abs(info.lat_e7) <= 900000000 and abs(info.lon_e7) <= 1800000000
    assert info.utc_ms is None or 0 <= info.utc_ms < 4102531200000
    values = (
        info.lat_e7,
        info.lon_e7,
        info.utc_ms,
        info.alt_dm,
        info.speed_cm_s,
        info.course_cdeg,
        info.hdop_tenths,
    )
    return repr(values).encode()
