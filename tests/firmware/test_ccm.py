# runs on: micropython
"""AES-CCM: any length from any buffer, and what must be refused; further vectors stand in tests/vectors."""

from firmware.ccm import AesCcm
from protocol.errors import Misuse, Unauthentic
from tests.portable import raises

# RFC 3610 section 8, packet vectors 1 and 7's kind: 13-byte nonce, tag of 8 and of 10 bytes.
KEY = bytes.fromhex("c0c1c2c3c4c5c6c7c8c9cacbcccdcecf")
NONCE = bytes.fromhex("00000003020100a0a1a2a3a4a5")
AAD = bytes.fromhex("0001020304050607")
PLAIN = bytes.fromhex("08090a0b0c0d0e0f101112131415161718191a1b1c1d1e")
SEALED = bytes.fromhex("588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0")


def test_rfc3610_packet_1():
    aead = AesCcm()
    assert aead.seal(KEY, NONCE, AAD, PLAIN) == SEALED
    assert aead.open(KEY, NONCE, AAD, SEALED) == PLAIN


def test_every_flipped_bit_is_refused():
    aead = AesCcm()
    for i in range(8 * len(SEALED)):
        changed = bytearray(SEALED)
        changed[i >> 3] ^= 1 << (i & 7)
        with raises(Unauthentic):
            aead.open(KEY, NONCE, AAD, changed)
    for i in range(8 * len(AAD)):
        changed = bytearray(AAD)
        changed[i >> 3] ^= 1 << (i & 7)
        with raises(Unauthentic):
            aead.open(KEY, NONCE, changed, SEALED)
    for i in range(8 * len(NONCE)):
        changed = bytearray(NONCE)
        changed[i >> 3] ^= 1 << (i & 7)
        with raises(Unauthentic):
            aead.open(KEY, changed, AAD, SEALED)


def test_every_shorter_and_longer_ciphertext_is_refused():
    aead = AesCcm()
    for length in range(len(SEALED)):
        with raises(Unauthentic):
            aead.open(KEY, NONCE, AAD, SEALED[:length])
    with raises(Unauthentic):
        aead.open(KEY, NONCE, AAD, SEALED + b"\0")
    # Moving a byte from the aad to the text changes the encoding of both lengths.
    with raises(Unauthentic):
        aead.open(KEY, NONCE, AAD[:-1], SEALED)


def test_every_length_round_trips_from_any_buffer():
    aead = AesCcm()
    text = bytes(range(256)) * 5
    for length in list(range(0, 70)) + [255, 256, 257, 1151, 1152]:
        for aad in (b"", b"a", text[:13], text[:14], text[:15], text[:30]):
            sealed = aead.seal(KEY, NONCE, aad, memoryview(text)[:length])
            assert len(sealed) == length + 8
            assert aead.open(KEY, NONCE, bytearray(aad), memoryview(sealed)) == text[:length]


def test_more_than_256_counter_blocks():
    """Beyond block 255 and, with a shorter nonce, beyond block 65,535: the counter carries."""
    aead = AesCcm()
    text = bytes(60000)
    sealed = aead.seal(KEY, NONCE, b"", text)
    assert aead.open(KEY, NONCE, b"", sealed) == text
    seen = set()
    for i in range(0, len(text), 16):
        seen.add(sealed[i : i + 16])
    assert len(seen) == len(text) // 16  # of zeros the ciphertext is the key stream: no block comes twice
    aead = AesCcm(8, 12)
    text = bytes(16 * 65540)
    sealed = aead.seal(KEY, NONCE[:12], b"", text)
    assert sealed[16 * 65536 : 16 * 65537] != sealed[:16]
    assert aead.open(KEY, NONCE[:12], b"", sealed) == text


def test_our_own_mistakes_are_not_the_peers():
    aead = AesCcm()
    for key, nonce in ((KEY[:15], NONCE), (KEY + b"\0", NONCE), (KEY, NONCE[:12]), (KEY, NONCE + b"\0")):
        with raises(Misuse):
            aead.seal(key, nonce, b"", b"")
        with raises(Misuse):
            aead.open(key, nonce, b"", bytes(8))
    with raises(Misuse):
        aead.seal(KEY, NONCE, b"", bytes(65536))
    for tag_length, nonce_length in ((7, 13), (2, 13), (18, 13), (8, 6), (8, 14)):
        with raises(Misuse):
            AesCcm(tag_length, nonce_length)
