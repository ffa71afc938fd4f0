"""Points, signatures and key files from outside, against OpenSSL's idea of them."""

import base64
import hashlib
import tempfile
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from firmware import p256, p256_point
from gateway import key, security
from protocol.errors import Malformed
from tests.fuzz.readers.source import Source

_PRIVATE = ec.derive_private_key(0xFEED, ec.SECP256R1())
_NUMBERS = _PRIVATE.public_key().public_numbers()
PUBLIC = _NUMBERS.x.to_bytes(32, "big") + _NUMBERS.y.to_bytes(32, "big")
_DER = _PRIVATE.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
_P, _N = p256.P.to_bytes(32, "big"), p256.N.to_bytes(32, "big")
TOKENS = (
    PUBLIC, PUBLIC[:32], _P, _N, b"\0" * 32, b"\xff" * 32, b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07",
    b"\x30\x81\x87", b"\x02\x01\x01", _DER[:40],
)  # fmt: skip


def curve_public(data):
    """`valid_public` and the gateway's `load_public_key` say what OpenSSL says of X || Y within its range."""
    source = Source(data)
    public = bytearray(PUBLIC if source.byte() & 1 else source.take(64))
    rest = source.rest()
    for i in range(0, len(rest) - 1, 2):
        if public:
            public[rest[i] % len(public)] ^= rest[i + 1]
    public = bytes(public)
    right = len(public) == 64
    if right:
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + public)
        except ValueError:
            right = False
        right = right and max(public[:32], public[32:]) < _P
    assert p256.valid_public(public) == right, public.hex()
    try:
        security.load_public_key(public)
        assert right
    except ValueError:
        assert not right
    try:
        # Only up to its first piece: that is where a wrong point is refused.
        next(p256_point.shared_secret(7, public[:32]))
        assert public[:32] < _P
    except Malformed:
        assert not right
    return b"point" if right else None


def curve_verify(data):
    """`verify` of any signature says what OpenSSL says; never anything but true or false."""
    source = Source(data)
    flags = source.byte()
    digest = hashlib.sha256(source.short()).digest()
    r, s = source.take(32), source.take(32)
    if flags & 1:
        one = pow(3, -1, p256.N)
        point_r, _ = p256.nonce_point(3)
        r = point_r.to_bytes(32, "big")
        value = one * (int.from_bytes(digest, "big") + point_r * 0xFEED) % p256.N
        value = p256.N - value if flags & 2 else value
        s = value.to_bytes(32, "big")
    signature = bytearray(r + s)
    for _ in range(flags >> 6):
        if signature:
            signature[source.byte() % len(signature)] ^= source.byte()
    signature = bytes(signature)
    said = p256_point.verify(PUBLIC, digest, signature)
    assert said is True or said is False
    right = len(signature) == 64
    if right:
        numbers = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        try:
            _PRIVATE.public_key().verify(
                encode_dss_signature(*numbers), digest, ec.ECDSA(Prehashed(hashes.SHA256()))
            )
        except InvalidSignature:
            right = False
    assert said == right, signature.hex()
    return b"genuine" if said else None


_FOLDER = tempfile.TemporaryDirectory(prefix="patrola-fuzz-key-")
_FILE = Path(_FOLDER.name) / "gateway.key"


def gateway_key(data):
    """The gateway's key file: any text, or PEM around changed DER. A key of P-256, or KeyFileError."""
    source = Source(data)
    flags = source.byte()
    if flags & 1:
        content = source.rest()
    else:
        der = bytearray(_DER)
        while source.left() > 1:
            at = source.byte() % (len(der) + 1)
            change = source.byte()
            if change < 200 and at < len(der):
                der[at] ^= change
            elif change < 230:
                del der[at : at + change - 199]
            else:
                der[at:at] = source.take(change - 229)
        label = (b"PRIVATE KEY", b"EC PRIVATE KEY", b"ENCRYPTED PRIVATE KEY", b"RSA PRIVATE KEY")[
            flags >> 1 & 3
        ]
        text = base64.encodebytes(bytes(der))
        content = b"-----BEGIN " + label + b"-----\n" + text + b"-----END " + label + b"-----\n"
    _FILE.write_bytes(content)
    try:
        found = key.read(_FILE)
    except key.KeyFileError as error:
        assert str(_FILE) in str(error)
        return None
    assert found is not None and p256.valid_public(found.public)
    return found.public
