"""Multiples of points other than the base point, over P-256: verification and ECDH. Loaded when needed.

Between additions there are many doublings, so points are Jacobian here, (X, Y, Z) with x = X/Z^2 and
y = Y/Z^3: the coordinates with the cheapest doubling (dbl-2001-b and madd of the Explicit-Formulas
Database, a = -3).

Verification handles public values only and makes no effort to hide them. `shared_secret` does the same
operations on the curve in the same order for every private key: the digits are all odd, none is skipped,
their sign is a multiplication, and what is inverted is masked. (But for the keys 2 and n - 2, whose last
summand equals the sum and is doubled instead.) What is not protected is told in `p256`: above all, an
entry of the table is chosen by a secret index, and big integers take a time that depends on their
leading zeros.
"""

from firmware import p256
from firmware.p256 import SPAN, B, N, P
from firmware.p256_table import COLUMNS, ODD, TABLE
from protocol.compat import const
from protocol.errors import Malformed, Misuse

_WINDOW = const(4)
_WINDOWS = const(64)
_PIECE = const(8)  # windows between two yields: half a millisecond on a PC, some 25 on a small chip
_LOW = const(0xFFFFF)  # small integers everywhere; nine zeros and a digit of 11 bits fit in
_ZEROS = const(9)
_PREPARED = const(2048)  # 32 points


def verify(public, h, signature):
    """Say whether `signature` (r || s) by the key `public` (X || Y) fits the digest h.

    False for any signature out of range or of another length than 64, and for a public key that
    is not a point of the curve with reduced coordinates. A high s is valid (FIPS 186-5 has no rule).
    """
    if not p256.valid_public(public):
        return False
    x = int.from_bytes(public[:32], "big")
    return _fits(h, signature, _with_key, x, int.from_bytes(public[32:], "big"))


def verify_with(table, h, signature):
    """`verify`, in less than half the time, with what `prepared` returned for the public key."""
    if len(table) != _PREPARED:
        raise Misuse("p256: table of %d bytes" % len(table))
    return _fits(h, signature, _with_table, table, None)


def prepared(public):
    """2 KB for `verify_with`; to make it takes as long as one verification. Raises Malformed for no point.

    Entry i is the sum over the teeth t = 0..5 of s * 2^(45 t) * Q, with the signs s of `p256_table`.
    """
    if not p256.valid_public(public):
        raise Malformed("p256: public key is not a point of the curve")
    table = bytearray(_PREPARED)  # while there is a piece as large as that
    point = int.from_bytes(public[:32], "big"), 2 * int.from_bytes(public[32:], "big"), 1
    teeth = [point]
    for _ in range(5):
        point = _double(*point, SPAN)
        teeth.append(point)
    teeth = _affine(teeth)
    x, w = teeth.pop()
    sums = [(x, w, 1)]
    for x, w in teeth:
        sums = [_add(*point, x, -w) for point in sums] + [_add(*point, x, w) for point in sums]
    half = (P + 1) >> 1
    at = _PREPARED
    while sums:
        points = _affine(sums[-8:])  # an inversion for eight: for all of them it would take 20 KB at once
        del sums[-8:]
        while points:
            x, w = points.pop()
            at -= 64
            table[at : at + 64] = x.to_bytes(32, "big") + (w * half % P).to_bytes(32, "big")
    return table


def shared_secret(d, x):
    """Generator: yields None after each piece of work, and last the x coordinate of d X, 32 bytes.

    d: the private key. x: 32 bytes, the x coordinate of X (either y gives the same result). Raises
    Malformed if x is not reduced or belongs to no point of the curve. `for secret in shared_secret(d, x)`
    leaves the result in `secret`.
    """
    d = p256.scalar(d)
    x, y = _point_with(x)
    yield None
    odd = _odd_multiples(x, y)
    # n - d gives the same x coordinate, and one of the two is odd.
    k = d + (N - 2 * d) * (1 - (d & 1))
    # Bit i stands for +2^i if set, else for -2^i: so every window is an odd digit, 2 w - 15.
    k = k >> 1 | 1 << (_WINDOW * _WINDOWS - 1)
    x, w = odd[(k >> 252) - 8]
    z = 1
    for top in range(_WINDOWS - 1, 0, -_PIECE):
        yield None
        x, w, z = _horner(x, w, z, _windows(k, odd, top))
    yield None
    z = p256.invert_all([z], P, p256.mask(d))[0]
    yield (x * (z * z % P) % P).to_bytes(32, "big")


def _windows(k, odd, top):
    for i in range(top - 1, max(top - _PIECE, 0) - 1, -1):
        w = k >> (_WINDOW * i) & 15
        sign = w >> 3
        x, y2 = odd[(w ^ 7 * (1 - sign)) & 7]
        yield _WINDOW, x, y2 * (2 * sign - 1)


def _point_with(x):
    if len(x) != 32:
        raise Malformed("p256: x coordinate of %d bytes" % len(x))
    x = int.from_bytes(x, "big")
    square = (x * x - 3) * x + B
    y = pow(square % P, (P + 1) >> 2, P)  # p is 3 mod 4: a square root, if there is one
    if x >= P or (y * y - square) % P:
        raise Malformed("p256: x coordinate of no point")
    return x, y


def _fits(h, signature, columns, a, b):
    if len(signature) != 64:
        return False
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:], "big")
    if not 0 < r < N or not 0 < s < N:
        return False
    w = p256.invert(s, N)
    x, zz = columns(p256.integer(h) * w % N, r * w % N, a, b)
    if not zz:
        return False
    # x mod n == r without an inversion: x is r or, if that is below p, r + n.
    return (r * zz - x) % P == 0 or (r + N < P and ((r + N) * zz - x) % P == 0)


def _with_key(u, v, x, y):
    """X and ZZ of u G + v Q: signed windows of 10 or 11 bits for G, of 5 for Q, which share the doublings."""
    if v > N >> 1:
        u, v = -u % N, N - v  # the opposite point: the same x, and a doubling less
    steps = _digits(u, 11, 767, 1) + _digits(v, 5, 15, 0)
    steps.sort(reverse=True)
    x, _, z = _horner(0, 0, 0, _terms(steps, _odd_multiples(x, y)))
    return x, z * z % P


def _terms(steps, odd):
    number, table = int.from_bytes, TABLE
    above = steps[0] >> 11  # what is doubled before is infinity
    for step in steps:
        if step & 1:
            at = ODD + ((step & 2044) << 4)
            x, w = number(table[at : at + 32], "big"), number(table[at + 32 : at + 64], "big")
        else:
            x, w = odd[(step & 2044) >> 2]
        place = step >> 11
        yield above - place, x, -w if step & 2 else w
        above = place
    yield above, None, None


def _with_table(u, v, table, _):
    """The same, with a comb of one block for Q: 45 columns, the last 15 together with those of G."""
    x, _, zz, _ = p256.horner(0, 0, 0, 0, _both_combs(p256.rows_of(u), p256.rows_of(v), table))
    return x, zz


def _both_combs(rows, key_rows, table):
    for block in (2, 1, 0):
        for column in range(COLUMNS - 1, -1, -1):
            points = [p256.entry(table, 0, key_rows[block], column)]
            yield points if block else points + p256.base_column(rows, column)


def _horner(x, w, z, terms):
    """For each (times, x2, w2): double the point so often, then add the affine point, unless x2 is None.

    Infinity is (0, 0, 0). No point of the curve has y = 0.
    """
    p = P
    for times, x2, w2 in terms:
        for _ in range(times):
            d = z * z % p
            z = w * z % p
            w = w * w % p
            s = x * w % p
            m = 3 * (x - d) * (x + d) % p
            x = (m * m - s - s) % p
            s -= x
            w = (m * (s + s) - w * w) % p
        if x2 is None:
            continue
        d = z * z % p
        h = (x2 * d - x) % p
        r = (w2 * (z * d % p) - w) % p
        if not h:  # equal, opposite or infinity
            if not z:
                x, w, z = x2, w2, 1
            elif r:
                x = w = z = 0
            else:
                x, w, z = _double(x, w, z, 1)
            continue
        d = h + h
        z = z * d % p
        d = d * d % p
        s = x * d % p
        d = h * d % p
        x = (r * r - d - s - s) % p
        w = 2 * (r * (s - x) - w * d) % p
    return x, w, z


def _double(x, w, z, times):
    return _horner(x, w, z, ((times, None, None),))


def _add(x, w, z, x2, w2):
    return _horner(x, w, z, ((0, x2, w2),))


def _odd_multiples(x, y):
    """[(x, 2y)] of Q, 3Q, .. 15Q for a public Q = (x, y).

    2Q and the last multiple are kept with one common Z (zaddu of the Explicit-Formulas Database), at first on
    the isomorphic curve where the Z of 2Q is 1; `factors` are what Z grows by.
    """
    p = P
    w = 2 * y
    x2, w2, z = _double(x, w, 1, 1)
    odd, factors = [(x, w)], [z]
    d = z * z % p
    x, w = x * d % p, w * (z * d % p) % p
    for _ in range(7):
        h = 2 * (x - x2)
        r = w - w2
        d = h * h % p
        s = x * d
        x2 = x2 * d % p
        d = w2 * (s - x2) % p
        x = (r * r - x2 - s) % p
        w = 2 * (r * (x2 - x) - d) % p
        w2 = 2 * d
        odd.append((x, w))
        factors.append(h)
    z = 1
    for h in factors:
        z = z * h % p
    z = p256.invert(z, p)
    for i in range(7, 0, -1):
        x, w = odd[i]
        d = z * z % p
        odd[i] = x * d % p, w * (z * d % p) % p
        z = z * factors[i] % p
    return odd


def _affine(points):
    """(x, 2y) of each, with one inversion for all. Public values only."""
    inverses = p256.invert_all([z for _, _, z in points], P, 1)
    result = []
    for i in range(len(points)):
        x, w, _ = points[i]
        one = inverses[i]
        square = one * one % P
        result.append((x * square % P, w * (square * one % P) % P))
    return result


def _digits(v, width, most, mark):
    """v as a sum of digit 2^place; digits are odd and at most `most` in size.

    The next one is `width` places above, or one less where a digit of that width would be beyond `most`. A
    list of small integers, which sort by place: place << 11 | size >> 1 << 2 | negative << 1 | mark.
    """
    digits = []
    place = 0
    while v:
        low = v & _LOW
        zeros = 0
        while not low & 1 and zeros < _ZEROS:
            low >>= 1
            zeros += 1
        v >>= zeros
        place += zeros
        if not low & 1:
            continue
        shift = width
        size = low & (1 << shift) - 1
        if most < size < (1 << shift) - most:
            shift -= 1
            size &= (1 << shift) - 1
        v >>= shift
        negative = size >> (shift - 1)
        if negative:
            size = (1 << shift) - size
            v += 1
        digits.append(place << 11 | size >> 1 << 2 | negative << 1 | mark)
        place += shift
    return digits
