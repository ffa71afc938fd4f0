"""The SIM's PIN, sent at most once when it is wrong: three wrong ones lock a terminal out of the network.

The record in flash is written BEFORE a PIN goes to the SIM, so that a power cut in between cannot make us
forget. It holds no PIN: for the last four a hash of card and PIN, the tries left before, and what came of it.
"""

import hashlib

from firmware import statefile
from protocol.compat import const

# The last try is a person's: a card that has one left is not touched.
_LEAST_TRIES = const(2)

_SENT = const(1)
_REFUSED = const(2)
_UNKNOWN = const(255)  # the modem does not tell the tries left

_RECORD = const(34)  # SHA-256, state, tries before
_RECORDS = const(4)  # more wrong PINs than a card has tries


class FileStore:
    """A small record in the flash: `load()` gives bytes (empty for none), `save(data)` replaces it whole."""

    def __init__(self, path):
        self._path = path

    def load(self):
        return statefile.read(self._path) or b""

    def save(self, data):
        statefile.write(self._path, data)


class MemoryStore:
    """For a terminal without a place to keep the record: remembers until the power goes."""

    def __init__(self):
        self.data = b""

    def load(self):
        return self.data

    def save(self, data):
        self.data = data


class PinGuard:
    """Decides whether a PIN may be sent, and remembers what came of it."""

    def __init__(self, store):
        self._store = store

    def may_send(self, card, pin, tries):
        """None when `pin` may go to the SIM `card` (its ICCID, or b""), else the reason why not.

        `tries`: what the modem says is left, or None when it does not say.
        """
        if tries is not None and tries < _LEAST_TRIES:
            return "SIM PIN: %d try left, kept for a person; unlock the SIM in a telephone" % tries
        record = _find(self._store.load(), _digest(card, pin))
        if record is None:
            return None
        if record[32] == _SENT and tries is not None and tries == record[33]:
            # The count never went down: it was cut off before the SIM judged it, or it was right.
            return None
        return "SIM PIN: the one in the configuration was refused; correct it"

    def sending(self, card, pin, tries):
        """To be called before the PIN is sent."""
        self._keep(card, pin, _SENT, tries)

    def refused(self, card, pin, tries):
        """The SIM has said no."""
        self._keep(card, pin, _REFUSED, tries)

    def accepted(self, card, pin):
        """The SIM has said yes: nothing to remember of this one."""
        self._store.save(_without(self._store.load(), _digest(card, pin)))

    def _keep(self, card, pin, state, tries):
        digest = _digest(card, pin)
        old = _without(self._store.load(), digest)
        while len(old) >= _RECORDS * _RECORD:
            old = old[_RECORD:]
        self._store.save(old + digest + bytes((state, _UNKNOWN if tries is None else tries)))


def _find(records, digest):
    for at in range(0, len(records) - _RECORD + 1, _RECORD):
        if records[at : at + 32] == digest:
            return records[at : at + _RECORD]
    return None


def _without(records, digest):
    kept = b""
    for at in range(0, len(records) - _RECORD + 1, _RECORD):
        if records[at : at + 32] != digest:
            kept += records[at : at + _RECORD]
    return kept


def _digest(card, pin):
    return hashlib.sha256(b"patrola sim pin\n" + card + b"\n" + pin.encode()).digest()
