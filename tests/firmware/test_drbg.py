# runs on: both
"""HMAC-DRBG: RFC 6979 is this generator with the key and the digest as its seed, and gives known answers."""

from firmware.drbg import HmacDrbg
from protocol.errors import Misuse
from tests.portable import load_json, raises, vectors

# NIST CAVP, HMAC_DRBG.rsp (no reseed), SHA-256, no prediction resistance, no personalisation, count 0:
# the second of two requests is what the file lists.
ENTROPY = bytes.fromhex("ca851911349384bffe89de1cbdc46e6831e44d34a4fb935ee285dd14b71a7488")
NONCE = bytes.fromhex("659ba96c601dc69fc902940805ec0ca8")
RETURNED = bytes.fromhex(
    "e528e9abf2dece54d47c7e75e5fe302149f817ea9fb4bee6f4199697d04d5b89"
    "d54fbb978a15b5c443c9ec21036d2460b6f73ebad0dc2aba6e624abf07745bc1"
    "07694bb7547bb0995f70de25d6b29e2d3011bb19d27676c07162c8b5ccde0668"
    "961df86803482cb37ed6d5c0bb8d50cf1f50d476aa0458bdaba806f48be9dcb8"
)
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def test_cavp():
    drbg = HmacDrbg(ENTROPY + NONCE)
    drbg.generate(128)
    assert drbg.generate(128) == RETURNED


def test_rfc6979_nonces():
    import hashlib

    x = bytes.fromhex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721")
    for message, k in (
        (b"sample", "a6e3c57dd01abe90086538398355dd4c3b17aa873382b0f24d6129493d8aad60"),
        (b"test", "d16b6ae827f17175e040871a1c7ec3500192c4c92677336ec2537acaee0008e0"),
    ):
        h = int.from_bytes(hashlib.sha256(message).digest(), "big") % N
        assert HmacDrbg(x + h.to_bytes(32, "big")).generate(32) == bytes.fromhex(k)


def test_rfc6979_file():
    data = load_json(vectors("crypto/rfc6979_p256.json"))
    import hashlib

    seen = 0
    for case in data["cases"]:
        if case["hash"] == "SHA-256":  # the other hashes use their own HMAC
            digest = hashlib.sha256(bytes.fromhex(case["message_hex"])).digest()
            h = int.from_bytes(digest, "big") % N
            drbg = HmacDrbg(bytes.fromhex(data["x"]) + h.to_bytes(32, "big"))
            assert drbg.generate(32) == bytes.fromhex(case["k"])
            seen += 1
    assert seen


def test_every_input_changes_everything():
    base = HmacDrbg(bytes(32), b"p").generate(32)
    assert HmacDrbg(bytes(32), b"p").generate(32) == base
    others = [
        HmacDrbg(bytes(31) + b"\1", b"p").generate(32),
        HmacDrbg(bytes(32), b"q").generate(32),
        HmacDrbg(bytes(32)).generate(32),
        HmacDrbg(bytes(32), b"p").generate(32, b"additional"),
    ]
    again = HmacDrbg(bytes(32), b"p")
    again.reseed(b"")
    others.append(again.generate(32))
    again = HmacDrbg(bytes(32), b"p")
    again.reseed(b"\0")
    others.append(again.generate(32))
    again = HmacDrbg(bytes(32), b"p")
    again.reseed(b"\0", b"a")
    others.append(again.generate(32))
    assert len(set(others + [base])) == len(others) + 1


def test_output_does_not_repeat_and_has_the_length_asked_for():
    drbg = HmacDrbg(bytes(32))
    seen = set()
    for _ in range(300):
        seen.add(drbg.generate(32))
    assert len(seen) == 300
    for n in (0, 1, 31, 32, 33, 100):
        assert len(drbg.generate(n)) == n


def test_state_after_a_request_does_not_hold_its_output():
    drbg = HmacDrbg(bytes(32))
    out = drbg.generate(32)
    assert out not in (drbg._key, drbg._value)


def test_limits():
    with raises(Misuse):
        HmacDrbg(bytes(31))
    drbg = HmacDrbg(bytes(32))
    with raises(Misuse):
        drbg.generate(-1)
    with raises(Misuse):
        drbg.generate((1 << 16) + 1)
    drbg._requests = (1 << 20) + 1
    with raises(Misuse):
        drbg.generate(1)
    drbg.reseed(b"fresh")
    assert drbg.generate(1)
