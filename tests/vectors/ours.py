"""What of ours the vectors are run against, for the Python that asks.

MicroPython: the firmware. CPython: the firmware's files as well, with AES from OpenSSL, and the gateway's use
of `cryptography`, so that a vector judges both ends of the wire.
"""

import hashlib
import sys

CPYTHON = sys.implementation.name == "cpython"

if CPYTHON:
    from tests.vectors import openssl_cryptolib

    openssl_cryptolib.install()

from firmware import p256, p256_point  # noqa: E402
from firmware.ccm import AesCcm  # noqa: E402
from firmware.drbg import HmacDrbg  # noqa: E402


def verify_digest(public, digest, signature):
    """By the firmware: a key met once, and one that it has prepared a table for."""
    said = p256_point.verify(public, digest, signature)
    if p256.valid_public(public):
        table = p256_point.prepared(public)
        assert p256_point.verify_with(table, digest, signature) == said, "with a table it says otherwise"
    return said


def _gateway_verify(public, message, signature):
    from gateway import security

    try:
        key = security.load_public_key(public)
    except ValueError:
        return False
    return security.verify(key, message, signature)


def verify(public, message, signature):
    """ES256 by all of ours; they must agree. `public` is X || Y."""
    said = verify_digest(public, hashlib.sha256(message).digest(), signature)
    if CPYTHON:
        assert _gateway_verify(public, message, signature) == said, "terminal and gateway disagree"
    return said


def ccms(tag_length, nonce_length):
    """All of our AES-CCMs with these lengths. Raises Misuse where the firmware's does not do them."""
    found = [AesCcm(tag_length, nonce_length)]
    if CPYTHON and (tag_length, nonce_length) == (8, 13):
        from gateway.security import AesCcm as GatewayCcm

        found.append(GatewayCcm())
    return found


def sign_rfc6979(private, message):
    """ES256 with the nonce of RFC 6979, by the firmware's generator, nonce point and signature."""
    h = int.from_bytes(hashlib.sha256(message).digest(), "big") % p256.N
    nonce = HmacDrbg(private + h.to_bytes(32, "big")).generate(32)
    r, k_inv = p256.nonce_point(int.from_bytes(nonce, "big"))
    return p256.sign_with(private, h, k_inv, r)


def agreed_secret(private, x):
    """ECDH by the firmware: 32 bytes, from the peer's x-coordinate. Raises Malformed where that is none."""
    secret = None
    for secret in p256_point.shared_secret(int.from_bytes(private, "big"), x):  # noqa: B007 - the last one is it
        pass
    return secret
