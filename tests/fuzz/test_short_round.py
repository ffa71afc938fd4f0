"""The short round: every seed ever kept and some thousand mutants of each target, under both Pythons.

The inputs are the same in every run. Both Pythons have to understand the same of each, to the byte.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import HEAP, micropython
from tests.fuzz import judge
from tests.fuzz.registry import APART, CPYTHON, TARGETS, Target, seeds

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests" / "corpus"
MOST_BYTES = 6000
BOTH_PYTHONS = [name for name in TARGETS if TARGETS[name][1] != CPYTHON]


def played(command, name):
    """What `replay.py` says of each input; fails with the traceback of the first that is a finding."""
    environment = dict(os.environ, PYTHONHASHSEED="0")
    done = subprocess.run(
        [*command, "tests/fuzz/replay.py", name],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    lines = [line.split(" ", 2) for line in done.stdout.splitlines() if line.startswith("PATROLA-FUZZ ")]
    said = {int(number): what for _, number, what in lines}
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(said) == len(seeds(name)) + TARGETS[name][3]
    wrong = [what for what in said.values() if " on " in what]
    assert not wrong, f"{wrong[0]}\nrepeat: python -m tests.fuzz --target {name} --input HEX"
    return said


@pytest.mark.parametrize("name", TARGETS)
def test_short_round(name):
    said = played([sys.executable], name)
    understood = sum(what != "refused" for what in said.values())
    assert understood, "nothing was ever understood: this target reaches no further than the first check"
    if name in BOTH_PYTHONS:
        other = played([micropython(), "-X", f"heapsize={HEAP}"], name)
        differ = [number for number in said if said[number] != other[number]]
        assert TARGETS[name][1] == APART or not differ, (
            f"the Pythons understand inputs {differ[:9]} differently"
        )


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_cost_no_memory_that_stays(name):
    inputs = [data for _, data in seeds(name)]
    assert inputs, "a target without a seed"
    judge.growth(Target(name), inputs)


def test_the_corpus_is_small_and_belongs_to_targets():
    folders = {path.name for path in CORPUS.iterdir() if path.name != "README.md"}
    assert folders == set(TARGETS)
    for name in folders:
        data = [data for _, data in seeds(name)]
        assert len(set(data)) == len(data), f"{name}: the same seed twice"
        assert sum(map(len, data)) <= MOST_BYTES, f"{name}: {sum(map(len, data))} bytes"
        assert all(len(one) <= TARGETS[name][2] for one in data), (
            f"{name}: a seed longer than its target reads"
        )
