"""COSE structures with real cryptography: the signatures and ciphertexts of others hold over them."""

import base64

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.hashes import SHA256

from protocol import cose
from protocol.errors import Malformed, Unauthentic
from tests.portable import load_json, vectors

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


def unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.mark.parametrize(
    "name", ["sign1/sign-pass-01", "sign1/sign-pass-02", "sign1/sign-pass-03", "ecdsa/ecdsa-sig-01"]
)
def test_a_signature_of_cose_wg_holds_over_our_structure(name):
    example = load_json(vectors(f"cose/{name}.json"))
    key = example["input"]["sign0"]["key"]
    x, y = int.from_bytes(unbase64(key["x"])), int.from_bytes(unbase64(key["y"]))
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    read = cose.sign1_read(bytes.fromhex(example["output"]["cbor"]))
    external = bytes.fromhex(example["input"]["sign0"].get("external", ""))
    assert verifier(public)(read.to_be_signed(external), read.signature)
    assert not verifier(public)(read.to_be_signed(external + b"x"), read.signature)


@pytest.mark.parametrize("n", range(1, 9))
def test_a_ciphertext_of_cose_wg_opens_with_our_structure(n):
    example = load_json(vectors(f"cose/aes-ccm/aes-ccm-enc-0{n}.json"))
    key = bytes.fromhex(example["intermediates"]["CEK_hex"])
    read = cose.encrypt0_parse(bytes.fromhex(example["output"]["cbor"]))
    tag = 8 if "/64" in example["title"] else 16
    aead = AESCCM(key, tag_length=tag)
    plain = aead.decrypt(read.unprotected[cose.IV], read.ciphertext, read.aad())
    assert plain.decode() == example["input"]["plaintext"]


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
