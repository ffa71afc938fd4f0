"""EDHOC's responder (RFC 9528, method 3, suite 2) in place of lakers, in whose words the gateway asks.

Lakers draws its ephemeral keys for itself, and the numbers that a terminal computes with them leave other
garbage in its heap each time: from one seed no run would be like the last. Here the bench draws them. What
lakers makes of the terminal's messages is for `hwsim/shake.py` and for the gateway's process to say.
"""

import hashlib

from cryptography.hazmat.primitives.asymmetric import ec

from hwsim.openssl import Ccm
from protocol import cbor, edhoc
from protocol.cose import enc_structure
from protocol.kdf import hkdf_expand, hkdf_extract

_CURVE = ec.SECP256R1()
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_HASH = 32
_AEAD = Ccm()


class EdhocResponder:
    """`credential` is the own CCS, `kid` its name; `rng` draws the ephemeral key."""

    def __init__(self, private, credential, kid, rng):
        self._static = _private(int.from_bytes(private, "big"))
        self._credential = credential
        self._kid = kid
        self._ephemeral = _private(rng.randrange(1, _ORDER))

    def process_message_1(self, message_1):
        items = cbor.decode_sequence(message_1, 16)
        self._th = _hash(message_1)
        self._g_x = items[2]
        return items[3], []

    def prepare_message_2(self, _transfer, c_r, _ead):
        g_y = self._ephemeral.public_key().public_numbers().x.to_bytes(_HASH, "big")
        th_2 = _hash(cbor.encode(g_y) + cbor.encode(self._th))
        prk_2e = hkdf_extract(th_2, _shared(self._ephemeral, self._g_x))
        self._prk = hkdf_extract(_kdf(prk_2e, 1, th_2, _HASH), _shared(self._static, self._g_x))
        named = edhoc.identifier(c_r)
        context = named + cbor.encode({4: self._kid}) + cbor.encode(th_2) + self._credential
        plain = named + edhoc.identifier(self._kid) + cbor.encode(_kdf(self._prk, 2, context, 8))
        mask = _kdf(prk_2e, 0, th_2, len(plain))
        self._th = _hash(cbor.encode(th_2) + plain + self._credential)
        return cbor.encode(g_y + bytes(a ^ b for a, b in zip(plain, mask, strict=True)))

    def parse_message_3(self, message_3):
        key, nonce = _kdf(self._prk, 3, self._th, 16), _kdf(self._prk, 4, self._th, 13)
        sealed = cbor.decode(message_3)
        self._plain = _AEAD.open(key, nonce, enc_structure(b"", self._th), sealed)
        kid, self._mac = cbor.decode_sequence(self._plain, 2)
        return cbor.encode({4: kid}), []

    def verify_message_3(self, credential):
        """`credential`: as `lakers.Credential`."""
        ccs, kid = bytes(credential.value()), cbor.decode(self._plain[: -len(cbor.encode(self._mac))])
        x = cbor.decode(ccs)[8][1][-2]
        prk = hkdf_extract(_kdf(self._prk, 5, self._th, _HASH), _shared(self._ephemeral, x))
        context = cbor.encode({4: kid}) + cbor.encode(self._th) + ccs
        if _kdf(prk, 6, context, 8) != self._mac:
            raise ValueError("MAC_3")
        self._th = _hash(cbor.encode(self._th) + self._plain + ccs)
        self._prk = prk

    def prepare_message_4(self, _ead):
        key, nonce = _kdf(self._prk, 8, self._th, 16), _kdf(self._prk, 9, self._th, 13)
        return cbor.encode(_AEAD.seal(key, nonce, enc_structure(b"", self._th), b""))

    def edhoc_exporter(self, label, context, length):
        prk = _kdf(_kdf(self._prk, 7, self._th, _HASH), 10, b"", _HASH)
        return _kdf(prk, label, context, length)


def _private(number):
    return ec.derive_private_key(number, _CURVE)


def _shared(private, x):
    """The x-coordinate of the product; which of the two points of that x makes no difference to it."""
    return private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, b"\x02" + x))


def _kdf(prk, label, context, length):
    return hkdf_expand(prk, cbor.encode(label) + cbor.encode(context) + cbor.encode(length), length)


def _hash(data):
    return hashlib.sha256(data).digest()
