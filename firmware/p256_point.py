"""Multiples of points other than the base point, over P-256: ECDH. Loaded when it is needed.

Points are Jacobian, (X, Y, Z) with x = X/Z^2 and y = Y/Z^3: of the usual coordinates the ones with the cheapest
doubling (dbl-2001-b and madd of the Explicit-Formulas Database, a = -3).

What is protected, and what is not, is the same as in `p256`: `shared_secret` does the same operations on the
curve in the same order for every private key; the digits are all odd, none is skipped, their sign is a
multiplication. The one exception is a summand that equals the sum, which one key in 2^250 meets. An entry of
the table is chosen by a secret index, and big integers take a time that depends on their leading zeros.
"""

from firmware.p256 import B, N, P, _invert, _mask, _scalar
from protocol.errors import Malformed

_WINDOW = 4
_WINDOWS = 64
_PIECE = 8  # windows between two yields: half a millisecond on a PC, some 25 on a small chip


def shared_secret(d, x):
    """Generator: yields None after each piece of work, and last the x coordinate of d X, 32 bytes.

    d: the private key. x: 32 bytes, the x coordinate of X (either y gives the same result). Raises
    Malformed if x is not reduced or belongs to no point of the curve. `for secret in shared_secret(d, x)`
    leaves the result in `secret`.
    """
    d = _scalar(d)
    x, y = _point_with(x)
    yield None
    odd = _odd_multiples(x, y)
    # n - d gives the same x coordinate, and one of the two is odd.
    k = d + (N - 2 * d) * (1 - (d & 1))
    # Bit i stands for +2^i if set, else for -2^i: so every window is an odd digit, 2 w - 15.
    k = k >> 1 | 1 << (_WINDOW * _WINDOWS - 1)
    x, y = odd[(k >> 252) - 8]
    z = 1
    for i in range(_WINDOWS - 2, -1, -1):
        if i % _PIECE == 0:
            yield None
        w = k >> (_WINDOW * i) & 15
        sign = w >> 3
        x2, y2 = odd[(w ^ 7 * (1 - sign)) & 7]
        x, y, z = _add(*_double(x, y, z, _WINDOW), x2, y2 * (2 * sign - 1))
    yield None
    mask = _mask(d)
    z = _invert(z * mask % P, P) * mask % P
    yield (x * (z * z % P) % P).to_bytes(32, "big")


def _point_with(x):
    if len(x) != 32:
        raise Malformed("p256: x coordinate of %d bytes" % len(x))
    x = int.from_bytes(x, "big")
    square = (x * x - 3) * x + B
    y = pow(square % P, (P + 1) >> 2, P)  # p is 3 mod 4: a square root, if there is one
    if x >= P or (y * y - square) % P:
        raise Malformed("p256: x coordinate of no point")
    return x, y


def _double(x, y, z, times):
    """2^times (X, Y, Z). No point of the curve has y = 0, and infinity stays infinity."""
    p = P
    for _ in range(times):
        d = z * z % p
        z = 2 * y * z % p
        y = y * y % p
        s = 4 * x * y % p
        m = 3 * (x - d) * (x + d) % p
        x = (m * m - 2 * s) % p
        y = (m * (s - x) - 8 * y * y) % p
    return x, y, z


def _add(x, y, z, x2, y2):
    """(X, Y, Z) and the affine (x2, y2). Infinity is any point with Z = 0."""
    p = P
    zz = z * z % p
    h = (x2 * zz - x) % p
    r = (y2 * (z * zz % p) - y) % p
    if not h:  # equal, opposite or infinity
        if not z:
            return x2, y2 % p, 1
        if r:
            return 1, 1, 0
        return _double(x, y, z, 1)
    hh = h * h % p
    q = x * hh % p
    hhh = h * hh % p
    x = (r * r - hhh - 2 * q) % p
    return x, (r * (q - x) - y * hhh) % p, z * h % p


def _odd_multiples(x, y):
    """Affine Q, 3Q, .. 15Q of a public point."""
    double = _affine([_double(x, y, 1, 1)])[0]
    points = [(x, y, 1)]
    for _ in range(7):
        points.append(_add(*points[-1], *double))
    return _affine(points)


def _affine(points):
    """(x, y) of each, with one inversion for all. Public values only."""
    products = [1]
    for point in points:
        products.append(products[-1] * point[2] % P)
    inverse = _invert(products.pop(), P)
    result = []
    while points:
        x, y, z = points.pop()
        one = inverse * products.pop() % P
        inverse = inverse * z % P
        square = one * one % P
        result.append((x * square % P, y * (square * one % P) % P))
    result.reverse()
    return result
