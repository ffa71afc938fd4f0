"""`os` of the simulated terminal: randomness comes from the bench, so that a run repeats."""

import _bench
from uos import *  # noqa: F403 - everything else is MicroPython's own


def urandom(n):
    return _bench.random_bytes(n)


def uname():
    return ("sim", "sim", "1.29.0", "v1.29.0", "Patrola bench")
