"""OSCORE's replay window (RFC 8613 7.4): which Partial IVs have been used."""

from protocol.errors import Unauthentic
from protocol.limits import REPLAY_WINDOW


class Replayed(Unauthentic):
    """The Partial IV was used before, or is too old to tell."""


class ReplayWindow:
    """Which Partial IVs were seen: the highest, and one bit for each of the 64 up to it (RFC 8613 7.4)."""

    def __init__(self, highest: int = -1, bitmap: int = 0) -> None:
        self._highest = highest
        self._bitmap = bitmap  # bit i: highest - i

    def state(self) -> tuple[int, int]:
        """(highest, bitmap), from which an equal window can be made."""
        return self._highest, self._bitmap

    def seen(self, sequence: int) -> bool:
        """True also for what is too old to tell."""
        age = self._highest - sequence
        return age >= 0 and (age >= REPLAY_WINDOW or bool(self._bitmap >> age & 1))

    def mark(self, sequence: int) -> None:
        """Remember an AUTHENTICATED sequence number; raises Replayed if it was seen."""
        if self.seen(sequence):
            raise Replayed("oscore Partial IV: %d seen before" % sequence)
        if sequence > self._highest:
            shift = sequence - self._highest
            # Never shift by the peer's number: it may be near 2^40.
            kept = self._bitmap << shift if shift < REPLAY_WINDOW else 0
            self._bitmap = kept & ((1 << REPLAY_WINDOW) - 1) | 1
            self._highest = sequence
        else:
            self._bitmap |= 1 << (self._highest - sequence)
