# runs on: both
"""ECDH: both sides agree, a schoolbook agrees, and what is no point of the curve is refused."""

from firmware import p256, p256_point
from protocol.errors import Malformed, Misuse
from tests.firmware import curve
from tests.firmware.test_p256 import D, edge_scalars
from tests.portable import raises

# RFC 9529, chapter 3: method 3, suite 2. X, G_Y's x coordinate, and G_XY.
X = "368EC1F69AEB659BA37D5A8D45B21BDC0299DCEAA8EF235F3CA42CE3530F9525"
G_Y = "419701D7F00A26C2DC587A36DD752549F33763C893422C8EA0F955A13A4FF5D5"
G_XY = "2F0CB7E860BA538FBF5C8BDED009F6259B4B628FE1EB7DBE9378E5ECF7A824BA"


def agreed(d, x):
    """The secret; None was given before it, and nothing after."""
    pieces = list(p256_point.shared_secret(d, x))
    assert len(pieces) > 8 and pieces[:-1] == [None] * (len(pieces) - 1)
    return pieces[-1]


def raw(number):
    return number.to_bytes(32, "big")


def test_rfc9529_ephemeral_keys():
    assert agreed(bytes.fromhex(X), bytes.fromhex(G_Y)) == bytes.fromhex(G_XY)
    assert agreed(int(X, 16), bytes.fromhex(G_Y)) == bytes.fromhex(G_XY)


def test_both_sides_agree_and_so_does_the_schoolbook():
    for mine in edge_scalars()[::3] + [p256.N - 1, p256.N - 2, D]:
        theirs = (mine * D + 12345) % p256.N
        secret = agreed(mine, p256.public_key(theirs)[:32])
        assert secret == agreed(theirs, p256.public_key(mine)[:32])
        assert secret == raw(curve.times(mine * theirs % p256.N, curve.G)[0]), mine


def test_every_scalar_of_the_edges():
    x = raw(curve.times(D, curve.G)[0])
    for d in edge_scalars():
        assert agreed(d, x) == p256.public_key(d * D % p256.N)[:32], d


def test_points_of_small_multiples_and_the_key_that_meets_its_summand():
    # With n - 2 the last summand equals the sum: a doubling in the addition's place.
    for k in (1, 2, 3, 7, 8, 15, 16, 17, p256.N - 1, (p256.N + 1) // 2):
        x = raw(curve.times(k, curve.G)[0])
        for d in (1, 2, 3, p256.N - 2, p256.N - 1, D):
            assert agreed(d, x) == p256.public_key(d * k % p256.N)[:32], (k, d)


def test_the_points_with_the_smallest_and_the_largest_x():
    for x in (0, 5, p256.P - 3):
        assert curve.y_of(x) is not None, x
        y = curve.y_of(x)
        assert agreed(D, raw(x)) == raw(curve.times(D, (x, y))[0])
        assert agreed(D, raw(x)) == raw(curve.times(D, (x, p256.P - y))[0])


def refused(x):
    pieces = p256_point.shared_secret(D, x)
    with raises(Malformed):
        next(pieces)


def test_x_of_no_point_is_refused():
    count = 0
    for x in list(range(40)) + [p256.P - 1, p256.P - 2, D]:
        if curve.y_of(x) is None:
            count += 1
            refused(raw(x))
    assert count > 10


def test_x_that_is_not_reduced_is_refused():
    for x in (0, 5, 6, 8):
        assert curve.y_of(x) is not None, x
        refused(raw(x + p256.P))
    refused(b"\xff" * 32)


def test_x_of_another_length_is_refused():
    x = p256.public_key(5)
    for wrong in (b"", x[:31], x[:32] + b"\0", b"\0" + x[:32], x, b"\4" + x):
        refused(wrong)


def test_private_key_out_of_range_is_misuse():
    x = p256.public_key(5)[:32]
    for d in (0, p256.N, -1, bytes(32), b"\xff" * 32):
        with raises(Misuse):
            next(p256_point.shared_secret(d, x))


def test_what_is_inverted_at_the_end_is_masked():
    """Euclid's time depends on what it gets: not on Z, which depends on the private key alone."""
    x = p256.public_key(5)[:32]
    seen = []
    invert, mask = p256.invert, p256.mask
    p256.invert = lambda a, modulus: seen.append(a) or invert(a, modulus)
    try:
        secret = agreed(D, x)
        p256.mask = lambda secret: 1
        assert agreed(D, x) == secret
    finally:
        p256.invert, p256.mask = invert, mask
    assert len(seen) == 4 and seen[0] == seen[2] and seen[1] != seen[3]
