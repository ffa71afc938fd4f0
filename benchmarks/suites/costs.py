"""What the operations cost here, in units of the plain comb's signature: for the bench that models a slower chip."""

import tomllib  # noqa: F401

from benchmarks.measure import Side

NAME = "costs"
ABOUT = "what hwsim charges per operation"


def run(bench):
    pass


def as_toml(bench, machine):
    return ""
