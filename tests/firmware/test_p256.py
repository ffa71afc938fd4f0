# runs on: both
"""P-256's keys and signatures against RFC 6979, a schoolbook's arithmetic, and awkward values."""

import hashlib

from firmware import p256, p256_point
from firmware.p256_table import TABLE
from protocol.errors import Misuse
from tests.firmware import comb_table, curve
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
    assert TABLE == comb_table.data()


def test_the_file_of_the_table_is_as_its_maker_writes_it():
    with open(comb_table.PATH) as file:
        text = file.read()
    assert comb_table.source(text, TABLE) == text


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


def test_one_inversion_for_many_nonces():
    ks = edge_scalars()[:9] + [D]
    points = p256.nonce_points(ks, [p256.half_point(k) for k in ks])
    assert points == [p256.nonce_point(k) for k in ks]
    calls = []
    real = p256.invert
    p256.invert = lambda a, modulus: calls.append(modulus) or real(a, modulus)
    try:
        p256.nonce_points(ks, [p256.half_point(k) for k in ks])
    finally:
        p256.invert = real
    assert sorted(calls) == sorted((p256.P, p256.N))


def test_what_is_inverted_is_masked():
    """Euclid's time depends on what it gets: that may be neither a nonce nor the Z of its point."""
    seen = []
    real = p256.invert
    p256.invert = lambda a, modulus: seen.append(a) or real(a, modulus)
    try:
        p256.nonce_point(D)
        p256.public_key(D)
    finally:
        p256.invert = real
    x, zz = p256.half_point(D)
    assert len(seen) == 3 and D not in seen and zz not in seen


def test_scalar_out_of_range_is_refused():
    for k in (0, p256.N, p256.N + 1, -1, (1 << 256) - 1):
        with raises(Misuse):
            p256.nonce_point(k)
        with raises(Misuse):
            p256.public_key(k)
        with raises(Misuse):
            p256.half_point(k)
        with raises(Misuse):
            p256.sign_with(k, 1, 1, 1)


def test_sign_refuses_a_zero():
    r, k_inv = p256.nonce_point(7)
    with raises(Misuse):
        p256.sign_with(D, -r * D % p256.N, k_inv, r)  # s would be 0
    with raises(Misuse):
        p256.sign_with(D, DIGEST, k_inv, 0)


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


def affine(x, y, zz, zzz):
    if not zz:
        return None
    return x * curve.inverse(zz, p256.P) % p256.P, y * curve.inverse(zzz, p256.P) % p256.P


def test_additions_of_points_that_are_equal_opposite_or_infinity():
    infinity = (0, 0, 0, 0)
    five = curve.times(5, curve.G)
    ten = curve.times(10, curve.G)
    eleven = curve.add(ten, curve.G)
    z = 7  # not 1, as in the middle of a computation
    scaled = (five[0] * z**2 % p256.P, five[1] * z**3 % p256.P, z**2, z**3)

    def horner(point, *columns):
        return affine(*p256.horner(*point, columns))

    assert horner(scaled) == five and horner(scaled, ()) == ten
    assert horner(infinity, ()) is None
    assert horner(infinity, (five,)) == five
    assert horner(infinity, ((five[0], -five[1]),)) == curve.negative(five)
    assert horner(scaled, (curve.G,)) == eleven
    assert horner(scaled, (ten,)) == curve.times(20, curve.G)
    assert horner(scaled, (curve.negative(ten),)) is None
    assert horner(scaled, ((ten[0], -ten[1]), curve.G)) == curve.G
    assert horner(scaled, ((ten[0], -ten[1]),), (ten,)) == ten


def test_inverse_of_everything_small_and_large():
    for modulus in (p256.P, p256.N):
        values = [1, 2, 3, modulus - 1, modulus - 2, modulus // 2, 1 << 255, D]
        for a in values:
            assert p256.invert(a, modulus) * a % modulus == 1
        assert p256.invert(-5, modulus) * -5 % modulus == 1
        for blind in (1, 2, D):
            inverses = p256.invert_all(values, modulus, blind)
            assert [inverses[i] * values[i] % modulus for i in range(len(values))] == [1] * len(values)


def test_the_mask_is_secret_never_zero_and_below_both_moduli():
    masks = [p256.mask(k) for k in edge_scalars()]
    assert all([0 < m < p256.N and m & 1 for m in masks]) and len(set(masks)) == len(set(edge_scalars()))
