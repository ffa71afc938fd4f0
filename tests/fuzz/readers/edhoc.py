"""EDHOC messages to the initiator: any bytes, and any plaintext well sealed by a responder that may lie."""

from protocol import edhoc
from protocol.cbor import encode
from protocol.errors import Malformed, Unauthentic
from tests.fuzz.readers.cbor import draw
from tests.fuzz.readers.source import Source
from tests.protocol.edhoc_peer import C_I, C_R, G_IY, G_RX, G_XY, G_Y, KID_R, begun

_ONE, _PEER = begun()
TOKENS = (
    b"\x58\x39" + G_Y, b"\x58\x21" + G_Y + b"\0", b"\x48" + KID_R, b"\x44" + C_R, b"\x01", b"\x27", b"\x48",
    b"\x41\x01", b"\x41\x27", b"\x20", b"\x00", b"\x00\x41\x01", b"\x20\x41\x01", b"\x02\x02",
    b"\x01\x63err", b"\x02\x82\x02\x03", b"\x48" + b"m" * 8, b"\x1b" + b"\xff" * 8,
)  # fmt: skip


def edhoc_message(data):
    """Anything as message_2, message_4 and error: refused four times, then over, its secrets dropped."""
    one, peer = begun()
    said = []
    for _ in range(4):
        assert not one.over
        try:
            assert len(one.g_y(data)) == 32
            said.append(b"2")
        except Malformed:
            pass
        before = one._th
        try:
            one.read_message_2(data, G_XY, G_RX)
            assert data == _PEER.message_2()
            said.append(b"yes")
            break
        except Malformed:
            assert (one._th == before) != one.over
    told = edhoc.error(data)
    if told is not None:
        assert isinstance(told[0], int)
        said.append(repr(told[0]).encode())
    if b"yes" not in said:
        assert one.over and one._prk == b"" and one._th == b""
    one, peer = begun()
    one.read_message_2(peer.message_2(), G_XY, G_RX)
    peer.read_message_3(one.message_3(G_IY))
    try:
        one.read_message_4(data)
        assert data == peer.message_4()
        said.append(b"4")
    except Malformed:
        pass
    return b" ".join(said) or None


def edhoc_plaintext_2(data):
    """message_2 with parts right or fuzzed, the MAC made over them or not; then the rest of the handshake."""
    source = Source(data)
    flags = source.byte()
    one, peer = begun()
    if flags & 1:
        sealed = peer.seal_2(source.rest())
        assert len(sealed) > 33 or not peer.plaintext_2
    else:
        c_r = _item(source) if flags & 2 else None
        kid = _item(source) if flags & 4 else None
        mac = source.short() if flags & 8 else None
        ead = source.rest() if flags & 16 else b""
        sealed = peer.message_2(c_r, kid, ead, mac)
    try:
        c_r = one.read_message_2(sealed, G_XY, G_RX)
    except Malformed as error:
        assert one.over or one._th
        return b"unauthentic" if isinstance(error, Unauthentic) else None
    assert c_r != C_I and len(c_r) <= 7 and not flags & 9
    assert encode(KID_R) in peer.plaintext_2
    peer.read_message_3(one.message_3(G_IY))
    one.read_message_4(peer.message_4())
    assert one.oscore() == (peer.exporter(0, b"", 16), peer.exporter(1, b"", 8))
    return c_r


def edhoc_plaintext_4(data):
    """message_4 sealed around any bytes: they are external authorisation data, or refused."""
    one, peer = begun()
    one.read_message_2(peer.message_2(), G_XY, G_RX)
    peer.read_message_3(one.message_3(G_IY))
    try:
        one.read_message_4(peer.message_4(bytes(data)))
    except Malformed:
        # It was proved whose it was: the session is aborted (RFC 9528 3.8).
        assert one.over and one._prk == b""
        return None
    assert one.oscore() == (peer.exporter(0, b"", 16), peer.exporter(1, b"", 8))
    return b"done"


def _item(source):
    """An identifier as it may stand in a message: bytes, a small integer, or anything."""
    kind = source.byte() & 3
    if kind == 0:
        return encode(source.short())
    if kind == 1:
        return bytes((source.byte(),))
    return encode(draw(source, 6)) if kind == 2 else source.short()
