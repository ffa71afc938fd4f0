"""The same work by the `ecdsa` package's algorithm, in pure Python (without gmpy2)."""

from ecdsa import NIST256p, SigningKey, ellipticcurve, numbertheory
from ecdsa.ecdsa import Signature

from benchmarks.timing import Work
from benchmarks.work import p256 as ours

if numbertheory.GMPY or numbertheory.GMPY2:
    raise RuntimeError("ecdsa has found gmpy2 and is no pure-Python peer any more")


def _key():
    return SigningKey.from_secret_exponent(ours.D, curve=NIST256p)


def sign():
    key, nonces, h = _key().privkey, ours.Nonces(), ours.digest()
    return Work(lambda: key.sign(h, nonces.next()))


def _signed():
    key, h = _key(), ours.digest()
    made = key.privkey.sign(h, ours.OTHER)
    return key.verifying_key, h, Signature(made.r, made.s)


def verify():
    key, h, signature = _signed()
    key = key.pubkey
    return Work(lambda: ours._true(key.verifies(h, signature)))


def verify_pinned():
    key, h, signature = _signed()
    key.precompute()
    key = key.pubkey
    return Work(lambda: ours._true(key.verifies(h, signature)))


def shared_secret():
    key = SigningKey.from_secret_exponent(ours.OTHER, curve=NIST256p).verifying_key.pubkey.point
    x, y = int(key.x()), int(key.y())
    curve = NIST256p.curve

    def once():
        # A fresh point each time, as each handshake has one: it keeps no table.
        (ellipticcurve.PointJacobi(curve, x, y, 1, NIST256p.order) * ours.D).x()

    return Work(once)
