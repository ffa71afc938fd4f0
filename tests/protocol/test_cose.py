# runs on: both
"""COSE structures: our profile to the letter; the examples of others stand in tests/vectors."""

from binascii import hexlify

from protocol import cbor, cose
from protocol.cbor import Tag
from protocol.errors import Malformed, Misuse, Unauthentic
from protocol.limits import MAX_FRAME, MAX_REPORT
from tests.portable import raises

KID = b"\x01\x02\x03\x04\x05\x06\x07\x08"


def frame(payload=b"report"):
    return cose.sign1_encode(KID, payload, lambda to_be_signed: bytes(range(64)))


def changed(**parts):
    """A frame with parts replaced, as nobody of ours would make it."""
    protected = parts.get("protected", cose.protected_header(KID))
    payload = parts.get("payload", b"report")
    value = [protected, parts.get("unprotected", {}), payload, parts.get("signature", bytes(64))]
    return cbor.encode(Tag(parts.get("tag", 18), value))


def test_a_frame_looks_as_the_protocol_says():
    expected = "d2844da2012604480102030405060708a0467265706f72745840" + hexlify(bytes(range(64))).decode()
    assert hexlify(frame()).decode() == expected
    read = cose.sign1_parse(frame())
    assert read.kid == KID and read.payload == b"report" and read.signature == bytes(range(64))


def test_the_signature_covers_header_and_payload():
    seen = []

    def sign(to_be_signed):
        seen.append(to_be_signed)
        return bytes(64)

    made = cose.sign1_encode(KID, b"report", sign)
    assert cbor.decode(seen[0]) == ["Signature1", cose.protected_header(KID), b"", b"report"]
    assert cose.sign1_parse(made).to_be_signed() == seen[0]


def test_the_largest_report_makes_the_largest_frame():
    assert len(frame(bytes(MAX_REPORT))) == MAX_FRAME


def test_verify_says_unauthentic_or_returns_the_parts():
    assert cose.sign1_verify(frame(), lambda tbs, signature: True).kid == KID
    with raises(Unauthentic):
        cose.sign1_verify(frame(), lambda tbs, signature: False)


def test_only_our_profile_is_a_frame():
    cose.sign1_parse(changed())
    for broken in (
        changed(tag=17),
        changed(tag=98),
        changed(protected=b""),
        changed(protected=b"\xa0"),
        changed(protected=cbor.encode({1: -7})),
        changed(protected=cbor.encode({1: -7, 4: KID[:7]})),
        changed(protected=cbor.encode({1: -7, 4: KID + b"\x00"})),
        changed(protected=cbor.encode({1: -7, 4: "12345678"})),
        changed(protected=cbor.encode({1: -35, 4: KID})),
        changed(protected=cbor.encode({1: -7, 3: 0, 4: KID})),
        changed(protected=cbor.encode({1: -7, 4: KID}) + b"\x00"),
        changed(protected=cbor.encode([1, -7])),
        changed(protected=cbor.encode({1: -7}), unprotected={4: KID}),
        changed(protected={1: -7, 4: KID}),
        changed(unprotected={4: KID}),
        changed(unprotected=[]),
        changed(payload=None),
        changed(payload="report"),
        changed(signature=bytes(63)),
        changed(signature=bytes(65)),
        changed(signature=None),
        frame()[1:],  # no tag
        frame() + b"\x00",
        frame()[:-1],
        cbor.encode(Tag(18, [cose.protected_header(KID), {}, b"report"])),
        cbor.encode(Tag(18, Tag(18, [cose.protected_header(KID), {}, b"report", bytes(64)]))),
        b"",
    ):
        with raises(Malformed):
            cose.sign1_parse(broken)


def test_a_caller_is_told_of_wrong_lengths():
    with raises(Misuse):
        cose.sign1_encode(KID[:7], b"", lambda tbs: bytes(64))
    with raises(Misuse):
        cose.sign1_encode(KID, b"", lambda tbs: bytes(70))


def test_an_empty_protected_map_counts_as_no_bytes():
    assert cose.enc_structure(b"\xa0", b"x") == cose.enc_structure(b"", b"x")
    assert cose.sig_structure(b"\xa0", b"p") == cose.sig_structure(b"", b"p")
    sealed = cose.encrypt0_encode({}, {}, b"plain", lambda aad, plain: aad)
    assert cose.encrypt0_parse(sealed).protected == b""
    assert cose.encrypt0_parse(sealed).ciphertext == cose.enc_structure(b"", b"")


def test_a_detached_payload_is_read_but_not_signed_over_by_guess():
    read = cose.sign1_read(changed(payload=None))
    with raises(Misuse):
        read.to_be_signed()


def test_broken_encrypt0_is_refused():
    for value in (
        Tag(16, [b"", {}]),
        Tag(16, [b"", {}, None]),
        Tag(16, ["", {}, b""]),
        Tag(16, [b"\x01", {}, b""]),
        Tag(18, [b"", {}, b""]),
        [b"", [], b""],
        b"",
    ):
        with raises(Malformed):
            cose.encrypt0_parse(cbor.encode(value))
