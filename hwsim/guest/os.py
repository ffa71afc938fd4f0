"""`os` of the simulated terminal: randomness comes from the bench, so that a run repeats."""

import hashlib
import struct

import _bench
from uos import *  # noqa: F403 - everything else is MicroPython's own

_drawn = 0


def urandom(n):
    """The chip's noise."""
    global _drawn
    seed = _bench.options["seed"].encode()
    out = b""
    while len(out) < n:
        _drawn += 1
        out += hashlib.sha256(seed + struct.pack("<Q", _drawn)).digest()
    return out[:n]


def uname():
    return ("sim", "sim", "1.29.0", "v1.29.0", "Patrola bench")
