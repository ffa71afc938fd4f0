"""A frame with real cryptography: what was changed, or signed by another key, is refused."""

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from protocol import cose
from protocol.errors import Malformed, Unauthentic

ES256 = ec.ECDSA(SHA256())
KID = b"\x01\x02\x03\x04\x05\x06\x07\x08"


def verifier(public):
    def verify(to_be_signed: bytes, signature: bytes) -> bool:
        r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
        try:
            public.verify(encode_dss_signature(r, s), to_be_signed, ES256)
        except InvalidSignature:
            return False
        return True

    return verify


def signer(private):
    def sign(to_be_signed: bytes) -> bytes:
        r, s = decode_dss_signature(private.sign(to_be_signed, ES256))
        return r.to_bytes(32) + s.to_bytes(32)

    return sign


def test_one_flipped_bit_anywhere_is_refused():
    private = ec.generate_private_key(ec.SECP256R1())
    frame = cose.sign1_encode(KID, b"\xa3\x00\x01\x01\x02\x03\x01", signer(private))
    verify = verifier(private.public_key())
    assert cose.sign1_verify(frame, verify).kid == KID
    for bit in range(8 * len(frame)):
        flipped = bytearray(frame)
        flipped[bit >> 3] ^= 1 << (bit & 7)
        with pytest.raises(Malformed):  # Unauthentic is one of these
            cose.sign1_verify(bytes(flipped), verify)


def test_another_key_is_refused():
    frame = cose.sign1_encode(KID, b"\xa0", signer(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(Unauthentic):
        cose.sign1_verify(frame, verifier(ec.generate_private_key(ec.SECP256R1()).public_key()))
