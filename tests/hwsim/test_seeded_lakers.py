"""lakers draws its keys from the bench's seed: the same one, the same keys."""

import random

import lakers
import pytest

from hwsim import seeded_lakers


@pytest.fixture(autouse=True)
def as_it_was():
    yield
    seeded_lakers.follow(None)


def keys(seed):
    assert seeded_lakers.follow(None if seed is None else random.Random(seed)), "not on this system"
    return [bytes(part) for part in lakers.p256_generate_key_pair()]


def test_the_same_seed_gives_the_same_keys_and_another_one_others():
    assert keys(1) == keys(1) != keys(2)


def test_without_a_seed_they_are_the_systems():
    assert keys(None) != keys(None)
