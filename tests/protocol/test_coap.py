# runs on: both
"""CoAP messages: what a strict decoder refuses, and what it takes one step beside; see tests/vectors too."""

import binascii

from protocol import coap
from protocol.coap import ACK, CON, GET, NON, POST, RST, Message
from protocol.errors import Malformed, Misuse
from tests.portable import raises


def unhex(text):
    return binascii.unhexlify(text)


REFUSED = (
    ("", "nothing"),
    ("400100", "three bytes"),
    ("00010001", "version 0"),
    ("80010001", "version 2"),
    ("c0010001", "version 3"),
    ("49010001" + "00" * 9, "token of 9"),
    ("4f010001" + "00" * 15, "token of 15"),
    ("44010001aabbcc", "token cut short"),
    ("40010001ff", "marker without payload"),
    ("40010001b1", "option value missing"),
    ("40010001bb74656d70", "Uri-Path announced 11, 4 left"),
    ("40010001f0", "delta 15"),
    ("400100010f", "length 15"),
    ("40010001d0", "extended delta missing"),
    ("40010001e000", "extended delta of one byte"),
    ("400100010d", "extended length missing"),
    ("40010001e0fef3", "option number 65536"),
    ("40010001e0fe00e0fe00", "option numbers add up beyond 65535"),
    ("41000001aa", "empty message with token"),
    ("40000001b0", "empty message with option"),
    ("40000001ff01", "empty message with payload"),
    ("50000001", "empty non-confirmable"),
    ("70010001", "Reset with request"),
    ("70440001", "Reset with response"),
    ("6000000100", "acknowledgement, empty, with a byte"),
    ("60010001", "acknowledgement with request"),
    ("60020001", "acknowledgement with request"),
    ("40200001", "class 1"),
    ("40c00001", "class 6"),
    ("40e10001", "class 7"),
    ("40010001" + "00" * 65, "65 options"),
)


def test_what_the_rfc_calls_a_format_error_is_refused():
    for text, why in REFUSED:
        with raises(Malformed) as caught:
            coap.decode(unhex(text))
        assert str(caught.value).startswith("coap "), why


def test_neighbours_of_what_is_refused_are_taken():
    """The strict decoder is not merely strict: one step inside each limit is fine."""
    for text in (
        "48010001" + "00" * 8,
        "40010001ff00",
        "40000001",
        "60000001",
        "70000001",
        "60440001",
        "50440001",
        "405f0001",
        "40010001e0fef2",
        "40010001" + "00" * 64,
        "407f0001",
    ):
        data = unhex(text)
        assert coap.decode(data).encode() == data, text


def test_any_kind_of_buffer_decodes_to_bytes():
    data = unhex("41017d3520bb74656d7065726174757265ff01")
    for kind in (bytes, bytearray, memoryview):
        message = coap.decode(kind(data))
        assert message.token == b" " and message.payload == b"\x01"
        assert isinstance(message.token, bytes) and isinstance(message.payload, bytes)
        assert isinstance(message.options[0][1], bytes)


def test_options_are_put_in_order_and_equal_numbers_keep_theirs():
    parts = [(coap.URI_PATH, bytes((n,))) for n in range(97, 110)]
    message = Message(CON, GET, 1, b"", [(coap.URI_QUERY, b"q")] + parts + [(coap.OBSERVE, b"")])
    assert message.path() == "/" + "/".join("abcdefghijklm")
    assert message.options[0] == (coap.OBSERVE, b"") and message.options[-1] == (coap.URI_QUERY, b"q")
    assert coap.decode(message.encode()) == message


def test_integers_in_options():
    for value, text in ((0, ""), (1, "01"), (255, "ff"), (256, "0100"), (60, "3c"), (0xFFFFFFFF, "ffffffff")):
        data = coap.uint_option(value)
        assert data == unhex(text)
        message = Message(CON, GET, 1, b"", [(coap.MAX_AGE, data)])
        assert message.uint(coap.MAX_AGE) == value
    # RFC 7252 3.2: a receiver takes leading zeros.
    assert Message(CON, GET, 1, b"", [(coap.MAX_AGE, b"\0\0\x07")]).uint(coap.MAX_AGE) == 7
    assert Message(CON, GET).uint(coap.MAX_AGE) is None
    with raises(Malformed):
        Message(CON, GET, 1, b"", [(coap.MAX_AGE, bytes(5))]).uint(coap.MAX_AGE)
    with raises(Misuse):
        coap.uint_option(-1)
    with raises(Misuse):
        coap.uint_option(1 << 32)


def test_unknown_critical_option_is_found_and_elective_is_not():
    message = Message(
        CON, GET, 1, b"", [(coap.OBSERVE, b""), (coap.URI_PATH, b"c"), (2048, b""), (9001, b"")]
    )
    assert message.unknown_critical((coap.URI_PATH,)) == 9001
    assert message.unknown_critical((coap.URI_PATH, 9001)) is None


def test_path_that_is_not_text():
    with raises(Malformed):
        Message(CON, GET, 1, b"", [(coap.URI_PATH, b"\xff\xfe")]).path()


def test_a_message_nobody_would_take_is_not_encoded():
    for message in (
        Message(4, GET),
        Message(CON, GET, 65536),
        Message(CON, GET, -1),
        Message(CON, 256),
        Message(CON, GET, 1, bytes(9)),
        Message(CON, 0, 1, b"a"),
        Message(NON, 0),
        Message(RST, GET),
        Message(ACK, POST),
        Message(CON, 0x20),
        Message(CON, GET, 1, b"", [(65536, b"")]),
        Message(CON, GET, 1, b"", [(-1, b"")]),
    ):
        with raises(Misuse):
            message.encode()
