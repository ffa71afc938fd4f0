"""`random` of the simulated terminal: seeded from the bench, so that a run repeats."""

import _bench
import urandom
from urandom import *  # noqa: F403 - the generator is MicroPython's own

urandom.seed(int.from_bytes(_bench.random_bytes(4), "little"))
