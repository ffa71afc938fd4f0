"""HMAC-SHA-256 (RFC 2104) and HKDF (RFC 5869), for both Pythons: MicroPython has hashlib but no hmac."""

import hashlib

from protocol.compat import const
from protocol.errors import Misuse

_BLOCK = const(64)
_DIGEST = const(32)


def hmac_sha256(key: bytes, msg: bytes) -> bytes:
    """32 bytes; any key length."""
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    pad = bytearray(_BLOCK)
    for i in range(_BLOCK):
        pad[i] = 0x36
    for i, byte in enumerate(key):
        pad[i] ^= byte
    inner = hashlib.sha256(pad)
    inner.update(msg)
    for i in range(_BLOCK):
        pad[i] ^= 0x36 ^ 0x5C
    outer = hashlib.sha256(pad)
    outer.update(inner.digest())
    return outer.digest()


def hkdf_extract(salt: bytes, ikm: bytes) -> bytes:
    """RFC 5869 2.2: the pseudorandom key, 32 bytes. An empty salt means 32 zeros, to which HMAC pads it."""
    return hmac_sha256(salt, ikm)


def hkdf_expand(prk: bytes, info: bytes, n: int) -> bytes:
    """RFC 5869 2.3: n bytes of output, at most 255 digests. Raises Misuse beyond."""
    if not 0 < n <= 255 * _DIGEST:
        raise Misuse("hkdf length: %d" % n)
    out = b""
    block = b""
    counter = 1
    while len(out) < n:
        block = hmac_sha256(prk, block + info + bytes([counter]))
        out += block
        counter += 1
    return out[:n]
