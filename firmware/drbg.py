"""HMAC-DRBG with SHA-256 (NIST SP 800-90A Rev. 1, 10.1.2), the terminal's only source of secrets.

The state lives in RAM only and is never stored. Each boot starts from entropy, and from a
personalisation that holds what is secret or does not come twice: the private key, the unique id,
the boot counter. So with a weak hardware generator the output still cannot be guessed without
the private key, and does not repeat as long as one of these inputs differs.
"""

from protocol.errors import Misuse
from protocol.kdf import hmac_sha256

_MAX_REQUEST = 1 << 16  # bytes
_RESEED_AFTER = 1 << 20  # requests; the standard allows 2^48, but this stays a small integer on the chip
MIN_ENTROPY = 32  # bytes given, for 256 bits of strength if each is a good one


class HmacDrbg:
    """`generate(n)` gives n secret bytes; `reseed(entropy)` mixes in more, and never loses any."""

    def __init__(self, entropy, personalisation=b""):
        """`entropy` (SP 800-90A: entropy input || nonce) needs 32 bytes or more, else Misuse."""
        if len(entropy) < MIN_ENTROPY:
            raise Misuse("drbg: %d bytes of entropy" % len(entropy))
        self._key = bytes(32)
        self._value = b"\x01" * 32
        self._update(bytes(entropy) + bytes(personalisation))
        self._requests = 1

    def reseed(self, entropy, additional=b""):
        """10.1.2.4. Any length: what is there already is kept, so little entropy does no harm."""
        self._update(bytes(entropy) + bytes(additional))
        self._requests = 1

    def generate(self, n, additional=b""):
        """10.1.2.5. Raises Misuse for too large a request or if a reseed is overdue."""
        if not 0 <= n <= _MAX_REQUEST:
            raise Misuse("drbg: request of %d bytes" % n)
        if self._requests > _RESEED_AFTER:
            raise Misuse("drbg: reseed overdue")
        if additional:
            self._update(additional)
        key, value = self._key, self._value
        result = bytearray()
        while len(result) < n:
            value = hmac_sha256(key, value)
            result.extend(value)
        self._value = value
        # The step that makes what was given out unrecoverable from the state.
        self._update(additional)
        self._requests += 1
        return bytes(memoryview(result)[:n])

    def _update(self, data):
        """10.1.2.2."""
        self._key = hmac_sha256(self._key, self._value + b"\x00" + data)
        self._value = hmac_sha256(self._key, self._value)
        if data:
            self._key = hmac_sha256(self._key, self._value + b"\x01" + data)
            self._value = hmac_sha256(self._key, self._value)
