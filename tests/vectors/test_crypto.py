# runs on: both
"""Values of the RFCs and of NIST: P-256 with its nonces, AES-CCM, HMAC and HKDF."""

import hashlib
from binascii import hexlify, unhexlify

from protocol.errors import Unauthentic
from protocol.kdf import hkdf_expand, hkdf_extract, hmac_sha256
from tests.portable import Tally, load_json, raises, skip, vector_files, vectors
from tests.vectors import ours

N = ours.p256.N
# SP 800-38C example 4 describes its 65,536 bytes instead of writing them out.
_ALL_BYTES = "bytes 00..ff repeated 256 times"
# MicroPython has no such hashes; these are the first 32 bytes of the digests of RFC 6979's two messages.
DIGESTS = {
    ("SHA-384", b"sample"): "9a9083505bc92276aec4be312696ef7bf3bf603f4bbd381196a029f340585312",
    ("SHA-384", b"test"): "768412320f7b0aa5812fce428dc4706b3cae50e02a64caa16a782249bfe8efc4",
    ("SHA-512", b"sample"): "39a5e04aaff7455d9850c605364f514c11324ce64016960d23d5dc57d3ffd8f4",
    ("SHA-512", b"test"): "ee26b0dd4af7e749aa1a8ee3c10ae9923f618980772e473f8819a5d4940e0db2",
}


def digest(kind, message):
    """At most the 32 bytes that P-256 takes; None where this Python has no such hash."""
    function = getattr(hashlib, kind.lower().replace("-", ""), None)
    if function:
        return function(message).digest()[:32]
    typed = DIGESTS.get((kind, message))
    return unhexlify(typed) if typed else None


def tables(first_field):
    """(name, content) of the JSON files whose cases have this field."""
    found = []
    for name in vector_files("crypto", ".json"):
        data = load_json(vectors(name))
        if "cases" in data and first_field in data["cases"][0]:
            found.append((name, data))
    if not found:
        skip("no vectors with the field " + first_field)
    return found


def blocks(last):
    """(name, blocks) of the files of `key = value` lines whose blocks end with the key `last`."""
    found = []
    for name in vector_files("crypto", ".txt"):
        block, all_blocks = {}, []
        with open(vectors(name)) as file:
            for line in file:
                if "=" in line and not line.startswith("#"):
                    key, value = line.split("=")
                    block[key.strip()] = value.strip()
                    if key.strip() == last:
                        all_blocks.append(block)
                        block = {}
        if all_blocks:
            found.append((name, all_blocks))
    if not found:
        skip("no vectors that end with " + last)
    return found


def test_signatures_of_rfc6979():
    """Every hash: its digest, cut to 256 bits, with the file's nonce. SHA-256: the nonce is made as well."""
    for name, data in tables("k"):
        private = unhexlify(data["x"])
        public = unhexlify(data["Ux"] + data["Uy"])
        assert ours.p256.public_key(private) == public and int(data["q"], 16) == N
        with Tally(name) as tally:
            for case in data["cases"]:
                message = unhexlify(case["message_hex"])
                assert case.get("message_ascii", message.decode()).encode() == message
                h = digest(case["hash"], message)
                if h is None:
                    assert not ours.CPYTHON, case["hash"]
                    tally.leave_out("%s: MicroPython has no such hash" % case["hash"])
                    continue
                signature = unhexlify(case["r"] + case["s"])
                r, k_inv = ours.p256.nonce_point(int(case["k"], 16))
                h = int.from_bytes(h, "big").to_bytes(
                    32, "big"
                )  # bits2int: a shorter digest is a smaller number
                assert ours.p256.sign_with(private, h, k_inv, r) == signature
                assert ours.verify_digest(public, h, signature)
                if case["hash"] == "SHA-256":
                    assert ours.sign_rfc6979(private, message) == signature
                    assert ours.verify(public, message, signature)
                    assert not ours.verify(public, message + b"x", signature)
                tally.ran += 1


def test_ccm_of_rfc3610_and_sp800_38c():
    for name, data in tables("nonce"):
        with Tally(name) as tally:
            for case in data["cases"]:
                aad = bytes(range(256)) * 256 if case["adata"] == _ALL_BYTES else unhexlify(case["adata"])
                key, nonce = unhexlify(case["key"]), unhexlify(case["nonce"])
                plain = unhexlify(case["payload"])
                sealed = unhexlify(case["ct"] + case["tag"])
                for aead in ours.ccms(case["tag_len"], case["nonce_len"]):
                    assert aead.seal(key, nonce, aad, plain) == sealed, case
                    assert aead.open(key, nonce, aad, sealed) == plain, case
                    with raises(Unauthentic):
                        aead.open(key, nonce, aad + b"\0", sealed)
                    with raises(Unauthentic):
                        aead.open(key, nonce, aad, sealed[:-1] + bytes([sealed[-1] ^ 1]))
                tally.ran += 1


def test_hmac_of_rfc4231():
    for name, cases in blocks("MD"):
        with Tally(name) as tally:
            for case in cases:
                if len(case["MD"]) != 64:
                    tally.leave_out("another hash than SHA-256")
                    continue
                made = hmac_sha256(unhexlify(case["Key"]), unhexlify(case["Msg"]))
                assert hexlify(made).decode() == case["MD"].lower(), case
                tally.ran += 1


def test_hkdf_of_rfc5869():
    for name, cases in blocks("OKM"):
        with Tally(name) as tally:
            for case in cases:
                if case.get("Hash", "SHA-256") != "SHA-256":
                    tally.leave_out("another hash than SHA-256")
                    continue
                prk = hkdf_extract(unhexlify(case["salt"]), unhexlify(case["IKM"]))
                assert hexlify(prk).decode() == case["PRK"].lower(), case
                okm = hkdf_expand(prk, unhexlify(case["info"]), int(case["L"]))
                assert hexlify(okm).decode() == case["OKM"].lower(), case
                tally.ran += 1


def test_typed_digests_are_those_of_the_hashes():
    if not ours.CPYTHON:
        skip("MicroPython has no such hashes")
    for (kind, message), typed in DIGESTS.items():
        assert digest(kind, message).hex() == typed
