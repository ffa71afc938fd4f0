"""A bench and its programs keep to one core; runs side by side each to its own."""

import os
import subprocess
import sys

import pytest

from hwsim import cores, workers

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="unknown to this system")


def _mine(_number):
    return sorted(os.sched_getaffinity(0))


def test_what_is_started_meanwhile_keeps_to_this_core():
    before = os.sched_getaffinity(0)
    with cores.one():
        (kept,) = os.sched_getaffinity(0)
        said = subprocess.check_output([sys.executable, "-c", "import os; print(os.sched_getaffinity(0))"])
        assert said.decode().strip() == str({kept})
    assert os.sched_getaffinity(0) == before
    assert kept in before


def test_each_worker_of_a_pool_has_a_core_as_far_as_there_are_enough():
    found = sorted(os.sched_getaffinity(0))
    with workers.pool(1, *cores.share(workers.CONTEXT, 3)) as pool:
        assert list(pool.map(_mine, range(2))) == [[found[0]]] * 2
