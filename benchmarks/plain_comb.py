"""P-256 as one writes it first: a comb of 6 teeth, Jacobian coordinates, inversions by Fermat's power.

The peer that `firmware.p256` is measured against, on both Pythons. It protects nothing.
Cost of a signature: 42 doublings, about 42 additions, and two powers of 256 bits.
"""

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_TEETH = 6
_COLUMNS = 43  # 6 * 43 = 258 bits


def sign(d, h, k):
    """r || s of the digest h (an integer) by the private key d, with the nonce k."""
    r = times_base(k)[0] % N
    s = pow(k, N - 2, N) * (h + r * d) % N
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def verify(public, h, signature):
    """Whether r || s fits; `public` is the affine point."""
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:], "big")
    w = pow(s, N - 2, N)
    point = _both(h * w % N, G, r * w % N, public)
    return bool(point[2]) and _affine(point)[0] % N == r


def times_base(k):
    """Affine k G."""
    return _affine(_comb(k))


def times(k, point):
    """Affine k times an affine point, bit by bit."""
    return _affine(_both(k, point, 0, G))


def _affine(point):
    x, y, z = point
    inverse = pow(z, P - 2, P)
    square = inverse * inverse % P
    return x * square % P, y * square * inverse % P


def _double(point):
    x, y, z = point
    zz = z * z % P
    yy = y * y % P
    s = 4 * x * yy % P
    m = 3 * (x - zz) * (x + zz) % P
    x3 = (m * m - 2 * s) % P
    return x3, (m * (s - x3) - 8 * yy * yy) % P, 2 * y * z % P


def _add(point, other):
    """Jacobian and affine. z = 0 is infinity."""
    x, y, z = point
    if not z:
        return other[0], other[1], 1
    zz = z * z % P
    h = (other[0] * zz - x) % P
    r = (other[1] * zz * z - y) % P
    if not h:
        return _double(point) if not r else (1, 1, 0)
    hh = h * h % P
    hhh = h * hh % P
    v = x * hh % P
    x3 = (r * r - hhh - 2 * v) % P
    return x3, (r * (v - x3) - y * hhh) % P, z * h % P


def _comb(k):
    point = (1, 1, 0)
    for column in range(_COLUMNS - 1, -1, -1):
        point = _double(point)
        index = 0
        for tooth in range(_TEETH):
            index |= (k >> (tooth * _COLUMNS + column) & 1) << tooth
        if index:
            point = _add(point, _TABLE[index])
    return point


def _both(u, a, v, b):
    """u A + v B, bit by bit, with A + B made beforehand (Shamir's trick)."""
    either = (None, a, b, _affine(_add((a[0], a[1], 1), b)))
    point = (1, 1, 0)
    for shift in range(255, -1, -1):
        point = _double(point)
        index = (u >> shift & 1) | (v >> shift & 1) << 1
        if index:
            point = _add(point, either[index])
    return point


def _table():
    teeth = [G]
    for _ in range(_TEETH - 1):
        point = (teeth[-1][0], teeth[-1][1], 1)
        for _ in range(_COLUMNS):
            point = _double(point)
        teeth.append(_affine(point))
    table = [None]
    for index in range(1, 1 << _TEETH):
        point = (1, 1, 0)
        for tooth in range(_TEETH):
            if index >> tooth & 1:
                point = _add(point, teeth[tooth])
        table.append(_affine(point))
    return table


_TABLE = _table()
