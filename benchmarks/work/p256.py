"""P-256 of the firmware and of the plain comb: same keys, digests and nonces. Runs under both Pythons."""

import hashlib

from benchmarks import plain_comb
from benchmarks.timing import Work
from firmware import p256, p256_point
from firmware.signer import Signer

D = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721  # RFC 6979 A.2.5
OTHER = 0x519B423D715F8B581F4FA8EE59F4771A5B44C8130B4E3EACCA54A56DDA72B464
MESSAGE = b"sample" * 27  # as long as a position's to-be-signed bytes
_POOL = 16


class Nonces:
    """Another one each time: neither side may remember. The same ones for both sides."""

    def __init__(self):
        self._k = D

    def next(self):
        self._k = (self._k * OTHER + 1) % p256.N
        return self._k


def digest():
    return int.from_bytes(hashlib.sha256(MESSAGE).digest(), "big")


def sign():
    """Everything a signature needs: nonce point, inverse, s."""
    nonces, h = Nonces(), digest()

    def once():
        r, k_inv = p256.nonce_point(nonces.next())
        return p256.sign_with(D, h, k_inv, r)

    return Work(once)


def plain_sign():
    nonces, h = Nonces(), digest()
    return Work(lambda: plain_comb.sign(D, h, nonces.next()))


def _signed():
    r, k_inv = p256.nonce_point(OTHER)
    h = digest()
    return p256.public_key(D), h.to_bytes(32, "big"), p256.sign_with(D, h, k_inv, r)


def _true(answer):
    if answer is not True:
        raise AssertionError("a right signature was refused")


def verify():
    public, h, signature = _signed()
    return Work(lambda: _true(p256_point.verify(public, h, signature)))


def verify_pinned():
    public, h, signature = _signed()
    table = p256_point.prepared(public)
    return Work(lambda: _true(p256_point.verify_with(table, h, signature)))


def plain_verify():
    public, h, signature = _signed()
    point = int.from_bytes(public[:32], "big"), int.from_bytes(public[32:], "big")
    h = int.from_bytes(h, "big")
    return Work(lambda: _true(plain_comb.verify(point, h, signature)))


def shared_secret():
    x = p256.public_key(OTHER)[:32]

    def once():
        for _ in p256_point.shared_secret(D, x):
            pass

    return Work(once)


def plain_shared_secret():
    point = plain_comb.times_base(OTHER)
    return Work(lambda: plain_comb.times(D, point))


def public_key():
    return Work(lambda: p256.public_key(D))


# --- the signer, as the terminal uses it


class _Entropy:
    """Not secret, and not the same twice."""

    def __init__(self):
        self.calls = 0

    def __call__(self, n):
        self.calls += 1
        out = b""
        while len(out) < n:
            out += hashlib.sha256(self.calls.to_bytes(8, "big") + bytes([len(out) & 255])).digest()
        return out[:n]


def signer(pool):
    return Signer(D.to_bytes(32, "big"), p256.public_key(D), _Entropy(), 1, b"uid", pool)


def fill(a_signer):
    """As the idle task does: until there is nothing more to prepare."""
    while a_signer.prepare():
        pass


def signed_frames():
    """What a signature costs in the long run: a pool filled while idle, then used up."""
    mine = signer(4)

    def once():
        fill(mine)
        for _ in range(4):
            mine.sign(MESSAGE)

    return Work(once, 4)


def _snapshot(a_signer):
    """The signer's state, so that one full pool can be used many times. On a bench only!"""
    kept = {}
    for name in dir(a_signer):
        value = getattr(a_signer, name)
        if isinstance(value, (int, bytearray, list)):
            kept[name] = value if isinstance(value, int) else (value, value[:])
    return kept


def _restore(a_signer, kept):
    for name in kept:
        value = kept[name]
        if isinstance(value, tuple):
            value[0][:] = value[1]
        else:
            setattr(a_signer, name, value)


def sign_online():
    """From a pressed key to the signature, a prepared point at hand: hash, s, the point taken and wiped."""
    mine = signer(_POOL)
    fill(mine)
    if mine.ready < _POOL:
        raise AssertionError("the pool is not full")
    kept = _snapshot(mine)

    def once():
        _restore(mine, kept)
        for _ in range(_POOL):
            mine.sign(MESSAGE)

    return Work(once, _POOL)


def sign_from_empty():
    """The same with nothing prepared: the longest a key can be made to wait."""
    mine = signer(1)
    while mine.ready:
        mine.sign(MESSAGE)
    return Work(lambda: mine.sign(MESSAGE))
