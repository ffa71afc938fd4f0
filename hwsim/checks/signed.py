"""A frame: COSE_Sign1 with ES256 (RFC 9052), a report inside. Read, named, and checked by OpenSSL."""

import hashlib
from dataclasses import dataclass

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

_SIGN1 = 18
_ES256 = -7
# Keys of a report.
BOOT, SEQ, TIME, KIND, STATUS, PANIC, HEALTH, EVENT, TASK = 0, 1, 2, 3, 5, 6, 7, 8, 9
# Kinds.
POSITION, STATUS_KIND, PANIC_KIND, HEALTH_KIND, EVENT_KIND, TASK_KIND, TRACK_KIND = range(1, 8)
URGENT = (STATUS_KIND, PANIC_KIND, EVENT_KIND, TASK_KIND)
RAISED, CANCELLED, CLEARED, DRILL = range(1, 5)


@dataclass(frozen=True, slots=True)
class Frame:
    name: tuple  # (kid in hex, boot, seq)
    kind: int
    fields: dict
    digest: bytes  # of all its bytes
    r: bytes  # the signature's first half: the x-coordinate of its nonce's point
    signed: bytes  # what was signed
    signature: bytes

    def brief(self):
        """What of it has to be remembered for days."""
        fields = self.fields if self.kind in URGENT else {}
        return Frame(self.name, self.kind, fields, self.digest, b"", b"", b"")

    @property
    def panic(self):
        """(id, state) or None."""
        inner = self.fields.get(PANIC)
        return None if inner is None else (inner.get(0), inner.get(1))

    @property
    def raises(self):
        return self.kind == PANIC_KIND and self.panic is not None and self.panic[1] in (RAISED, DRILL)


def read(data):
    """The Frame, or None when these bytes are none."""
    try:
        tag = cbor2.loads(data)
        if tag.tag != _SIGN1:
            return None
        protected, unprotected, payload, signature = tag.value
        head, fields = cbor2.loads(protected), cbor2.loads(payload)
        if head.get(1) != _ES256 or unprotected or len(signature) != 64:
            return None
        name = (head[4].hex(), int(fields[BOOT]), int(fields[SEQ]))
        kind = int(fields[KIND])
        signed = cbor2.dumps(["Signature1", protected, b"", payload])
    except (cbor2.CBORError, AttributeError, TypeError, ValueError, LookupError):
        return None
    return Frame(name, kind, fields, hashlib.sha256(data).digest(), signature[:32], signed, signature)


def verifies(frame, public):
    """`public`: X || Y."""
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + public)
    r, s = (int.from_bytes(frame.signature[at : at + 32], "big") for at in (0, 32))
    try:
        key.verify(encode_dss_signature(r, s), frame.signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def split(sequence):
    """The items of a CBOR sequence (RFC 8742) as the bytes they came in. Raises ValueError."""
    items = []
    at = 0
    while at < len(sequence):
        end = _end(sequence, at)
        items.append(sequence[at:end])
        at = end
    return items


def _end(data, at):
    """Where the item that begins at `at` ends."""
    if at >= len(data):
        raise ValueError("a CBOR item is cut short")
    major, low = data[at] >> 5, data[at] & 31
    at += 1
    if low > 27:
        raise ValueError("indefinite lengths are not in the profile")
    if low >= 24:
        size = 1 << low - 24
        number = int.from_bytes(data[at : at + size], "big")
        at += size
    else:
        number = low
    if major in (2, 3):
        at += number
    elif major in (4, 5):
        for _ in range(number * (2 if major == 5 else 1)):
            at = _end(data, at)
    elif major == 6:
        at = _end(data, at)
    if at > len(data):
        raise ValueError("a CBOR item is cut short")
    return at
