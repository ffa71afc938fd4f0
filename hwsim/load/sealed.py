"""Datagrams made ahead, quickly: the bytes that `protocol` makes (a test compares), in a tenth of the time.

A position of a car that drives, now and then a status, a panic or its health; each signed by the car's key
and sealed under its context.
"""

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.hashes import SHA256

POSITION, STATUS, PANIC, HEALTH = 1, 2, 3, 4
NAMES = {POSITION: "position", STATUS: "status", PANIC: "panic", HEALTH: "health"}
_ECDSA = ec.ECDSA(SHA256())
_PATH_F = b"\x02\xb1f\xff"  # POST, Uri-Path "f", payload


def integer(value, major=0):
    """CBOR's shortest form of an integer, or of a head of another major type."""
    if value < 0:
        value, major = -1 - value, 0x20
    if value < 24:
        return bytes((major | value,))
    if value < 0x100:
        return bytes((major | 24, value))
    if value < 0x10000:
        return bytes((major | 25,)) + value.to_bytes(2, "big")
    if value < 0x100000000:
        return bytes((major | 26,)) + value.to_bytes(4, "big")
    return bytes((major | 27,)) + value.to_bytes(8, "big")


def text(data):
    """A CBOR byte string."""
    return integer(len(data), 0x40) + data


class Sealer:
    """Makes one car's datagrams. `boot` names this run; `sequence` is its first free Partial IV."""

    def __init__(self, number, scalar, kid, boot, material):
        sender_key, common_iv, self.own_id, sequence = material
        self._key = ec.derive_private_key(scalar, ec.SECP256R1())
        self._kid = kid
        self._boot = boot
        self._cipher = AESCCM(sender_key, tag_length=8)
        padded = bytes((len(self.own_id),)) + self.own_id.rjust(7, b"\0") + bytes(5)
        self._iv = int.from_bytes(common_iv, "big") ^ int.from_bytes(padded, "big")
        self._sequence = sequence
        self._seq = 0
        header = b"\xa2\x01\x26\x04\x48" + kid
        self._head = b"\xd2\x84\x4d" + header + b"\xa0"
        self._signed = b"\x84\x6aSignature1\x4d" + header + b"\x40"
        self._lat = 445_000_000 + number % 100 * 20_000
        self._lon = 190_000_000 + number // 100 % 1000 * 20_000

    def report(self, kind, time_ms):
        seq = self._seq
        self._seq = seq + 1
        head = b"\x00" + integer(self._boot) + b"\x01" + integer(seq) + b"\x02" + integer(time_ms)
        head += b"\x03" + bytes((kind,))
        if kind == HEALTH:
            return b"\xa5" + head + b"\x07\xa4\x00\x19\x35\xe8\x01\x19\x01\x38\x02\x38\x60\x03\x00"
        fix = b"\x88" + integer(self._lat + seq * 1250) + integer(self._lon + seq * 900)
        fix += b"\x19\x03\x0c\x19\x05\x6d\x19\x23\x28\x09\x0b\x00"
        if kind == PANIC:
            number = integer(self._boot * 65536 + seq)
            return b"\xa7" + head + b"\x04" + fix + b"\x05\x01\x06\xa3\x00" + number + b"\x01\x01\x02\x01"
        return b"\xa6" + head + b"\x04" + fix + b"\x05" + bytes((1 + seq % 4,))

    def frame(self, kind, time_ms):
        payload = text(self.report(kind, time_ms))
        r, s = decode_dss_signature(self._key.sign(self._signed + payload, _ECDSA))
        return self._head + payload + b"\x58\x40" + r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def datagram(self, frames, message_id, token):
        """(bytes, Partial IV) of a confirmable `POST /f`."""
        sequence = self._sequence
        self._sequence = sequence + 1
        piv = sequence.to_bytes(5, "big").lstrip(b"\0") or b"\0"
        nonce = (self._iv ^ sequence).to_bytes(13, "big")
        sealed = self._cipher.encrypt(nonce, _PATH_F + frames, aad(self.own_id, piv))
        size = 1 + len(piv) + len(self.own_id)
        option = bytes((0x90 | size,)) if size < 13 else bytes((0x9D, size - 13))
        option += bytes((0x08 | len(piv),)) + piv + self.own_id
        return b"\x44\x02" + message_id.to_bytes(2, "big") + token + option + b"\xff" + sealed


def aad(kid, piv):
    """Enc_structure over the external_aad of RFC 8613 5.4."""
    array = b"\x85\x01\x81\x0a" + text(kid) + text(piv) + b"\x40"
    return b"\x83\x68Encrypt0\x40" + text(array)


class Opener:
    """Opens the answers to one car's requests."""

    def __init__(self, context):
        self._cipher = AESCCM(context.recipient_key, tag_length=8)
        own_id = context.sender_id
        padded = bytes((len(own_id),)) + own_id.rjust(7, b"\0") + bytes(5)
        self._iv = int.from_bytes(context.common_iv, "big") ^ int.from_bytes(padded, "big")
        self._peer = int.from_bytes(context.common_iv, "big") ^ int.from_bytes(
            bytes((len(context.recipient_id),)) + context.recipient_id.rjust(7, b"\0") + bytes(5), "big"
        )
        self._own_id = own_id

    def code(self, sequence, option, sealed):
        """The code inside the answer to that Partial IV; raises InvalidTag. `option` is its OSCORE option."""
        piv = sequence.to_bytes(5, "big").lstrip(b"\0") or b"\0"
        if option:
            own = int.from_bytes(option[1 : 1 + (option[0] & 7)], "big")
            nonce = (self._peer ^ own).to_bytes(13, "big")
        else:
            nonce = (self._iv ^ sequence).to_bytes(13, "big")
        return self._cipher.decrypt(nonce, sealed, aad(self._own_id, piv))[0]
