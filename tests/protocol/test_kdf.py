# runs on: both
"""HMAC-SHA-256 and HKDF against RFC 4231, RFC 5869 and Wycheproof."""

from binascii import hexlify, unhexlify

from protocol.errors import Misuse
from protocol.kdf import hkdf_expand, hkdf_extract, hmac_sha256
from tests.portable import load_json, raises, vectors


def blocks(path, last):
    """Dicts of the `key = value` lines; each block ends with the key `last`."""
    block = {}
    with open(path) as file:
        for line in file:
            if "=" in line and not line.startswith("#"):
                key, value = line.split("=")
                block[key.strip()] = value.strip()
                if key.strip() == last:
                    yield block
                    block = {}


def test_hmac_rfc4231():
    count = 0
    for case in blocks(vectors("crypto/rfc4231_hmac_sha256.txt"), "MD"):
        digest = hmac_sha256(unhexlify(case["Key"]), unhexlify(case["Msg"]))
        assert hexlify(digest).decode() == case["MD"]
        count += 1
    assert count >= 6


def test_hkdf_rfc5869():
    count = 0
    for case in blocks(vectors("crypto/rfc5869_hkdf_sha256.txt"), "OKM"):
        prk = hkdf_extract(unhexlify(case["salt"]), unhexlify(case["IKM"]))
        assert hexlify(prk).decode() == case["PRK"]
        okm = hkdf_expand(prk, unhexlify(case["info"]), int(case["L"]))
        assert hexlify(okm).decode() == case["OKM"]
        count += 1
    assert count == 3


def test_hmac_wycheproof():
    for group in load_json(vectors("crypto/hmac_sha256_test.json"))["testGroups"]:
        size = group["tagSize"] // 8
        for case in group["tests"]:
            digest = hmac_sha256(unhexlify(case["key"]), unhexlify(case["msg"]))[:size]
            assert (digest == unhexlify(case["tag"])) == (case["result"] == "valid"), case["tcId"]


def test_hkdf_wycheproof():
    for group in load_json(vectors("crypto/hkdf_sha256_test.json"))["testGroups"]:
        for case in group["tests"]:
            prk = hkdf_extract(unhexlify(case["salt"]), unhexlify(case["ikm"]))
            if case["result"] == "valid":
                okm = hkdf_expand(prk, unhexlify(case["info"]), case["size"])
                assert okm == unhexlify(case["okm"]), case["tcId"]
            else:
                with raises(Misuse):
                    hkdf_expand(prk, unhexlify(case["info"]), case["size"])


def test_key_lengths_about_one_block():
    # RFC 2104: a key of 64 bytes is used as it is, one of 65 is hashed.
    assert hmac_sha256(bytes(64), b"x") == hmac_sha256(b"", b"x")
    assert hmac_sha256(bytes(65), b"x") != hmac_sha256(b"", b"x")
