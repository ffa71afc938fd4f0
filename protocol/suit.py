"""The manifest of a release: a SUIT envelope (draft-ietf-suit-manifest-37) of one shape and no other.

It says who made the program, for which boards, how long it is, its SHA-256 and where it is fetched; the
sequence number is the version, so that an older one is known by it (8.4.2). Of what the draft allows this
takes one component, one signature (8.3: COSE_Sign1 over the digest of the manifest, detached), and the
sequences of its templates 7.1 (compatibility check) and 7.3 (download): each release has one encoding.
"""

from protocol.cbor import Tag, decode, encode
from protocol.compat import Any, Callable, const
from protocol.cose import ALG, ES256, KEY_ID, TAG_SIGN1, sig_structure, sign1_read
from protocol.errors import Malformed, Misuse, Unauthentic
from protocol.limits import KID, SIGNATURE

TAG_ENVELOPE = const(107)
MAX_ENVELOPE = const(1024)  # one block of a block-wise transfer
MAX_IMAGE = const(1 << 24)
MAX_URI = const(64)

_AUTHENTICATION = const(2)  # 8.2: of the envelope
_MANIFEST = const(3)
_VERSION = const(1)  # 8.4: of the manifest
_SEQUENCE = const(2)
_COMMON = const(3)
_VALIDATE = const(7)
_INSTALL = const(20)
_COMPONENTS = const(2)  # 8.4.5: of what is common
_SHARED = const(4)
_VENDOR = const(1)  # 8.4.8 and 8.4.9: parameters, and the conditions on them
_CLASS = const(2)
_DIGEST = const(3)
_SIZE = const(14)
_URI = const(21)
_OVERRIDE = const(20)  # 8.4.10: directives
_FETCH = const(21)
_SHA256 = const(-16)
# 8.4.7: what is reported where a condition fails; the draft's own templates have it so.
_ALL = const(15)
_FAILURE = const(2)

COMPONENT = b"program"


class Release:
    """What a manifest says. `version` is its sequence number; `vendor` and `board_class` are 16 bytes,
    `digest` is the SHA-256 of the image, `size` its bytes."""

    __slots__ = ("board_class", "component", "digest", "size", "uri", "vendor", "version")

    def __init__(
        self,
        version: int,
        vendor: bytes,
        board_class: bytes,
        digest: bytes,
        size: int,
        uri: str,
        component: bytes = COMPONENT,
    ) -> None:
        self.version = version
        self.vendor = vendor
        self.board_class = board_class
        self.digest = digest
        self.size = size
        self.uri = uri
        self.component = component

    def wrong(self) -> str | None:
        """What cannot be, or None."""
        for name, value, most in (("version", self.version, (1 << 24) - 1), ("size", self.size, MAX_IMAGE)):
            if type(value) is not int or not 0 < value <= most:
                return "suit %s: %r" % (name, value)
        for name, data, length in (
            ("vendor", self.vendor, 16),
            ("class", self.board_class, 16),
            ("digest", self.digest, 32),
        ):
            if not isinstance(data, bytes) or len(data) != length:
                return "suit %s: %r" % (name, data)
        if not isinstance(self.component, bytes) or not 0 < len(self.component) <= 16:
            return "suit component: %r" % (self.component,)
        if not isinstance(self.uri, str) or not 0 < len(self.uri.encode()) <= MAX_URI:
            return "suit uri: %r" % (self.uri,)
        return None

    def encode(self) -> bytes:
        """The manifest (8.4), that is what is digested and signed but for the head of its byte string."""
        wrong = self.wrong()
        if wrong is not None:
            raise Misuse(wrong)
        parameters = {
            _VENDOR: self.vendor,
            _CLASS: self.board_class,
            _DIGEST: encode([_SHA256, self.digest]),
            _SIZE: self.size,
        }
        shared = [_OVERRIDE, parameters, _VENDOR, _ALL, _CLASS, _ALL]
        install = [_OVERRIDE, {_URI: self.uri}, _FETCH, _FAILURE, _DIGEST, _ALL]
        return encode(
            {
                _VERSION: 1,
                _SEQUENCE: self.version,
                _COMMON: encode({_COMPONENTS: [[self.component]], _SHARED: encode(shared)}),
                _VALIDATE: encode([_DIGEST, _ALL]),
                _INSTALL: encode(install),
            }
        )


class Envelope:
    """The parts of an envelope whose form is right. Until `verify` nothing of the manifest is read."""

    __slots__ = ("_digest", "_manifest", "_protected", "_signature", "kid")

    def __init__(self, data: bytes) -> None:
        """Raises Malformed."""
        if len(data) > MAX_ENVELOPE:
            raise Malformed("suit envelope: %d bytes" % len(data))
        value = decode(data)
        if not isinstance(value, Tag) or value.number != TAG_ENVELOPE:
            raise Malformed("suit envelope: no tag %d" % TAG_ENVELOPE)
        members = _map(value.value, "envelope", (_AUTHENTICATION, _MANIFEST))
        blocks = _array(_bytes(members[_AUTHENTICATION], "authentication"), "authentication", 2)
        self._manifest = _bytes(members[_MANIFEST], "manifest")
        self._digest = _bytes(blocks[0], "digest")
        sign1 = sign1_read(_bytes(blocks[1], "signature"))
        self._protected = sign1.protected
        self._signature = sign1.signature
        self.kid = sign1.kid
        headers: dict[int, Any] = {ALG: ES256}
        if self.kid:
            headers[KEY_ID] = self.kid
        if sign1.protected != encode(headers) or sign1.unprotected or not sign1.tagged:
            raise Malformed("suit signature: headers %s" % sign1.protected.hex())
        if sign1.payload is not None or len(sign1.signature) != SIGNATURE:
            raise Malformed("suit signature: payload or length")

    def to_be_signed(self) -> bytes:
        """The bytes that the signature covers: RFC 9052 4.4, with the digest as the detached payload."""
        return sig_structure(self._protected, self._digest)

    def verify(self, sha256: Callable[[bytes], bytes], check: Callable[[bytes, bytes], bool]) -> "Release":
        """The release, if `check(to_be_signed, signature)` and the digest of the manifest hold; it is not
        looked at before (6.2). Raises Unauthentic, and Malformed for what is signed but none of ours."""
        if not check(self.to_be_signed(), self._signature):
            raise Unauthentic("suit signature")
        if self._digest != _digest_of(self._manifest, sha256):
            raise Unauthentic("suit manifest: not what was signed")
        return self.peek()

    def peek(self) -> "Release":
        """What the manifest says, whoever made it. Raises Malformed."""
        members = _map(
            decode(self._manifest), "manifest", (_VERSION, _SEQUENCE, _COMMON, _VALIDATE, _INSTALL)
        )
        common = _map(decode(_bytes(members[_COMMON], "common")), "common", (_COMPONENTS, _SHARED))
        shared = _array(_bytes(common[_SHARED], "shared sequence"), "shared sequence", 6)
        parameters = _map(shared[1], "parameters", (_VENDOR, _CLASS, _DIGEST, _SIZE))
        install = _array(_bytes(members[_INSTALL], "install"), "install", 6)
        digest = _array(_bytes(parameters[_DIGEST], "image digest"), "image digest", 2)
        component = common[_COMPONENTS]
        for _ in range(2):
            if not isinstance(component, list) or len(component) != 1:
                raise Malformed("suit components: not one")
            component = component[0]
        release = Release(
            members[_SEQUENCE],
            parameters[_VENDOR],
            parameters[_CLASS],
            digest[1],
            parameters[_SIZE],
            _map(install[1], "install parameters", (_URI,))[_URI],
            component,
        )
        wrong = release.wrong()
        if wrong is not None:
            raise Malformed(wrong)
        # What was not looked at has one right value each: all of it at once.
        if release.encode() != self._manifest:
            raise Malformed("suit manifest: not of our shape")
        return release


def envelope(
    release: Release, kid: bytes, sha256: Callable[[bytes], bytes], sign: Callable[[bytes], bytes]
) -> bytes:
    """The signed manifest. `sign(to_be_signed)` returns r || s, 64 bytes, by the key that `kid` names."""
    if len(kid) != KID:
        raise Misuse("kid: %d bytes, not %d" % (len(kid), KID))
    manifest = release.encode()
    protected = encode({ALG: ES256, KEY_ID: kid})
    digest = _digest_of(manifest, sha256)
    signature = sign(sig_structure(protected, digest))
    block = encode(Tag(TAG_SIGN1, [protected, {}, None, signature]))
    return encode(Tag(TAG_ENVELOPE, {_AUTHENTICATION: encode([digest, block]), _MANIFEST: manifest}))


def _digest_of(manifest: bytes, sha256: Callable[[bytes], bytes]) -> bytes:
    """8.3: over the manifest as it stands in the envelope, head of its byte string included."""
    return encode([_SHA256, sha256(encode(manifest))])


def _map(value: Any, name: str, keys: tuple[int, ...]) -> dict[int, Any]:
    if not isinstance(value, dict) or len(value) != len(keys):
        raise Malformed("suit %s: members" % name)
    for key in keys:
        if key not in value:
            raise Malformed("suit %s: member %d is missing" % (name, key))
    return value


def _array(data: bytes, name: str, length: int) -> list[Any]:
    value = decode(data)
    if not isinstance(value, list) or len(value) != length:
        raise Malformed("suit %s: not an array of %d" % (name, length))
    return value


def _bytes(value: Any, name: str) -> bytes:
    if not isinstance(value, bytes):
        raise Malformed("suit %s: not a byte string" % name)
    return value
