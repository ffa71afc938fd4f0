# runs on: both
"""HMAC-SHA-256 and HKDF at the edges of their lengths; the values of the RFCs stand in tests/vectors."""

from protocol.errors import Misuse
from protocol.kdf import hkdf_expand, hkdf_extract, hmac_sha256
from tests.portable import raises


def test_key_lengths_about_one_block():
    # RFC 2104: a key of 64 bytes is used as it is, one of 65 is hashed.
    assert hmac_sha256(bytes(64), b"x") == hmac_sha256(b"", b"x")
    assert hmac_sha256(bytes(65), b"x") != hmac_sha256(b"", b"x")


def test_lengths_of_what_is_expanded():
    whole = hkdf_expand(bytes(32), b"info", 255 * 32)
    assert len(whole) == 255 * 32
    for n in (1, 31, 32, 33, 64, 65, 255 * 32 - 1):
        assert hkdf_expand(bytes(32), b"info", n) == whole[:n]
    for n in (0, -1, 255 * 32 + 1):
        with raises(Misuse):
            hkdf_expand(bytes(32), b"info", n)


def test_no_salt_is_a_salt_of_zeros():
    assert hkdf_extract(b"", b"key") == hkdf_extract(bytes(32), b"key") == hmac_sha256(bytes(64), b"key")
