# runs on: both
"""Verification: ranges, edges, keys and scalars for which points meet; with and without a prepared table."""

import hashlib

from firmware import p256, p256_point
from protocol.errors import Malformed, Misuse
from tests.firmware import curve
from tests.firmware.test_p256 import DIGEST, PUBLIC, RFC6979, SIGNATURE, D, both, edge_scalars, sign
from tests.portable import raises

_tables = {}


def verify(public, digest, signature):
    """Both ways, which have to agree."""
    holds = p256_point.verify(public, digest, signature)
    if public not in _tables:
        if len(_tables) > 20:
            _tables.clear()
        _tables[public] = p256_point.prepared(public)
    assert p256_point.verify_with(_tables[public], digest, signature) is holds
    return holds


def test_rfc6979_signatures_hold():
    for message, _, signature in RFC6979:
        assert verify(PUBLIC, hashlib.sha256(message).digest(), bytes.fromhex(signature))


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


def test_x_that_only_fits_when_taken_modulo_both_primes_is_refused():
    """For r = x + p - n, r + n is x again modulo p; but r is not x modulo n."""
    n = p256.N
    point = (5, curve.y_of(5))
    u, v = 77, 78
    q = curve.times(curve.inverse(v, n), curve.add(point, curve.negative(curve.times(u, curve.G))))
    for r, holds in ((5, True), (5 + p256.P - n, False)):
        s = r * curve.inverse(v, n) % n
        assert verify(curve.raw(q), (u * s % n).to_bytes(32, "big"), both(r, s)) is holds


def signed_backwards(u, v, q):
    """(digest, signature) for a key whose private half nobody has: R = u G + v Q, s = r/v, h = u s."""
    point = curve.times(v, q)
    if u:
        point = curve.add(curve.times(u, curve.G), point)
    r = point[0] % p256.N
    s = r * curve.inverse(v, p256.N) % p256.N
    return (u * s % p256.N).to_bytes(32, "big"), both(r, s)


def test_a_key_that_is_not_reduced_or_not_on_the_curve_is_refused_although_the_sum_fits():
    q = (5, curve.y_of(5))
    digest, signature = signed_backwards(77, 78, q)
    assert verify(curve.raw(q), digest, signature)
    assert not p256_point.verify(both(5 + p256.P, q[1]), digest, signature)
    # The formulas know nothing of B: every point lies on some curve, and there the sum is right.
    q = (5, q[1] + 1)
    digest, signature = signed_backwards(0, 78, q)
    x, zz = p256_point._with_key(0, 78, *q)
    assert (int.from_bytes(signature[:32], "big") * zz - x) % p256.P == 0
    assert not p256_point.verify(curve.raw(q), digest, signature)


def test_joint_multiples_at_the_edges():
    """u G + v Q against the comb: digits at both ends, Q = G and -G, u = v, u = -v, u = 0."""
    n = p256.N
    scalars = [1, 2, 3, 767, 768, 769, 1 << 255, (1 << 255) - 1, n - 1, n - 2, (1 << 256) % n]
    for key in (1, n - 1, 2, n - 3, 15, (n + 1) // 2, D):
        public = p256.public_key(key)
        x, y = int.from_bytes(public[:32], "big"), int.from_bytes(public[32:], "big")
        table = p256_point.prepared(public)
        for i in range(len(scalars)):
            v = scalars[i]
            for u in (0, v, n - v, -v * key % n, scalars[i - 3]):
                total = (u + v * key) % n
                for x3, zz in (p256_point._with_key(u, v, x, y), p256_point._with_table(u, v, table, None)):
                    if not total:
                        assert not zz, (key, u, v)
                    else:
                        expected = int.from_bytes(p256.public_key(total)[:32], "big")
                        assert zz and (expected * zz - x3) % p256.P == 0, (key, u, v)


def test_digits_add_up():
    for v in [0, D] + edge_scalars():
        for width, most in ((5, 15), (11, 767), (11, 1023), (10, 257)):
            digits = p256_point._digits(v, width, most, 1)
            apart = width if most + 1 == 1 << (width - 1) else width - 1
            total, last = 0, -width
            for digit in digits:
                size = 2 * (digit >> 2 & 511) + 1
                assert digit & 1 and size <= most and (digit >> 11) - last >= apart
                last = digit >> 11
                total += (-size if digit & 2 else size) << last
            assert total == v, (v, width)


def test_odd_multiples_of_a_key():
    for key in (1, 2, p256.N - 1, p256.N // 2, D):
        point = curve.times(key, curve.G)
        odd = p256_point._odd_multiples(*point)
        for i in range(8):
            x, y = curve.times(2 * i + 1, point)
            assert odd[i][0] == x and (odd[i][1] - 2 * y) % p256.P == 0, (key, i)


def test_a_prepared_table_is_what_its_docstring_says():
    teeth = [curve.times(D << 45 * t, curve.G) for t in range(6)]
    table = p256_point.prepared(PUBLIC)
    for i in (0, 1, 10, 21, 30, 31):
        point = teeth[5]
        for t in range(5):
            point = curve.add(point, teeth[t] if i >> t & 1 else curve.negative(teeth[t]))
        assert table[64 * i : 64 * i + 64] == curve.raw(point), i
    assert len(table) == 2048


def test_no_table_for_what_is_no_point_and_no_verification_with_what_is_no_table():
    for public in (bytes(64), PUBLIC[:63], both(curve.G[0], curve.G[1] ^ 1), both(5 + p256.P, curve.y_of(5))):
        with raises(Malformed):
            p256_point.prepared(public)
    with raises(Misuse):
        p256_point.verify_with(bytes(2047), DIGEST, SIGNATURE)
    assert not verify(p256.public_key(D - 1), DIGEST, SIGNATURE)


def jacobian(point):
    x, w, z = point
    if not z:
        return None
    z = curve.inverse(z, p256.P)
    return x * z * z % p256.P, w * z * z * z * curve.inverse(2, p256.P) % p256.P


def test_additions_of_points_that_are_equal_opposite_or_infinity():
    infinity = (0, 0, 0)
    five = curve.times(5, curve.G)
    z = 7
    scaled = (five[0] * z**2 % p256.P, 2 * five[1] * z**3 % p256.P, z)
    add, double = p256_point._add, p256_point._double
    assert jacobian(scaled) == five
    assert jacobian(add(*infinity, five[0], 2 * five[1])) == five
    assert jacobian(add(*infinity, five[0], -2 * five[1])) == curve.negative(five)
    assert (
        jacobian(add(*scaled, five[0], 2 * five[1]))
        == curve.times(10, curve.G)
        == jacobian(double(*scaled, 1))
    )
    assert jacobian(double(*scaled, 9)) == curve.times(5 << 9, curve.G)
    assert add(*scaled, five[0], -2 * five[1]) == infinity == double(*infinity, 3)
    assert jacobian(add(*scaled, curve.G[0], 2 * curve.G[1])) == curve.times(6, curve.G)
