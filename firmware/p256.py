"""ECDSA over P-256 (FIPS 186-5, SEC 1) in pure MicroPython: keys, nonce points, signatures.

Multiples of the base point use a signed comb: 6 teeth, 3 blocks of 15 columns (14 doublings and 44
mixed additions), over the 6 KB table of `p256_table`, which stays in ROM. Points are (X, Y, ZZ, ZZZ)
with x = X/ZZ, y = Y/ZZZ and ZZ^3 = ZZZ^2; the formulas are madd-2008-s and dbl-2008-s-1 of the
Explicit-Formulas Database, with a = -3. `%` is two thirds of the cost, so sums are reduced with the
product that follows them. What was tried besides stands in docs/adr/0010. Verification and ECDH are
in `p256_point`, which is loaded when it is needed.

What is protected against a side channel: the sequence of curve operations is the same for every
scalar (all comb digits are odd, none is skipped; the sign is a multiplication, not a branch), and what
is inverted is first multiplied by a mask, as Euclid's running time depends on its input.
What is NOT protected: MicroPython's big integers take a time that depends on leading zeros, the
comb's table index depends on the scalar (a cache or flash cache can show it), the temporaries of a
computation stay on the heap until they are overwritten, and nothing here withstands probes of power
or radiation, or faults. Against those a secure element belongs behind `signer.Signer`'s interface.
"""

import hashlib

from firmware.p256_table import BLOCKS, COLUMNS, ODD, TABLE, TEETH
from protocol.errors import Misuse

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B

SPAN = COLUMNS * BLOCKS  # distance of two teeth
_BITS = SPAN * TEETH
_ENTRIES = 1 << (TEETH - 1)
_ROW = (1 << COLUMNS) - 1
assert _BITS > 257 and ODD == 64 * BLOCKS * _ENTRIES


def public_key(d):
    """Return X || Y, 64 bytes, of the private key d (an integer or 32 bytes)."""
    d = scalar(d)
    x, y, zz, zzz = _times_base(d)
    inverse = invert_all([zzz], P, mask(d))[0]
    z_inverse = zz * inverse % P  # ZZ/ZZZ is 1/Z
    x = x * (z_inverse * z_inverse % P) % P
    y = y * inverse % P
    return x.to_bytes(32, "big") + y.to_bytes(32, "big")


def half_point(k):
    """Return (X, ZZ) for the secret nonce k: r = X/ZZ mod p mod n, but for the inversion."""
    x, _, zz, _ = _times_base(scalar(k))
    return x, zz


def nonce_points(ks, halves):
    """Return [(r, k^-1 mod n)] for secret nonces and their `half_point`s: one inversion per modulus for all.

    r may be 0 in theory; then this k cannot be used.
    """
    product = 1
    for k in ks:
        product = product * k % N
    blind = mask(product)
    zz_inverses = invert_all([zz for _, zz in halves], P, blind)
    k_inverses = invert_all(ks, N, blind)
    return [(halves[i][0] * zz_inverses[i] % P % N, k_inverses[i]) for i in range(len(ks))]


def nonce_point(k):
    """Return (r, k^-1 mod n) for the secret nonce k: all of a signature that needs no message."""
    k = scalar(k)
    return nonce_points([k], [half_point(k)])[0]


def sign_with(d, h, k_inv, r):
    """Return the signature r || s, 64 bytes, of the digest h (32 bytes or an integer).

    Raises Misuse if r or s is 0: then another nonce has to be taken (chance: 2^-255).
    """
    d = scalar(d)
    s = k_inv * (integer(h) + r * d) % N
    if not r or not s:
        raise Misuse("p256: nonce gives r or s = 0")
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def valid_public(public):
    """Say whether X || Y is a point of the curve, its coordinates below p. (It then has order n.)"""
    if len(public) != 64:
        return False
    x = int.from_bytes(public[:32], "big")
    y = int.from_bytes(public[32:], "big")
    return x < P and y < P and (y * y - (x * x - 3) * x - B) % P == 0


def integer(h):
    return h if isinstance(h, int) else int.from_bytes(h, "big")


def scalar(d):
    """The integer of a private key or nonce. Raises Misuse unless it is in 1 .. n - 1."""
    d = integer(d)
    if not 0 < d < N:
        raise Misuse("p256: scalar out of range")
    return d


def mask(secret):
    """Any value that an observer cannot know; from the secret, so that it needs no generator."""
    digest = hashlib.sha256(b"mask" + secret.to_bytes(32, "big")).digest()
    return int.from_bytes(digest, "big") >> 1 | 1  # below p and n, and not 0


def invert(a, modulus):
    """Inverse by Euclid; six times faster here than Fermat's power. (pow(a, -1, m) gives 0.)"""
    u, v = a % modulus, modulus
    x, y = 1, 0
    while u:
        q = v // u
        u, v = v - q * u, u
        x, y = y - q * x, x
    return y % modulus


def invert_all(values, modulus, blind):
    """The inverse of each, with one inversion for all; what is inverted is first multiplied by `blind`."""
    products = [blind]
    for value in values:
        products.append(products[-1] * value % modulus)
    inverse = invert(products[-1], modulus)
    inverses = [0] * len(values)
    for i in range(len(values) - 1, -1, -1):
        inverses[i] = inverse * products[i] % modulus
        inverse = inverse * values[i] % modulus
    return inverses


def rows_of(k):
    """Recode k as odd digits: bit i stands for +2^i if set, else for -2^i; cut into rows of 15 bits.

    Row t of block b holds the bits of tooth t. An even k becomes k + n, which is odd and the same multiple.
    """
    k += N * (1 - (k & 1))
    k = k >> 1 | 1 << (_BITS - 1)
    return [
        [k >> (tooth * SPAN + block * COLUMNS) & _ROW for tooth in range(TEETH)] for block in range(BLOCKS)
    ]


def entry(table, start, rows, column):
    """The affine point of `table`, from its entry `start` on, for one column of a block's rows."""
    a, b, c, d, e, f = rows
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
    at = 64 * (start + index)
    y = int.from_bytes(table[at + 32 : at + 64], "big")
    return int.from_bytes(table[at : at + 32], "big"), y * (2 * sign - 1)


def base_column(rows, column):
    """The summands of one column of the base point's comb."""
    return [entry(TABLE, _ENTRIES * block, rows[block], column) for block in range(BLOCKS)]


def horner(x, y, zz, zzz, columns):
    """Double the point and add the affine points of a column; so for each of `columns`.

    Infinity is (0, 0, 0, 0).
    """
    p = P
    for column in columns:
        u = y + y
        v = u * u % p
        w = u * v % p
        s = x * v % p
        m = 3 * (x - zz) * (x + zz) % p
        x = (m * m - s - s) % p
        y = (m * (s - x) - w * y) % p
        zz = v * zz % p
        zzz = w * zzz % p
        for x2, y2 in column:
            h = (x2 * zz - x) % p
            r = (y2 * zzz - y) % p
            if not h:
                x, y, zz, zzz = _meet(x, y, zz, zzz, x2, y2, r)
                continue
            hh = h * h % p
            hhh = h * hh % p
            q = x * hh % p
            x = (r * r - hhh - q - q) % p
            y = (r * (q - x) - y * hhh) % p
            zz = zz * hh % p
            zzz = zzz * hhh % p
    return x, y, zz, zzz


def _meet(x, y, zz, zzz, x2, y2, r):
    """The sum of points that are equal or opposite, or the first at infinity as in the beginning.

    With a random scalar it is never anything but the beginning.
    """
    if not zz:
        return x2, y2 % P, 1, 1
    if r:
        return 0, 0, 0, 0
    return horner(x, y, zz, zzz, ((),))


def _base_columns(k):
    rows = rows_of(k)
    for column in range(COLUMNS - 1, -1, -1):
        yield base_column(rows, column)


def _times_base(k):
    return horner(0, 0, 0, 0, _base_columns(k))
