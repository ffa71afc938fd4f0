"""Nonces: each (key, nonce) for one plaintext only, however often its datagram is repeated, through every
power cut. Twice would give both plaintexts away (AES-CCM), or the private key (ECDSA)."""

from hwsim.checks.verdict import Violation


class Book:
    """`used(...)` for whatever was sealed or signed; what came twice for different things stands in
    `twice`."""

    def __init__(self):
        self.twice = []  # (microseconds, source, what, first)
        self._known = {}

    def __len__(self):
        return len(self._known)

    def used(self, at_us, source, what, key, digest):
        """`key`: bytes that name key and nonce. `digest`: of what was protected under it."""
        before = self._known.setdefault(key, (digest, at_us))
        if before[0] != digest:
            self.twice.append((at_us, source, what, before[1]))


def no_nonce_twice(recording):
    """PROTOCOL.md, Frame and layer table; RFC 8613 7.2.1, FIPS 186-5 6.3: a nonce is used once."""
    for at_us, source, what, first_us in recording.nonces.twice:
        yield Violation(
            at_us,
            "nonce",
            f"{source}: {what} protects something else than it did at {first_us / 1e6:.3f} s",
        )
