"""The short way's readers against those of `protocol`: what they take, those take and understand alike."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway import frames as reference
from gateway import ordinary
from protocol import cbor, coap, cose, oscore, report
from protocol.errors import Malformed
from tests.protocol.test_report import EXAMPLES

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
KID = bytes(range(8))
SIGNATURE = bytes(range(64))
# About the ends of each form and each range.
ENDS = [
    *(0, 1, 3, 4, 7, 23, 24, 255, 256, 65535, 65536, 36000, 36001, 100000, 100001, 1000000, 1000001),
    *(900000000, 900000001, 1800000000, 1800000001, -1, -24, -25, -256, -257, -65536, -65537, -100000),
    *(-100001, -900000000, -900000001, -1800000000, -1800000001, 2**31, -(2**31) - 1, 2**32 - 1, 2**32),
    *(2**48 - 1, 2**48, 2**53 - 1, 2**53, 2**64 - 1, -(2**64)),
]
NUMBER = st.sampled_from(ENDS) | st.integers(-(2**33), 2**54)
VALUE = NUMBER | st.none() | st.booleans() | st.binary(max_size=3) | st.just("x") | st.just([1])
INNER = st.dictionaries(st.integers(0, 3), NUMBER | VALUE, max_size=3)
REPORT = st.fixed_dictionaries(
    {
        report.BOOT: st.integers(0, 2**32 - 1),
        report.SEQ: st.integers(0, 70000),
        report.KIND: st.integers(1, 7),
    },
    optional={
        report.TIME: NUMBER,
        report.FIX: st.lists(NUMBER | st.none(), min_size=7, max_size=9),
        report.STATUS: NUMBER,
        report.PANIC: INNER,
        report.HEALTH: INNER,
        report.EVENT: INNER,
        report.TASK: INNER,
        report.TRACK: st.lists(NUMBER | st.none(), min_size=5, max_size=5),
        11: VALUE,
    },
)
CHANGE = st.tuples(
    st.sampled_from(("put", "flip", "cut", "twice")), st.integers(0, 400), st.binary(min_size=1, max_size=3)
)


def changed(data, changes):
    for how, at, piece in changes:
        at %= len(data) + 1
        if how == "put":
            data = data[:at] + piece + data[at:]
        elif how == "flip":
            data = data[:at] + bytes(b ^ 1 << piece[0] % 8 for b in data[at : at + 1]) + data[at + 1 :]
        elif how == "cut":
            data = data[:at] + data[at + len(piece) :]
        else:
            data = data[:at] + data[at : at + 4 * len(piece)] + data[at:]
    return data


def same(ours, theirs):
    """Also in type: True is 1 for Python and not on the wire."""
    assert repr(ours) == repr(theirs)


def check_report(payload):
    """True when the short way takes it."""
    fields = ordinary.reported(payload)
    if fields is None:
        return False
    same(fields, report.decode(payload))
    return True


def check_frames(payload, kid=KID):
    read = ordinary.frames(payload, kid)
    if read is None:
        return False
    same(read, reference.read(payload, kid))
    return True


def check_glance(payload):
    """What a glance calls bulk is of the bulk lane and nothing else, when it is anything."""
    if not ordinary.is_bulk(ordinary.INSIDE + payload):
        return False
    with contextlib.suppress(reference.Refused):
        assert {one.new.kind for one in reference.read(payload, KID)} <= reference.BULK
    return True


def check_outer(data):
    read = ordinary.outer(data)
    if read is None:
        return False
    message = coap.decode(data)
    kid, context, piv = oscore.peek(message)
    assert (message.type, message.code, context) == (coap.CON, coap.POST, None)
    assert [number for number, _ in message.options] == [coap.OSCORE]
    assert data[2:4] == message.message_id.to_bytes(2, "big")
    same(read, (kid, piv, message.token, message.payload))
    return True


def frame(payload, kid=KID, signature=SIGNATURE):
    return cose.sign1_encode(kid, payload, lambda data: signature)


@settings(max_examples=150, deadline=None)
@given(REPORT, st.lists(CHANGE, max_size=2))
@example({0: 1, 1: 2, 3: 1, 4: [900000000, 1800000000, -100000, 100000, 36000, 65535, 255, 2**32 - 1]}, [])
@example({0: 1, 1: 2, 3: 1, 4: [None, 1, None, None, None, None, None, None]}, [])
@example({0: 1, 1: 2, 3: 3, 6: {0: 2**48 - 1, 1: 4, 2: 3}}, [])
@example({0: 1, 1: 2, 3: 6, 9: {0: 2**53 - 1, 1: 5}}, [])
@example({0: 1, 1: 2, 3: 4, 7: {}}, [])
def test_a_report_is_read_alike_or_left(fields, changes):
    payload = changed(cbor.encode(fields), changes)
    check_report(payload)
    check_frames(frame(payload)) if len(payload) <= 354 else None


@settings(max_examples=120, deadline=None)
@given(st.binary(max_size=120), st.sampled_from((b"\xa3", b"\xa4", b"\xa5")))
def test_any_bytes_after_the_head_of_a_map(data, head):
    check_report(head + b"\x00\x01\x01\x02\x03\x01" + data)
    check_report(head + data)


@settings(max_examples=120, deadline=None)
@given(st.lists(REPORT, min_size=1, max_size=7), st.lists(CHANGE, max_size=3))
def test_frames_are_read_alike_or_left(reports, changes):
    payload = changed(b"".join(frame(cbor.encode(fields)[:354]) for fields in reports), changes)
    check_frames(payload)
    check_glance(payload)


@settings(max_examples=120, deadline=None)
@given(
    st.integers(0, 8),
    st.integers(0, 2**40 - 1),
    st.binary(max_size=8),
    st.binary(min_size=9, max_size=90),
    st.lists(CHANGE, max_size=3),
)
def test_a_datagram_is_read_alike_or_left(token, piv, kid, sealed, changes):
    number = piv.to_bytes(5, "big").lstrip(b"\0") or b"\0"
    option = bytes([8 | len(number)]) + number + kid
    options = [(coap.OSCORE, option)]
    message = coap.Message(coap.CON, coap.POST, 77, bytes(token), options, sealed)
    data = message.encode()
    assert check_outer(data) == (len(data) >= 64 and len(option) <= 13)
    check_outer(changed(data, changes))


def test_what_is_ordinary_is_taken():
    """A reader that leaves everything to the others would be right as well, and slow."""
    seldom = (report.HEALTH, report.TRACK)
    for fields in EXAMPLES:
        payload = report.encode(fields)
        assert check_report(payload) == (not any(key in fields for key in seldom)), fields
        # Health and tracks by the reference, as long as they are short.
        assert check_frames(frame(payload) * 6) == (len(payload) < 256)
        assert not check_frames(frame(payload) * 7), "more than six"
        assert not check_frames(frame(payload, b"somebody")), "somebody else's"


@pytest.mark.parametrize("name", ["report_decode", "report_fields", "cose_frame", "cose_read", "cbor_decode"])
def test_inputs_of_the_fuzzers(name):
    for path in sorted((CORPUS / name).iterdir()):
        data = path.read_bytes()
        check_report(data)
        check_frames(data)
        if len(data) <= 354:
            check_frames(frame(data))


@pytest.mark.parametrize("name", ["coap_datagram", "oscore_datagram", "gateway_datagram"])
def test_datagrams_of_the_fuzzers(name):
    for path in sorted((CORPUS / name).iterdir()):
        data = path.read_bytes()
        check_outer(data)
        check_outer(data + bytes(64))


def test_a_glance_tells_bulk_from_what_is_urgent():
    plain = frame(report.encode(PLAIN))
    assert check_glance(plain) and check_glance(plain * 6)
    assert check_glance(frame(report.encode({0: 2**32 - 1, 1: 70000, 3: 1, 4: [None] * 8})))
    for fields in EXAMPLES:
        other = frame(report.encode(fields))
        bulk = fields[report.KIND] in reference.BULK
        for payload in (other, plain + other, other + plain):
            assert check_glance(payload) == bulk, fields
            assert not check_glance(payload[:-1]) and not check_glance(payload + b"\0")
    for kind in reference.URGENT:
        assert not check_glance(frame(cbor.encode(PLAIN | {3: kind})))
    assert reference.URGENT | reference.BULK == set(range(1, 8))


PLAIN = {0: 1, 1: 2, 2: 3, 3: 1, 4: [4, 5, 6, 7, 8, 9, 10, 11]}
WITH = {5: 12, 6: {0: 13, 1: 1, 2: 1}, 8: {0: 14, 1: 15}, 9: {0: 16, 1: 1}}


def test_every_place_with_every_end():
    taken = refused = 0

    def look(fields):
        nonlocal taken, refused
        payload = cbor.encode(fields)
        try:
            report.decode(payload)
            taken += 1
            assert ordinary.reported(payload) is not None
            check_report(payload)
        except Malformed:
            refused += 1
            assert ordinary.reported(payload) is None, fields

    for value in (*ENDS, None, True):
        for key in (0, 1, 2, 3, 5):
            look(PLAIN | {5: 12} | {key: value})
        for place in range(8):
            fix = list(PLAIN[4])
            fix[place] = value
            look(PLAIN | {4: fix})
        for key, inner in WITH.items():
            for name in inner if key != 5 else ():
                look(PLAIN | {key: inner | {name: value}})
    assert taken > 200 < refused


def longer(value, which, seen):
    """The same value with the which-th head one size longer than it need be."""
    if isinstance(value, dict):
        head, inner = (5, len(value)), [part for pair in value.items() for part in pair]
    elif isinstance(value, list):
        head, inner = (4, len(value)), value
    else:
        head, inner = (0, value), ()
    seen[0] += 1
    major, n = head
    if seen[0] - 1 == which:
        out = bytes([major << 5 | 24, n]) if n < 24 else bytes([major << 5 | 25, 0, n])
    else:
        out = cbor.encode_head(major, n)
    return out + b"".join(longer(part, which, seen) for part in inner)


def test_every_head_longer_than_it_need_be():
    fields, seen = PLAIN | WITH, [0]
    assert longer(fields, -1, seen) == report.encode(fields)
    for which in range(seen[0]):
        payload = longer(fields, which, [0])
        assert ordinary.reported(payload) is None, which
        with pytest.raises(Malformed):
            report.decode(payload)
    short = report.encode({0: 1, 1: 2, 3: 5, 8: {0: 3}})
    whole = frame(short)
    at = whole.index(bytes([0x40 + len(short)]) + short)
    assert check_frames(whole)
    assert not check_frames(whole[:at] + bytes([0x58, len(short)]) + short + whole[at + 1 + len(short) :])


def test_a_head_that_says_more_or_fewer_than_there_are():
    payload = report.encode(PLAIN | WITH)
    for head in range(0xA0, 0xC0):
        assert check_report(bytes([head]) + payload[1:]) == (head == payload[0])


def test_one_bit_wrong_anywhere():
    payload = report.encode(
        {
            0: 7,
            1: 300,
            2: 1790000000000,
            3: 3,
            4: [450500000, -191100000, None, 3, 4, 5, 6, 70000],
            6: {0: 9, 1: 1},
        }
    )
    whole = frame(payload)
    message = coap.Message(coap.CON, coap.POST, 77, b"tokn", [(coap.OSCORE, b"\x0a\x01\x02abc")], whole)
    taken = 0
    for data, check in ((payload, check_report), (whole, check_frames), (message.encode(), check_outer)):
        assert check(data)
        for at in range(len(data)):
            for bit in range(8):
                try:
                    taken += check(data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :])
                except Malformed as error:
                    raise AssertionError(f"taken here, refused there: {error}") from None
    assert taken > 500, "signatures, numbers and ciphertext may be anything"
