"""ES256 signatures, the expensive half prepared while the terminal is idle.

A nonce point (r, k^-1, r d k^-1) needs no message; with one at hand a signature is one modular
multiplication, s = k^-1 h + r d k^-1, and a pressed panic key does not wait. Points live in one
preallocated buffer in RAM, are never written to flash, are used once and wiped as they are taken:
two signatures with one nonce would give the private key away.

Points are made a batch at a time, in pieces: first each one's multiple of the base point, X, ZZ and k;
then one piece with the two inversions that all of them share. Ready points fill the buffer from its
beginning, half-made ones from its end: neither is ever taken for the other. A batch is begun when so many
points are missing, so that a pressed key always finds some.

A secure element takes this class's place with `kid`, `public`, `ready`, `prepare` and `sign`.
What is protected against side channels is told in `p256`; Python integers cannot be wiped, so
copies of a used point stay on the heap until the collector's memory is written again.
"""

import hashlib

from firmware import p256
from firmware.drbg import MIN_ENTROPY, HmacDrbg
from protocol.errors import Misuse

_POINT = 96  # r, k^-1, r d k^-1; of a half-made one X, ZZ, k
POOL = 8
BATCH = 4  # at least POOL - BATCH are ready: a panic, its first position, and two keys pressed meanwhile


class Signer:
    """Signs with the terminal's own key.

    private: 32 bytes. public: X || Y, 64 bytes. entropy: a function n -> n bytes (`os.urandom`).
    boot: the boot counter, already stored in flash: it must differ from every boot before.
    uid: the chip's unique id. Raises Misuse if the public key is not that of the private key.
    """

    def __init__(self, private, public, entropy, boot, uid, pool=POOL, batch=BATCH):
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
        self._slots = pool
        self._batch = min(batch, pool)
        self._begun = 0
        self._points = bytearray(_POINT * pool)
        self._drbg = HmacDrbg(entropy(MIN_ENTROPY), _personalisation(private, boot, uid))
        self._check()

    def sign(self, to_be_signed):
        """Return r || s, 64 bytes, over SHA-256 of `to_be_signed`. With an empty pool it takes longer."""
        h = int.from_bytes(hashlib.sha256(to_be_signed).digest(), "big")
        while True:
            if not self.ready:
                if not self._begun:
                    self._begin()
                self._finish()
            r, k_inv, rest = self._take()
            s = (k_inv * h + rest) % p256.N
            if s and any(r):  # else the next nonce: FIPS 186-5, 6.4.1 steps 10 and 11
                return r + s.to_bytes(32, "big")

    def prepare(self):
        """One piece of work on the pool, at most about a scalar multiplication; False when there is none.

        To be called while nothing else is to do.
        """
        missing = self._slots - self.ready - self._begun
        if self._begun and (not missing or self._begun == self._batch):
            self._finish()
        elif self._begun or missing >= self._batch:
            self._begin()
        else:
            return False
        return True

    def _begin(self):
        """Make a half-made point, before those that are there already."""
        # Fresh bytes each time: with a good generator even a boot counter gone back repeats no nonce.
        try:
            self._drbg.reseed(self._entropy(MIN_ENTROPY))
        except OSError:
            pass  # a hardware generator that fails later must not stop a panic; the state is secret anyway
        k = self._nonce()
        x, zz = p256.half_point(k)
        self._put(self._slots - self._begun - 1, x, zz, k)
        self._begun += 1

    def _finish(self):
        """Make all half-made points ready. Whatever is raised in between, each is there once, or gone."""
        halves, ks = [], []
        for i in range(self._slots - self._begun, self._slots):
            x, zz, k = self._get(i)
            halves.append((x, zz))
            ks.append(k)
        for r, k_inv in p256.nonce_points(ks, halves):
            rest = r * self._d % p256.N * k_inv % p256.N
            self._wipe(self._slots - self._begun)
            self._begun -= 1
            self._put(self.ready, r, k_inv, rest)
            self.ready += 1

    def _take(self):
        """Hand out the last point and wipe it, before it is used: an exception cannot bring it back."""
        self.ready -= 1
        r, k_inv, rest = self._get(self.ready)
        self._wipe(self.ready)
        return r.to_bytes(32, "big"), k_inv, rest

    def _put(self, slot, *numbers):
        data = b"".join([number.to_bytes(32, "big") for number in numbers])
        self._points[_POINT * slot : _POINT * (slot + 1)] = data

    def _get(self, slot):
        """Three integers."""
        start = _POINT * slot
        return [int.from_bytes(self._points[at : at + 32], "big") for at in range(start, start + _POINT, 32)]

    def _wipe(self, slot):
        for i in range(_POINT * slot, _POINT * (slot + 1)):
            self._points[i] = 0

    def _nonce(self):
        """FIPS 186-5 A.3.2: by rejection, so without bias."""
        while True:
            k = int.from_bytes(self._drbg.generate(32), "big")
            if 0 < k < p256.N:
                return k

    def _check(self):
        """Prove key pair, table, generator and code by one signature, without the code for verification.

        The public key, kept in flash since the pair was made, has to come out again. With Q = d G,
        verifying is one multiple of G: (h + r d)/s. It also holds the first signature of a boot back
        from the air should memory be damaged.
        """
        trial = self.kid + b"self-check"
        signature = self.sign(trial)
        h = int.from_bytes(hashlib.sha256(trial).digest(), "big")
        r = int.from_bytes(signature[:32], "big")
        s = int.from_bytes(signature[32:], "big")
        k = (h + r * self._d) * p256.invert(s, p256.N) % p256.N
        x = int.from_bytes(p256.public_key(k)[:32], "big")
        if p256.public_key(self._d) != self.public or x % p256.N != r:
            raise Misuse("signer: the public key does not belong to the private key")


def key_id(public):
    """The terminal's id: the first 8 bytes of SHA-256 over X || Y."""
    return hashlib.sha256(public).digest()[:8]


def _personalisation(private, boot, uid):
    # Lengths first, so that no two different inputs are the same bytes.
    return b"patrola signer 1" + bytes([len(uid)]) + uid + boot.to_bytes(8, "big") + private
