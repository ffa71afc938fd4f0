"""P-256 as in a schoolbook, affine and slow: what the firmware's arithmetic is compared with."""

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def inverse(a, modulus):
    """By Euclid: MicroPython's pow(a, -1, modulus) answers 0, and Fermat's power is slow there."""
    old, new = (a % modulus, 1), (modulus, 0)
    while new[0]:
        q = old[0] // new[0]
        old, new = new, (old[0] - q * new[0], old[1] - q * new[1])
    assert old[0] == 1
    return old[1] % modulus


def add(p, q):
    """Any two points; None is infinity."""
    if p is None:
        return q
    if q is None:
        return p
    if p[0] == q[0]:
        if (p[1] + q[1]) % P == 0:
            return None
        slope = (3 * p[0] * p[0] - 3) * inverse(2 * p[1], P) % P
    else:
        slope = (q[1] - p[1]) * inverse(q[0] - p[0], P) % P
    x = (slope * slope - p[0] - q[0]) % P
    return x, (slope * (p[0] - x) - p[1]) % P


def negative(p):
    return p[0], -p[1] % P


def times(k, p):
    result = None
    while k:
        if k & 1:
            result = add(result, p)
        p = add(p, p)
        k >>= 1
    return result


def raw(p):
    return p[0].to_bytes(32, "big") + p[1].to_bytes(32, "big")


def y_of(x):
    """A y of the curve for this x, or None. p is 3 mod 4."""
    square = (x * x * x - 3 * x + B) % P
    y = pow(square, (P + 1) // 4, P)
    return y if y * y % P == square else None
