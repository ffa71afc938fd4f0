"""ECDSA over P-256 (FIPS 186-5, SEC 1) in pure MicroPython: keys, nonce points, signatures, verification.

Multiples of the base point use a signed comb: 6 teeth, 3 blocks of 15 columns (14 doublings and 44
mixed additions), over the 6 KB table of `p256_table`, which stays in ROM. Points are (X, Y, ZZ, ZZZ)
with x = X/ZZ, y = Y/ZZZ and ZZ^3 = ZZZ^2; the formulas are madd-2008-s and dbl-2008-s-1 of the
Explicit-Formulas Database, with a = -3. `%` is most of the cost, so sums are reduced with the
product that follows them.

What is protected against a side channel: the sequence of curve operations is the same for every
scalar (all comb digits are odd, none is skipped; the sign is a multiplication, not a branch), and what
is inverted is first multiplied by a mask, as Euclid's running time depends on its input.
What is NOT protected: MicroPython's big integers take a time that depends on leading zeros, the
comb's table index depends on the scalar (a cache or flash cache can show it), the temporaries of a
computation stay on the heap until they are overwritten, and nothing here withstands probes of power
or radiation, or faults. Against those a secure element belongs behind `signer.Signer`'s interface.
Verification handles public values only and makes no such effort.
"""

import hashlib

from firmware.p256_table import COLUMNS, TABLE, TEETH
from protocol.errors import Misuse

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B

_BLOCKS = 3
_SPAN = COLUMNS * _BLOCKS  # distance of two teeth
_BITS = _SPAN * TEETH
_ENTRIES = 1 << (TEETH - 1)
_ROW = (1 << COLUMNS) - 1
assert _BITS > 257 and len(TABLE) == 64 * _BLOCKS * _ENTRIES


def public_key(d):
    """Return X || Y, 64 bytes, of the private key d (an integer or 32 bytes)."""
    d = _scalar(d)
    x, y = _affine(_times_base(d), _mask(d))
    return x.to_bytes(32, "big") + y.to_bytes(32, "big")


def nonce_point(k):
    """Return (r, k^-1 mod n) for the secret nonce k: all of a signature that needs no message.

    r may be 0 in theory; then this k cannot be used.
    """
    k = _scalar(k)
    mask = _mask(k)
    x, _ = _affine(_times_base(k), mask)
    return x % N, _invert(k * mask % N, N) * mask % N


def sign_with(d, h, k_inv, r):
    """Return the signature r || s, 64 bytes, of the digest h (32 bytes or an integer).

    Raises Misuse if r or s is 0: then another nonce has to be taken (chance: 2^-255).
    """
    d = _scalar(d)
    s = k_inv * (_integer(h) + r * d) % N
    if not r or not s:
        raise Misuse("p256: nonce gives r or s = 0")
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def verify(public, h, signature):
    """Say whether `signature` (r || s) by the key `public` (X || Y) fits the digest h.

    False for any signature out of range or of another length than 64, and for a public key that
    is not a point of the curve with reduced coordinates. A high s is valid (FIPS 186-5 has no rule).
    """
    if len(signature) != 64 or not valid_public(public):
        return False
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:], "big")
    if not 0 < r < N or not 0 < s < N:
        return False
    w = _invert(s, N)
    point = _times_both(_integer(h) * w % N, public, r * w % N)
    zz = point[2]
    if not zz:
        return False
    # x mod n == r without an inversion: x is r or, if that is below p, r + n.
    return (r * zz - point[0]) % P == 0 or (r + N < P and ((r + N) * zz - point[0]) % P == 0)


def valid_public(public):
    """Say whether X || Y is a point of the curve, its coordinates below p. (It then has order n.)"""
    if len(public) != 64:
        return False
    x = int.from_bytes(public[:32], "big")
    y = int.from_bytes(public[32:], "big")
    return x < P and y < P and (y * y - (x * x - 3) * x - B) % P == 0


def _integer(h):
    return h if isinstance(h, int) else int.from_bytes(h, "big")


def _scalar(d):
    d = _integer(d)
    if not 0 < d < N:
        raise Misuse("p256: scalar out of range")
    return d


def _mask(secret):
    # Any value that an observer cannot know; from the secret, so that it needs no generator.
    digest = hashlib.sha256(b"mask" + secret.to_bytes(32, "big")).digest()
    return int.from_bytes(digest, "big") >> 1 | 1  # below p and n, and not 0


def _invert(a, modulus):
    """Inverse by Euclid; six times faster here than Fermat's power. (pow(a, -1, m) gives 0.)"""
    u, v = a % modulus, modulus
    x, y = 1, 0
    while u:
        q = v // u
        u, v = v - q * u, u
        x, y = y - q * x, x
    return y % modulus


def _affine(point, mask):
    x, y, zz, zzz = point
    inverse = _invert(zzz * mask % P, P) * mask % P
    z_inverse = zz * inverse % P  # ZZ/ZZZ is 1/Z
    return x * (z_inverse * z_inverse % P) % P, y * inverse % P


def _double(x, y, zz, zzz):
    u = 2 * y
    v = u * u % P
    w = u * v % P
    s = x * v % P
    m = 3 * (x - zz) * (x + zz) % P
    x = (m * m - 2 * s) % P
    return x, (m * (s - x) - w * y) % P, v * zz % P, w * zzz % P


def _add(x, y, zz, zzz, x2, y2):
    """Add the affine (x2, y2). The point at infinity is (0, 0, 0, 0)."""
    p = (x2 * zz - x) % P
    r = (y2 * zzz - y) % P
    if not p:  # equal, opposite or infinity: for a random scalar this never happens
        if not zz:
            return x2, y2 % P, 1, 1
        if r:
            return 0, 0, 0, 0
        return _double(x, y, zz, zzz)
    pp = p * p % P
    ppp = p * pp % P
    q = x * pp % P
    x = (r * r - ppp - 2 * q) % P
    return x, (r * (q - x) - y * ppp) % P, zz * pp % P, zzz * ppp % P


def _rows(k):
    """Recode k as odd digits: bit i stands for +2^i if set, else for -2^i; cut into rows of 15 bits.

    Row 6 b + t holds tooth t of block b. An even k becomes k + n, which is odd and the same multiple.
    """
    k += N * (1 - (k & 1))
    k = k >> 1 | 1 << (_BITS - 1)
    rows = []
    for block in range(_BLOCKS):
        for tooth in range(TEETH):
            rows.append(k >> (tooth * _SPAN + block * COLUMNS) & _ROW)
    return rows


def _comb_column(rows, column, point):
    """Add the entries of one column of all blocks."""
    x, y, zz, zzz = point
    for block in range(_BLOCKS):
        a, b, c, d, e, f = rows[6 * block : 6 * block + 6]
        sign = f >> column & 1
        index = (
            (a >> column & 1)
            | (b >> column & 1) << 1
            | (c >> column & 1) << 2
            | (d >> column & 1) << 3
            | (e >> column & 1) << 4
        )
        # The table holds the entries whose highest tooth is +; the others are their opposites.
        index ^= (_ENTRIES - 1) * (1 - sign)
        at = 64 * (block * _ENTRIES + index)
        x2 = int.from_bytes(TABLE[at : at + 32], "big")
        y2 = int.from_bytes(TABLE[at + 32 : at + 64], "big") * (2 * sign - 1)
        x, y, zz, zzz = _add(x, y, zz, zzz, x2, y2)
    return x, y, zz, zzz


def _times_base(k):
    rows = _rows(k)
    point = (0, 0, 0, 0)
    for column in range(COLUMNS - 1, -1, -1):
        point = _comb_column(rows, column, _double(*point))
    return point


def _times_both(u, public, v):
    """u G + v Q: a window of 4 bits for Q; the comb joins in its last doublings."""
    rows = _rows(u)
    x = int.from_bytes(public[:32], "big")
    y = int.from_bytes(public[32:], "big")
    odd = _odd_multiples(x, y)
    digits = _naf(v)
    point = (0, 0, 0, 0)
    for i in range(len(digits) - 1, -1, -1):
        point = _double(*point)
        digit = digits[i]
        if digit > 0:
            point = _add(*point, *odd[digit >> 1])
        elif digit:
            x, y = odd[-digit >> 1]
            point = _add(*point, x, -y)
        if i < COLUMNS:
            point = _comb_column(rows, i, point)
    return point


def _odd_multiples(x, y):
    """Affine Q, 3Q, .. 15Q, with one inversion for all."""
    points = [(x, y, 1, 1)]
    double_x, double_y = _affine(_double(x, y, 1, 1), 1)
    for _ in range(7):
        points.append(_add(*points[-1], double_x, double_y))
    products = [1]
    for point in points:
        products.append(products[-1] * point[3] % P)
    inverse = _invert(products[-1], P)
    odd = []
    for i in range(7, -1, -1):
        x, y, zz, zzz = points[i]
        one = inverse * products[i] % P
        inverse = inverse * zzz % P
        z_inverse = zz * one % P
        odd.append((x * (z_inverse * z_inverse % P) % P, y * one % P))
    odd.reverse()
    return odd


def _naf(v):
    """Signed odd digits below 16 in size, lowest first; at least COLUMNS of them, for the comb."""
    digits = []
    while v:
        if v & 1:
            digit = v & 31
            if digit > 15:
                digit -= 32
            v -= digit
        else:
            digit = 0
        digits.append(digit)
        v >>= 1
    while len(digits) < COLUMNS:
        digits.append(0)
    return digits
