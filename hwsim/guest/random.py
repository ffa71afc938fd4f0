"""`random` of the simulated terminal: seeded from the bench, so that a run repeats."""

from urandom import *  # noqa: F403 - the generator is MicroPython's own

import _bench
import urandom

urandom.seed(int.from_bytes(_bench.random_bytes(4), "little"))
