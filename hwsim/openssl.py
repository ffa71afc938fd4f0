"""What the bench needs of cryptography, from OpenSSL: independent of both the firmware's code and the
gateway's.
"""

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.hashes import SHA256

from protocol.errors import Unauthentic


class Ccm:
    """AES-CCM-16-64-128 in the form `protocol.oscore` asks for."""

    def seal(self, key, nonce, aad, plaintext):
        return AESCCM(bytes(key), tag_length=8).encrypt(bytes(nonce), bytes(plaintext), bytes(aad))

    def open(self, key, nonce, aad, ciphertext):
        try:
            return AESCCM(bytes(key), tag_length=8).decrypt(bytes(nonce), bytes(ciphertext), bytes(aad))
        except (InvalidTag, ValueError):
            raise Unauthentic("ccm: the tag does not fit") from None


def verifier(public):
    """A function `verify(to_be_signed, signature) -> bool` for a public key X || Y."""
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + public)

    def verify(to_be_signed, signature):
        if len(signature) != 64:
            return False
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        try:
            key.verify(utils.encode_dss_signature(r, s), bytes(to_be_signed), ec.ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True

    return verify


def signer(key):
    """A function `sign(to_be_signed) -> r || s` for a private key; the same bytes give the same signature."""

    def sign(to_be_signed):
        made = key.sign(bytes(to_be_signed), ec.ECDSA(SHA256(), deterministic_signing=True))
        r, s = utils.decode_dss_signature(made)
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return sign
