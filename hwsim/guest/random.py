"""`random` of the simulated terminal: seeded from the bench, so that a run repeats."""

import os

import urandom
from urandom import *  # noqa: F403 - the generator is MicroPython's own

urandom.seed(int.from_bytes(os.urandom(4), "little"))
