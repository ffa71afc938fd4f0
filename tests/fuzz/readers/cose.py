"""COSE_Sign1 and COSE_Encrypt0: anything at all, and envelopes of our own form around fuzzed parts."""

from protocol import cbor, cose
from protocol.errors import Malformed, Unauthentic
from tests.fuzz.readers.cbor import draw
from tests.fuzz.readers.source import Source

KID = b"\1\2\3\4\5\6\7\x08"
TOKENS = (
    b"\xd2\x84", b"\xd0\x83", b"\xa2\x01\x26\x04\x48", b"\x4d\xa2\x01\x26\x04\x48" + KID, b"\xa0",
    b"\x41\xa0", b"\x40", b"\xf6", b"\x58\x40", b"\x58\x40" + b"s" * 64, b"\xa1\x01\x26",
    b"\xa1\x04\x48" + KID, b"\xa1\x05\x4d" + b"n" * 13,
)  # fmt: skip


def cose_read(data):
    """`sign1_read`, `sign1_parse`, `encrypt0_parse`, `sign1_verify` of anything."""
    said = []
    try:
        read = cose.sign1_read(data)
        assert isinstance(read.kid, bytes) and isinstance(read.signature, bytes)
        if read.payload is not None:
            cbor.decode(read.to_be_signed(b"aad"))
        said.append(b"sign1 " + read.kid)
    except Malformed:
        pass
    try:
        read = cose.sign1_parse(data)
        _one_encoding(read, data)
        said.append(b"frame")
    except Malformed:
        pass
    try:
        sealed = cose.encrypt0_parse(data)
        cbor.decode(sealed.aad(b"aad"))
        said.append(b"encrypt0 " + sealed.ciphertext)
    except Malformed:
        pass
    return b",".join(said) or None


def cose_frame(data):
    """The array of a frame, each part of it ours or fuzzed; a verifier that says yes or no."""
    source = Source(data)
    parts = source.byte()
    protected = source.short() if parts & 1 else cbor.encode({1: -7, 4: KID})
    if parts & 2:
        protected = cbor.encode(draw(source, 5))
    unprotected = draw(source, 4) if parts & 4 else {}
    payload = draw(source, 4) if parts & 8 else source.short()
    signature = source.short() if parts & 16 else b"s" * 64
    value = [protected, unprotected, payload, signature]
    if parts & 32:
        value.append(draw(source, 4))
    frame = cbor.encode(cbor.Tag(cose.TAG_SIGN1, value) if not parts & 64 else value)
    said = cose_read(frame)
    genuine = bool(parts & 128)
    try:
        read = cose.sign1_verify(frame, lambda signed, signature: genuine)
    except Unauthentic:
        assert not genuine
        return b"unauthentic"
    except Malformed:
        assert said is None or b"frame" not in said
        return said
    assert genuine
    _one_encoding(read, frame)
    return said


def _one_encoding(read, frame):
    assert (
        len(read.kid) == 8
        and cose.sign1_encode(read.kid, read.payload, lambda signed: read.signature) == frame
    )
