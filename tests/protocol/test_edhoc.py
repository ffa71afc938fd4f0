# runs on: both
"""The EDHOC initiator: a core of RFC 9529's trace typed in, the order of its calls, identifiers, errors."""

from binascii import hexlify, unhexlify

from protocol import edhoc
from protocol.cbor import encode
from protocol.edhoc import Initiator
from protocol.errors import Misuse
from tests.portable import raises
from tests.protocol.edhoc_peer import (
    C_I,
    C_R,
    CRED_I,
    CRED_R,
    G_IY,
    G_RX,
    G_X,
    G_XY,
    KID_I,
    Responder,
    begun,
    initiator,
    kdf,
)
from tests.protocol.pair import AEAD

# RFC 9529 chapter 3, second run: method 3, suite 2, ids 0x37 and 0x27.
TRACE_G_X = "8af6f430ebe18d34184017a9a11bf511c8dff8f834730b96c1b7c8dbca2fc3b6"
TRACE_G_Y = "419701d7f00a26c2dc587a36dd752549f33763c893422c8ea0f955a13a4ff5d5"
TRACE_G_XY = "2f0cb7e860ba538fbf5c8bded009f6259b4b628fe1eb7dbe9378e5ecf7a824ba"
TRACE_G_RX = "f2b6eea02220b95eee5a0bc701f074e00a843ea02422f60825fb269b3e161423"
TRACE_G_IY = "080f425085bc6249089eac8f108ea62326857e12ab07d72028ca1b5f36e004b3"
TRACE_CRED_I = (
    "a2027734322d35302d33312d46462d45462d33372d33322d333908a101a5010202412b2001215820"
    "ac75e9ece3e50bfc8ed60399889522405c47bf16df96660a41298cb4307f7eb6225820"
    "6e5de611388a4b8a8211334ac7d37ecb52a387d257e6db3c2a93df21ff3affc8"
)
TRACE_CRED_R = (
    "a2026b6578616d706c652e65647508a101a501020241322001215820"
    "bbc34960526ea4d32e940cad2a234148ddc21791a12afbcbac93622046dd44f0225820"
    "4519e257236b2a0ce2023f0931f1f386ca7afda64fcde0108c224c51eabf6072"
)
TRACE_MESSAGE_1 = "0382060258208af6f430ebe18d34184017a9a11bf511c8dff8f834730b96c1b7c8dbca2fc3b637"
TRACE_MESSAGE_2 = "582b419701d7f00a26c2dc587a36dd752549f33763c893422c8ea0f955a13a4ff5d59862a1eef9e0e7e1886fcd"
TRACE_MESSAGE_3 = "52e562097bc417dd5919485ac7891ffd90a9fc"
TRACE_MESSAGE_4 = "4828c966b7ca304f83"
TRACE_SECRET = "f9868f6a3aca78a05d1485b35030b162"
TRACE_SALT = "ada24c7dbfc85eeb"


def test_the_trace_of_rfc_9529():
    """A first message_1 with suite 6, the error, the second with 6 and 2, and the whole handshake."""
    one = Initiator(AEAD, unhexlify(TRACE_CRED_I), b"\x2b", unhexlify(TRACE_CRED_R), b"\x32")
    first = "741a13d7ba048fbb615e94386aa3b61bea5b3d8f65f32620b749bee8d278efa9"
    got = one.message_1(unhexlify(first), b"\x0e", suites=(6,))
    assert hexlify(got).decode() == "03065820" + first + "0e"
    with raises(Misuse):
        one.g_y(unhexlify(TRACE_MESSAGE_2))  # nothing but an error can answer that
    assert edhoc.error(b"\x02\x02") == (2, 2)

    got = one.message_1(unhexlify(TRACE_G_X), b"\x37", suites=(6, 2))
    assert hexlify(got).decode() == TRACE_MESSAGE_1
    message_2 = unhexlify(TRACE_MESSAGE_2)
    assert hexlify(one.g_y(message_2)).decode() == TRACE_G_Y
    assert one.read_message_2(message_2, unhexlify(TRACE_G_XY), unhexlify(TRACE_G_RX)) == b"\x27"
    assert hexlify(one.message_3(unhexlify(TRACE_G_IY))).decode() == TRACE_MESSAGE_3
    one.read_message_4(unhexlify(TRACE_MESSAGE_4))
    secret, salt = one.oscore()
    assert (hexlify(secret).decode(), hexlify(salt).decode()) == (TRACE_SECRET, TRACE_SALT)


def finished():
    one, peer = begun()
    assert one.read_message_2(peer.message_2(), G_XY, G_RX) == C_R
    peer.read_message_3(one.message_3(G_IY))
    one.read_message_4(peer.message_4())
    return one, peer


def test_both_ends_hold_the_same_keys():
    one, peer = finished()
    assert one.oscore() == (peer.exporter(0, b"", 16), peer.exporter(1, b"", 8))
    assert one.exporter(7, b"context", 40) == peer.exporter(7, b"context", 40)
    assert not one.over


# Every call in every state: those not named in the column are Misuse and change nothing.
CALLS = {
    "message_1": lambda one, peer: one.message_1(G_X, C_I),
    "g_y": lambda one, peer: one.g_y(peer.message_2()),
    "read_message_2": lambda one, peer: one.read_message_2(peer.message_2(), G_XY, G_RX),
    "message_3": lambda one, peer: one.message_3(G_IY),
    "read_message_4": lambda one, peer: one.read_message_4(peer.message_4()),
    "exporter": lambda one, peer: one.exporter(0, b"", 16),
    "oscore": lambda one, peer: one.oscore(),
}
ORDER = (
    ("message_1",),
    ("g_y", "read_message_2"),
    ("message_3",),
    ("read_message_4",),
    ("exporter", "oscore"),
)


def test_a_call_out_of_order_is_misuse_and_harms_nothing():
    one = initiator()
    peer = None
    refused = 0
    for allowed in ORDER:
        for name in sorted(CALLS):
            if name not in allowed:
                twin = finished()[1]  # has every message to offer
                with raises(Misuse):
                    CALLS[name](one, peer if name == "g_y" and peer else twin)
                refused += 1
        for name in allowed:
            result = CALLS[name](one, peer)
            if name == "message_1":
                peer = Responder(result)
            elif name == "message_3":
                peer.read_message_3(result)
    assert refused == 5 * len(CALLS) - 7
    assert one.oscore() == (peer.exporter(0, b"", 16), peer.exporter(1, b"", 8))


def test_what_our_own_side_gets_wrong():
    with raises(Misuse):
        Initiator(AEAD, CRED_I, KID_I, CRED_I, KID_I)  # a talk with oneself proves nobody
    with raises(Misuse):
        Initiator(AEAD, CRED_I, KID_I, CRED_R, KID_I)
    for g_x, suites in ((G_X[:31], (2,)), (G_X + b"\0", (2,)), (G_X, ())):
        with raises(Misuse):
            initiator().message_1(g_x, C_I, suites=suites)
    for public in (bytes(63), bytes(65), b""):
        with raises(Misuse):
            edhoc.ccs(KID_I, public)


def test_a_credential_is_deterministic_cbor():
    expected = b"\xa1\x08\xa1\x01\xa5\x01\x02\x02\x48gateway!\x20\x01\x21\x58\x20" + b"x" * 32
    assert edhoc.ccs(b"gateway!", b"x" * 32 + b"y" * 32) == expected + b"\x22\x58\x20" + b"y" * 32


def test_identifiers_as_they_stand_in_messages():
    """RFC 9528 3.3.2, with its examples."""
    cases = (("21", "21"), ("0d", "0d"), ("18", "4118"), ("38", "4138"), ("abcd", "42abcd"), ("ff", "41ff"))
    for raw, encoded in cases + (
        ("", "40"),
        ("00", "00"),
        ("17", "17"),
        ("37", "37"),
        ("20", "20"),
        ("40", "4140"),
    ):
        assert hexlify(edhoc.identifier(unhexlify(raw))).decode() == encoded, raw
    for first in range(256):
        value = bytes([first])
        is_integer = first < 24 or 0x20 <= first < 0x38
        assert edhoc.identifier(value) == (value if is_integer else encode(value))


def test_every_length_of_c_r_that_oscore_can_take():
    for c_r in (
        b"",
        b"\x00",
        b"\x37",
        b"\x18",
        b"\xff",
        b"ab",
        b"abc",
        b"abcd",
        b"abcde",
        b"abcdef",
        b"abcdefg",
    ):
        one, peer = begun()
        assert one.read_message_2(peer.message_2(edhoc.identifier(c_r)), G_XY, G_RX) == c_r
        peer.read_message_3(one.message_3(G_IY))
        one.read_message_4(peer.message_4())


def test_error_messages():
    """RFC 9528 chapter 6; anything else is not one."""
    assert edhoc.error(encode(1) + encode("Method not supported")) == (1, "Method not supported")
    assert edhoc.error(b"\x02\x82\x02\x03") == (2, [2, 3])
    assert edhoc.error(b"\x03\xf5") == (3, True)
    assert edhoc.error(b"\x20\xf6") == (-1, None)
    for data in (
        b"",
        b"\x01",
        b"\x40\x40",
        b"\xf5\x01",
        b"\x01\x01\x01",
        b"\x01\x61",
        b"\x48" + bytes(8),
        b"\x01\xff",
    ):
        assert edhoc.error(data) is None, data


def test_kdf_info_is_a_sequence_of_three():
    """4.1.2: label, context as a byte string, length."""
    assert edhoc._kdf(b"k" * 32, 3, b"c" * 32, 16) == kdf(b"k" * 32, 3, b"c" * 32, 16)
