"""Any bytes into every reader of EDHOC: only Malformed, and nothing changes for the true message."""

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import edhoc
from protocol.cbor import encode
from protocol.errors import Malformed
from tests.protocol.edhoc_peer import C_R, G_IY, G_RX, G_XY, begun

SECRET = st.binary(min_size=32, max_size=32)
# Mostly byte strings, as a message has to be one.
MESSAGE = st.one_of(st.binary(max_size=80), st.binary(max_size=300).map(encode))
SMALL = st.binary(max_size=12)


def refused(read, *arguments):
    """Whether it was refused; any other exception than Malformed fails the test."""
    try:
        read(*arguments)
    except Malformed:
        return True
    return False


@given(message=MESSAGE, g_xy=SECRET, g_rx=SECRET)
def test_any_bytes_as_message_2(message, g_xy, g_rx):
    one, peer = begun()
    refused(one.g_y, message)
    assert refused(one.read_message_2, message, g_xy, g_rx)
    assert one.read_message_2(peer.message_2(), G_XY, G_RX) == C_R


@given(plaintext=st.binary(max_size=60))
def test_any_plaintext_2(plaintext):
    """Anybody who saw message_1 can seal one: the cipher of message_2 authenticates nothing."""
    one, peer = begun()
    message_2 = peer.seal_2(plaintext)
    peer.message_2()
    if plaintext != peer.plaintext_2:
        assert refused(one.read_message_2, message_2, G_XY, G_RX)


@given(c_r=SMALL, kid=SMALL, mac=SMALL, ead=st.binary(max_size=40))
def test_plaintext_2_put_together_from_any_pieces(c_r, kid, mac, ead):
    one, peer = begun()
    assert refused(one.read_message_2, peer.message_2(c_r, kid, ead, mac), G_XY, G_RX)
    one, peer = begun()
    good = c_r != b"\x01" and len(c_r) <= 7 and not ead
    got = refused(one.read_message_2, peer.message_2(edhoc.identifier(c_r), ead=ead), G_XY, G_RX)
    assert not (got and good)


@given(ead=st.binary(max_size=60))
def test_authentic_message_2_and_4_with_any_ead(ead):
    one, peer = begun()
    if refused(one.read_message_2, peer.message_2(ead=ead), G_XY, G_RX):
        assert one.over
    one, peer = begun()
    one.read_message_2(peer.message_2(), G_XY, G_RX)
    peer.read_message_3(one.message_3(G_IY))
    if refused(one.read_message_4, peer.message_4(ead)):
        assert one.over
    else:
        assert one.oscore()[0] == peer.exporter(0, b"", 16)


@settings(max_examples=300)
@given(message=MESSAGE)
def test_any_bytes_as_message_4(message):
    one, peer = begun()
    one.read_message_2(peer.message_2(), G_XY, G_RX)
    peer.read_message_3(one.message_3(G_IY))
    assert refused(one.read_message_4, message)
    one.read_message_4(peer.message_4())
    assert one.oscore()[0] == peer.exporter(0, b"", 16)


@given(code=st.integers(-30, 30).map(encode), tail=st.binary(max_size=40), data=st.binary(max_size=60))
def test_any_bytes_as_an_error(code, tail, data):
    for message in (data, code + tail, code + encode(tail)):
        found = edhoc.error(message)
        assert found is None or (len(found) == 2 and type(found[0]) is int)


@given(value=st.binary(max_size=20))
def test_an_identifier_is_read_as_it_was_written(value):
    assert edhoc._identifier(edhoc.identifier(value) + b"rest", 0) == (value, len(edhoc.identifier(value)))
