"""COSE_Sign1 and COSE_Encrypt0 structures (RFC 9052 4.2, 5.2). The cryptography is passed in.

`sign1_encode`, `sign1_parse` and `sign1_verify` hold Patrola's profile to the letter, so that one frame
has one encoding; `sign1_read` and `encrypt0_parse` read any definite-length, deterministic COSE.
"""

from protocol.cbor import Tag, decode, encode
from protocol.compat import Any, Callable, const
from protocol.errors import Malformed, Misuse, Unauthentic
from protocol.limits import KID, SIGNATURE

TAG_ENCRYPT0 = const(16)
TAG_SIGN1 = const(18)
ALG = const(1)
KEY_ID = const(4)
IV = const(5)
ES256 = const(-7)
AES_CCM_16_64_128 = const(10)

_EMPTY_MAP = b"\xa0"


class Sign1:
    """The parts of a COSE_Sign1. `payload` is None where it is detached."""

    __slots__ = ("kid", "payload", "protected", "signature", "tagged", "unprotected")

    def __init__(self, protected: bytes, unprotected: dict[Any, Any], payload: Any, signature: bytes) -> None:
        self.protected = protected
        self.unprotected = unprotected
        self.payload = payload
        self.signature = signature
        self.tagged = True
        kid = _headers(protected).get(KEY_ID, unprotected.get(KEY_ID, b""))
        if not isinstance(kid, bytes):
            raise Malformed("cose kid: %r" % (kid,))
        self.kid = kid

    def to_be_signed(self, external_aad: bytes = b"") -> bytes:
        """The bytes that the signature covers."""
        if self.payload is None:
            raise Misuse("cose payload: detached")
        return sig_structure(self.protected, self.payload, external_aad)


class Encrypt0:
    """The parts of a COSE_Encrypt0."""

    __slots__ = ("ciphertext", "headers", "protected", "unprotected")

    def __init__(self, protected: bytes, unprotected: dict[Any, Any], ciphertext: bytes) -> None:
        self.protected = protected
        self.headers = _headers(protected)
        self.unprotected = unprotected
        self.ciphertext = ciphertext

    def aad(self, external_aad: bytes = b"") -> bytes:
        """The AEAD's additional data."""
        return enc_structure(self.protected, external_aad)


def sig_structure(protected: bytes, payload: bytes, external_aad: bytes = b"") -> bytes:
    """Sig_structure of a Sign1 (RFC 9052 4.4). A protected {} counts as no bytes, however it was sent."""
    return encode(["Signature1", _no_empty_map(protected), external_aad, payload])


def enc_structure(protected: bytes, external_aad: bytes = b"") -> bytes:
    """Enc_structure of an Encrypt0 (RFC 9052 5.3)."""
    return encode(["Encrypt0", _no_empty_map(protected), external_aad])


def protected_header(kid: bytes) -> bytes:
    """The only protected header of a frame: {1: -7, 4: kid}."""
    if len(kid) != KID:
        raise Misuse("kid: %d bytes, not %d" % (len(kid), KID))
    return encode({ALG: ES256, KEY_ID: kid})


def sign1_encode(kid: bytes, payload: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    """A frame: payload signed as `kid`. `sign(to_be_signed)` returns r || s, 64 bytes."""
    protected = protected_header(kid)
    signature = sign(sig_structure(protected, payload))
    if len(signature) != SIGNATURE:
        raise Misuse("signature: %d bytes, not %d" % (len(signature), SIGNATURE))
    return encode(Tag(TAG_SIGN1, [protected, {}, payload, signature]))


def sign1_read(data: bytes) -> Sign1:
    """Any COSE_Sign1, tagged or not. Raises Malformed."""
    parts, tagged = _parts(data, TAG_SIGN1, 4)
    protected, unprotected, payload, signature = parts
    if payload is not None and not isinstance(payload, bytes):
        raise Malformed("cose payload: %r" % (payload,))
    if not isinstance(signature, bytes):
        raise Malformed("cose signature: %r" % (signature,))
    read = Sign1(protected, unprotected, payload, signature)
    read.tagged = tagged
    return read


def sign1_parse(frame: bytes) -> Sign1:
    """A frame of our profile: tag 18, protected {1: -7, 4: 8 bytes}, unprotected {}, payload, 64 bytes.

    Raises Malformed on anything else. Authenticity is not checked.
    """
    read = sign1_read(frame)
    if not read.tagged:
        raise Malformed("frame: no tag %d" % TAG_SIGN1)
    if len(read.kid) != KID or read.protected != protected_header(read.kid):
        raise Malformed("frame protected header: %s" % read.protected.hex())
    if read.unprotected:
        raise Malformed("frame unprotected header: not empty")
    if read.payload is None:
        raise Malformed("frame payload: detached")
    if len(read.signature) != SIGNATURE:
        raise Malformed("frame signature: %d bytes, not %d" % (len(read.signature), SIGNATURE))
    return read


def sign1_verify(frame: bytes, verify: Callable[[bytes, bytes], bool]) -> Sign1:
    """The parts of a frame whose signature holds: `verify(to_be_signed, signature)` said so.

    Raises Malformed on the form, Unauthentic on the signature.
    """
    read = sign1_parse(frame)
    if not verify(read.to_be_signed(), read.signature):
        raise Unauthentic("frame signature of %s" % read.kid.hex())
    return read


def encrypt0_encode(
    protected: dict[Any, Any],
    unprotected: dict[Any, Any],
    plaintext: bytes,
    seal: Callable[[bytes, bytes], bytes],
    external_aad: bytes = b"",
) -> bytes:
    """A tagged COSE_Encrypt0; `seal(aad, plaintext)` returns ciphertext || tag."""
    header = encode(protected) if protected else b""
    ciphertext = seal(enc_structure(header, external_aad), plaintext)
    return encode(Tag(TAG_ENCRYPT0, [header, unprotected, ciphertext]))


def encrypt0_parse(data: bytes) -> Encrypt0:
    """Any COSE_Encrypt0, tagged or not, with its ciphertext attached. Raises Malformed."""
    parts, _ = _parts(data, TAG_ENCRYPT0, 3)
    protected, unprotected, ciphertext = parts
    if not isinstance(ciphertext, bytes):
        raise Malformed("cose ciphertext: %r" % (ciphertext,))
    return Encrypt0(protected, unprotected, ciphertext)


def _parts(data: bytes, tag: int, length: int) -> tuple[Any, bool]:
    value = decode(data)
    tagged = isinstance(value, Tag)
    if isinstance(value, Tag):
        if value.number != tag:
            raise Malformed("cose tag: %d, not %d" % (value.number, tag))
        value = value.value
    if not isinstance(value, list) or len(value) != length:
        raise Malformed("cose: not an array of %d" % length)
    if not isinstance(value[0], bytes):
        raise Malformed("cose protected header: not a byte string")
    if not isinstance(value[1], dict):
        raise Malformed("cose unprotected header: not a map")
    return value, tagged


def _headers(protected: bytes) -> dict[Any, Any]:
    if not protected:
        return {}
    headers = decode(protected)
    if not isinstance(headers, dict):
        raise Malformed("cose protected header: not a map")
    return headers


def _no_empty_map(protected: bytes) -> bytes:
    return b"" if protected == _EMPTY_MAP else protected
