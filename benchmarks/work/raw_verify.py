"""What the machine's one thread verifies in a second: ES256 by `cryptography`, signatures already in DER, and
nothing else. No gateway on this thread can be quicker."""

import statistics
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

_ECDSA = ec.ECDSA(hashes.SHA256())
_KEYS = 50
_MESSAGE = bytes(250)  # about as long as what a frame signs


class Verification:
    def __init__(self):
        self._claims = []
        for number in range(_KEYS):
            key = ec.generate_private_key(ec.SECP256R1())
            message = _MESSAGE + number.to_bytes(2, "big")
            self._claims.append((key.public_key(), key.sign(message, _ECDSA), message))
        self.rates = []

    def measure(self, rounds=5, seconds=0.3):
        """Some more rounds; by processor time, so that what else runs costs it less."""
        for _ in range(rounds):
            began, done = time.thread_time(), 0
            while time.thread_time() - began < seconds:
                for key, signature, message in self._claims:
                    key.verify(signature, message, _ECDSA)
                done += len(self._claims)
            self.rates.append(done / (time.thread_time() - began))

    @property
    def rate(self):
        return statistics.median(self.rates)
