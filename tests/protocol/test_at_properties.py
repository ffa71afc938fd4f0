"""No bytes, however cut, make the modem reader fail, contradict itself, or believe a datagram."""

from hypothesis import given
from hypothesis import strategies as st

from protocol import at, at_fields, at_quectel
from protocol.at_gnss import gnss_info
from protocol.errors import Malformed

PIECES = st.sampled_from(
    [
        b"\r\n",
        b"\r\r\n",
        b"OK\r\n",
        b"ERROR\r\n",
        b"+IPD5\r\n",
        b"+CIPRXGET: 2,0,3,0\r\n",
        b"+QIRD: 4\r\n",
        b">",
        b"AT+CSQ\r\r\n",
        b"+CSQ: 9,99\r\n",
        b"+IP ERROR: x\r\n",
        b"+CME ERROR: 13\r\n",
        b"\xff\x00",
        b"x" * 300,
    ]
)
STREAM = st.lists(st.one_of(PIECES, st.binary(max_size=12)), max_size=30).map(b"".join)


def run(reader, chunks, prompt=True):
    found = []
    reader.begin(b"AT+CSQ", prompt)
    for chunk in chunks:
        reader.feed(chunk)
        while kind := reader.next_event():
            value = {at.LINE: reader.line, at.FINAL: reader.line, at.DATA: reader.data}.get(kind)
            found.append((kind, value))
    return found


@given(STREAM, st.lists(st.integers(min_value=1, max_value=9), min_size=1))
def test_every_split_gives_the_same_events(stream, sizes):
    whole = run(at.Reader(), [stream])
    chunks = []
    at_byte = 0
    turn = 0
    while at_byte < len(stream):
        size = sizes[turn % len(sizes)]
        chunks.append(stream[at_byte : at_byte + size])
        at_byte += size
        turn += 1
    assert run(at.Reader(), chunks) == whole


@given(STREAM)
def test_nothing_grows_beyond_its_bounds(stream):
    reader = at.Reader(raw_limit=16, line_limit=32)
    for _, value in run(reader, [stream]):
        assert value is None or len(value) <= 32


@given(STREAM, st.binary(min_size=1, max_size=1500))
def test_a_datagram_cannot_speak_for_the_modem(before, datagram):
    """Whatever stood before the header's line, the bytes it counts come out as data and as nothing else."""
    reader = at.Reader()
    run(reader, [before])
    reader.abandon()
    header = b"\r\n+IPD%d\r\n" % len(datagram)
    found = run(reader, [header, datagram, b"\r\n+CSQ: 7,99\r\n"])
    assert found == [(at.LINE, header.strip()), (at.DATA, datagram), (at.LINE, b"+CSQ: 7,99")]


PARSERS = (
    at_fields.registration,
    at_fields.signal_dbm,
    at_fields.extended_signal,
    at_fields.pin_state,
    at_fields.pin_tries,
    at_quectel.opened,
    at_quectel.active,
    at_quectel.event,
    at_quectel.peer,
    at_quectel.pin_tries,
    at_quectel.signal,
    at_quectel.network_time,
    at_fields.net_opened,
    at_fields.socket_opened,
    at_fields.sent,
    at_fields.received,
    at_fields.network_time,
    gnss_info,
)
PREFIX = st.sampled_from(
    [b"", b"+CREG: ", b"+CTZV: ", b"*PSUTTZ: ", b"+CTZE: ", b"+CCLK: ", b"+CGNSSINFO: ", b"+X:"]
)
FIELD = st.one_of(
    st.integers().map(lambda n: b"%d" % n),
    st.sampled_from([b"", b'"', b"N", b"E", b"-", b".", b"4458.1", b"19.6"]),
    st.binary(max_size=6),
)


@given(st.sampled_from(PARSERS), PREFIX, st.lists(FIELD, max_size=26).map(b",".join))
def test_broken_fields_are_the_modems_fault_and_nothing_worse(parse, prefix, fields):
    try:
        parse(prefix + fields)
    except Malformed:
        return


@given(st.integers(min_value=0, max_value=4102444799), st.integers(min_value=-48, max_value=56))
def test_network_time_agrees_with_the_calendar(second, zone):
    from datetime import UTC, datetime, timedelta

    moment = datetime.fromtimestamp(second, UTC)
    line = moment.strftime('*PSUTTZ: %Y,%m,%d,%H,%M,%S,"').encode() + b'%+d",0' % zone
    assert at_fields.network_time(line) == (second * 1000, zone)
    line = b'+QLTS: "' + moment.strftime("%Y/%m/%d,%H:%M:%S").encode() + b'%+03d,0"' % zone
    assert at_quectel.network_time(line) == second * 1000
    local = moment + timedelta(minutes=15 * zone)
    if 1970 <= local.year <= 2099:
        line = b'+CTZE: "%+d",0,"' % zone + local.strftime("%Y/%m/%d,%H:%M:%S").encode() + b'"'
        assert at_fields.network_time(line) == (second * 1000, zone)
