"""ES256 signatures, the expensive half prepared while the terminal is idle.

A nonce point (r, k^-1, r d k^-1) needs no message; with one at hand a signature is one modular
multiplication, s = k^-1 h + r d k^-1, and a pressed panic key does not wait. Points live in one
preallocated buffer in RAM, are never written to flash, are used once and wiped as they are taken:
two signatures with one nonce would give the private key away.

A secure element takes this class's place with `kid`, `public`, `ready`, `prepare` and `sign`.
What is protected against side channels is told in `p256`; Python integers cannot be wiped, so
copies of a used point stay on the heap until the collector's memory is written again.
"""

import hashlib

from firmware import p256
from firmware.drbg import MIN_ENTROPY, HmacDrbg
from protocol.errors import Misuse

_POINT = 96  # r, k^-1, r d k^-1
POOL = 4  # a panic, its first position, and two keys pressed meanwhile


class Signer:
    """Signs with the terminal's own key.

    private: 32 bytes. public: X || Y, 64 bytes. entropy: a function n -> n bytes (`os.urandom`).
    boot: the boot counter, already stored in flash: it must differ from every boot before.
    uid: the chip's unique id. Raises Misuse if the public key is not that of the private key.
    """

    def __init__(self, private, public, entropy, boot, uid, pool=POOL):
        if len(private) != 32:
            raise Misuse("signer: private key of %d bytes" % len(private))
        if pool < 1:
            raise Misuse("signer: pool of %d points" % pool)
        if not p256.valid_public(public):
            raise Misuse("signer: public key is not a point of P-256")
        self.public = bytes(public)
        self.kid = key_id(public)
        self.ready = 0
        self._d = int.from_bytes(private, "big")
        self._entropy = entropy
        self._points = bytearray(_POINT * pool)
        self._view = memoryview(self._points)
        self._drbg = HmacDrbg(entropy(MIN_ENTROPY), _personalisation(private, boot, uid))
        self._check()

    def sign(self, to_be_signed):
        """Return r || s, 64 bytes, over SHA-256 of `to_be_signed`. With an empty pool it takes longer."""
        h = int.from_bytes(hashlib.sha256(to_be_signed).digest(), "big")
        while True:
            if not self.ready:
                self.prepare()
            r, k_inv, rest = self._take()
            s = (k_inv * h + rest) % p256.N
            if s:  # else the next nonce: FIPS 186-5, 6.4.1 step 11
                return r + s.to_bytes(32, "big")

    def prepare(self):
        """Make one nonce point; False if the pool is full. To be called while nothing else is to do."""
        if self.ready * _POINT == len(self._points):
            return False
        # Fresh bytes each time: with a good generator even a boot counter gone back repeats no nonce.
        try:
            self._drbg.reseed(self._entropy(MIN_ENTROPY))
        except OSError:
            pass  # a hardware generator that fails later must not stop a panic; the state is secret anyway
        r = 0
        while not r:
            r, k_inv = p256.nonce_point(self._nonce())
        rest = r * self._d % p256.N * k_inv % p256.N
        start = self.ready * _POINT
        self._view[start : start + 32] = r.to_bytes(32, "big")
        self._view[start + 32 : start + 64] = k_inv.to_bytes(32, "big")
        self._view[start + 64 : start + 96] = rest.to_bytes(32, "big")
        self.ready += 1
        return True

    def _take(self):
        """Hand out the last point and wipe it, before it is used: an exception cannot bring it back."""
        self.ready -= 1
        start = self.ready * _POINT
        r = bytes(self._view[start : start + 32])
        k_inv = int.from_bytes(self._view[start + 32 : start + 64], "big")
        rest = int.from_bytes(self._view[start + 64 : start + 96], "big")
        for i in range(start, start + _POINT):
            self._points[i] = 0
        return r, k_inv, rest

    def _nonce(self):
        """FIPS 186-5 A.3.2: by rejection, so without bias."""
        while True:
            k = int.from_bytes(self._drbg.generate(32), "big")
            if 0 < k < p256.N:
                return k

    def _check(self):
        """One signature that the public key has to accept: proves key pair, table, generator and code.

        It also holds the first signature of a boot back from the air should memory be damaged.
        """
        trial = self.kid + b"self-check"
        if not p256.verify(self.public, hashlib.sha256(trial).digest(), self.sign(trial)):
            raise Misuse("signer: the public key does not belong to the private key")


def key_id(public):
    """The terminal's id: the first 8 bytes of SHA-256 over X || Y."""
    return hashlib.sha256(public).digest()[:8]


def _personalisation(private, boot, uid):
    # Lengths first, so that no two different inputs are the same bytes.
    return b"patrola signer 1" + bytes([len(uid)]) + uid + boot.to_bytes(8, "big") + private
