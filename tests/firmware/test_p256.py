# runs on: both
"""P-256 against RFC 6979, a schoolbook's arithmetic, and the values at which implementations break."""

import hashlib

from firmware import p256, p256_point
from firmware.p256_table import COLUMNS, TABLE, TEETH
from protocol.errors import Misuse
from tests.firmware import curve
from tests.portable import load_json, raises, vectors

# RFC 6979 A.2.5
D = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
PUBLIC = bytes.fromhex(
    "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
    "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299"
)
RFC6979 = (
    (
        b"sample",
        0xA6E3C57DD01ABE90086538398355DD4C3B17AA873382B0F24D6129493D8AAD60,
        "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
        "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
    ),
    (
        b"test",
        0xD16B6AE827F17175E040871A1C7EC3500192C4C92677336EC2537ACAEE0008E0,
        "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367"
        "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083",
    ),
)
DIGEST = hashlib.sha256(b"sample").digest()
SIGNATURE = bytes.fromhex(RFC6979[0][2])


def sign(d, h, k):
    r, k_inv = p256.nonce_point(k)
    return p256.sign_with(d, h, k_inv, r)


def both(r, s):
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def test_rfc6979_with_its_nonces():
    assert p256.public_key(D) == PUBLIC
    assert p256.public_key(D.to_bytes(32, "big")) == PUBLIC
    for message, k, signature in RFC6979:
        h = hashlib.sha256(message).digest()
        assert sign(D, h, k) == bytes.fromhex(signature)
        assert p256_point.verify(PUBLIC, h, bytes.fromhex(signature))


def test_rfc6979_file_every_hash():
    data = load_json(vectors("crypto/rfc6979_p256.json"))
    d = int(data["x"], 16)
    public = bytes.fromhex(data["Ux"] + data["Uy"])
    seen = 0
    for case in data["cases"]:
        # The digest does not come with the file; from s, k, r and d it follows: h = s k - r d.
        k, r, s = (int(case[name], 16) for name in ("k", "r", "s"))
        h = (s * k - r * d) % p256.N
        if case["hash"] == "SHA-256":
            message = bytes.fromhex(case["message_hex"])
            assert h == int.from_bytes(hashlib.sha256(message).digest(), "big") % p256.N
        assert sign(d, h, k) == both(r, s)
        assert p256_point.verify(public, h.to_bytes(32, "big"), both(r, s))
        seen += 1
    assert seen == len(data["cases"]) and seen > 0


def test_table_is_what_its_docstring_says():
    span = 3 * COLUMNS
    at = 0
    for block in range(3):
        teeth = [curve.times(1 << (span * t + COLUMNS * block), curve.G) for t in range(TEETH)]
        for i in range(1 << (TEETH - 1)):
            point = teeth[TEETH - 1]
            for t in range(TEETH - 1):
                point = curve.add(point, teeth[t] if i >> t & 1 else curve.negative(teeth[t]))
            assert TABLE[at : at + 64] == curve.raw(point), (block, i)
            at += 64
    assert at == len(TABLE)


def edge_scalars():
    n = p256.N
    scalars = [1, 2, 3, 4, 5, n - 1, n - 2, n - 3, n // 2, n // 2 + 1, n // 2 + 2]
    for i in (8, 15, 31, 32, 44, 45, 64, 90, 128, 225, 240, 254, 255):
        scalars.extend(((1 << i) - 1, 1 << i, (1 << i) + 1))
    # Twice an entry of the comb's first block: the last addition meets its own summand, a doubling.
    for i in range(4):
        entry = 1 << 225
        for t in range(5):
            entry += (1 << 45 * t) * (1 if i * 7 >> t & 1 else -1)
        scalars.extend((2 * entry % n, entry % n, -2 * entry % n))
    return [k for k in scalars if 0 < k < n]


def test_multiples_at_the_edges():
    for k in edge_scalars():
        expected = curve.raw(curve.times(k, curve.G))
        assert p256.public_key(k) == expected, k
        r, k_inv = p256.nonce_point(k)
        assert r == int.from_bytes(expected[:32], "big") % p256.N
        assert k * k_inv % p256.N == 1


def test_scalar_out_of_range_is_refused():
    for k in (0, p256.N, p256.N + 1, -1, (1 << 256) - 1):
        with raises(Misuse):
            p256.nonce_point(k)
        with raises(Misuse):
            p256.public_key(k)


def test_sign_refuses_a_zero():
    r, k_inv = p256.nonce_point(7)
    with raises(Misuse):
        p256.sign_with(D, -r * D % p256.N, k_inv, r)  # s would be 0
    with raises(Misuse):
        p256.sign_with(D, DIGEST, k_inv, 0)


def test_verify_any_flipped_bit():
    for i in range(0, 512, 5):
        changed = bytearray(SIGNATURE)
        changed[i >> 3] ^= 1 << (i & 7)
        assert not p256_point.verify(PUBLIC, DIGEST, bytes(changed)), i
    for i in range(0, 256, 13):
        changed = bytearray(DIGEST)
        changed[i >> 3] ^= 1 << (i & 7)
        assert not p256_point.verify(PUBLIC, bytes(changed), SIGNATURE), i


def test_verify_ranges_of_r_and_s():
    n = p256.N
    r = int.from_bytes(SIGNATURE[:32], "big")
    s = int.from_bytes(SIGNATURE[32:], "big")
    edges = (0, 1, 2, n - 1, n, n + 1, p256.P - 1, p256.P, p256.P - n, (1 << 256) - 1)
    for a in edges:
        assert not p256_point.verify(PUBLIC, DIGEST, both(a, s)), a
        assert not p256_point.verify(PUBLIC, DIGEST, both(r, a)), a
        for b in edges:
            assert not p256_point.verify(PUBLIC, DIGEST, both(a, b)), (a, b)
    for length in (0, 1, 32, 63, 65, 128):
        assert not p256_point.verify(PUBLIC, DIGEST, (SIGNATURE + bytes(64))[:length])


def test_high_s_is_valid():
    r = int.from_bytes(SIGNATURE[:32], "big")
    s = int.from_bytes(SIGNATURE[32:], "big")
    assert p256_point.verify(PUBLIC, DIGEST, both(r, p256.N - s))


def test_public_key_must_be_a_reduced_point():
    assert p256.valid_public(PUBLIC)
    x, y = curve.G
    bad = [bytes(64), PUBLIC[:63], PUBLIC + b"\0", b"", both(x, y ^ 1), both(x ^ 1, y), b"\xff" * 64]
    # x = 5 is on the curve; x + p still fits 256 bits and is the same point to whoever does not look.
    y5 = curve.y_of(5)
    assert y5 is not None and p256.valid_public(both(5, y5))
    bad.append(both(5 + p256.P, y5))
    for public in bad:
        assert not p256.valid_public(public)
        assert not p256_point.verify(public, DIGEST, SIGNATURE)


def test_digests_zero_and_beyond_n():
    for h in (0, 1, p256.N - 1, p256.N, p256.N + 1, (1 << 256) - 1):
        signature = sign(D, h, 12345)
        assert p256_point.verify(PUBLIC, h.to_bytes(32, "big"), signature), h
        # A digest and itself reduced are one number (FIPS 186-5 6.4.1); another digest is not.
        assert p256_point.verify(PUBLIC, (h % p256.N).to_bytes(32, "big"), signature)
        assert not p256_point.verify(PUBLIC, ((h + 1) % p256.N).to_bytes(32, "big"), signature)


def test_keys_that_make_the_additions_meet():
    """Q = G, -G, 2G, G/2 and the comb's own entries: equal and opposite summands in u G + v Q."""
    n = p256.N
    half = (n + 1) // 2
    for d in (1, n - 1, 2, n - 2, half, 3, 1 << 225, n - 5):
        public = p256.public_key(d)
        for h in (0, 1, n - 1, D):
            for k in (1, n - 1, half):
                r, k_inv = p256.nonce_point(k)
                if (h + r * d) % n == 0:
                    continue
                signature = p256.sign_with(d, h, k_inv, r)
                assert p256_point.verify(public, h.to_bytes(32, "big"), signature), (d, h, k)
                wrong = (h + 1) % n
                assert not p256_point.verify(public, wrong.to_bytes(32, "big"), signature), (d, h, k)


def test_sum_at_infinity_is_refused():
    """u G + v Q = O needs h = -r d: whatever s, no signature."""
    r = int.from_bytes(SIGNATURE[:32], "big")
    h = -r * D % p256.N
    for s in (1, 2, 77, p256.N - 1):
        assert not p256_point.verify(PUBLIC, h.to_bytes(32, "big"), both(r, s))


def test_x_between_n_and_p():
    """A point with x >= n gives r = x - n; x itself is no valid r, and the comparison has to be modulo n."""
    n = p256.N
    x = n
    while curve.y_of(x) is None:
        x += 1
    assert x < p256.P
    r, s, h = x - n, 0x1234567, 99
    point = (x, curve.y_of(x))
    # Q = r^-1 (s R - h G)
    q = curve.add(curve.times(s, point), curve.times(n - h, curve.G))
    q = curve.times(curve.inverse(r, n), q)
    assert p256_point.verify(curve.raw(q), h.to_bytes(32, "big"), both(r, s))
    assert not p256_point.verify(curve.raw(q), h.to_bytes(32, "big"), both(x, s))
    assert not p256_point.verify(curve.raw(q), h.to_bytes(32, "big"), both(r + 1, s))
    # A small r whose r + n is below p, but whose point has x = r: the first comparison alone decides.
    x = 5
    q = curve.add(curve.times(s, (x, curve.y_of(x))), curve.times(n - h, curve.G))
    q = curve.times(curve.inverse(x, n), q)
    assert p256_point.verify(curve.raw(q), h.to_bytes(32, "big"), both(x, s))


def test_signature_of_65_or_63_bytes_with_the_same_numbers():
    """A leading zero more or less changes no number; a signature has 64 bytes all the same."""
    assert not p256_point.verify(PUBLIC, DIGEST, SIGNATURE[:32] + b"\0" + SIGNATURE[32:])
    r, k_inv = p256.nonce_point(D ^ 99)
    for h in range(5000):
        signature = p256.sign_with(D, h, k_inv, r)
        if not signature[32]:
            break
    digest = h.to_bytes(32, "big")
    assert p256_point.verify(PUBLIC, digest, signature)
    assert not p256_point.verify(PUBLIC, digest, signature[:32] + signature[33:])


def test_small_and_zero_multiples_of_both_points():
    """u or v of a few bits only: fewer doublings for the key than the comb has columns."""
    n = p256.N
    k = 0xABCDEF
    r, _ = p256.nonce_point(k)
    for v in (1, 2, 3, 0x7FFF, 0x8000, n - 1):
        s = r * curve.inverse(v, n) % n
        h = (s * k - r * D) % n
        assert p256_point.verify(PUBLIC, h.to_bytes(32, "big"), both(r, s)), v
        assert not p256_point.verify(PUBLIC, (h ^ 1).to_bytes(32, "big"), both(r, s)), v


def affine(point):
    return p256._affine(point, 3) if point[2] else None


def test_additions_of_points_that_are_equal_opposite_or_infinity():
    infinity = (0, 0, 0, 0)
    five = curve.times(5, curve.G)
    z = 7  # not 1, as in the middle of a computation
    scaled = (five[0] * z**2 % p256.P, five[1] * z**3 % p256.P, z**2, z**3)
    assert affine(scaled) == five
    assert affine(p256._add(*infinity, *five)) == five
    assert affine(p256._add(*infinity, five[0], -five[1])) == curve.negative(five)
    assert affine(p256._add(*scaled, *five)) == curve.times(10, curve.G) == affine(p256._double(*scaled))
    assert p256._add(*scaled, *curve.negative(five)) == infinity
    assert p256._add(*scaled, five[0], -five[1]) == infinity
    assert affine(p256._add(*scaled, *curve.G)) == curve.times(6, curve.G)
    assert p256._double(*infinity) == infinity


def test_inverse_of_everything_small_and_large():
    for modulus in (p256.P, p256.N):
        for a in (1, 2, 3, modulus - 1, modulus - 2, modulus // 2, 1 << 255, D):
            assert p256._invert(a, modulus) * a % modulus == 1
        assert p256._invert(-5, modulus) * -5 % modulus == 1
