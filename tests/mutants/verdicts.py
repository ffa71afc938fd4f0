"""Asks one check about one copy of the tree, in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.copies import IMAGE

_LIMIT_S = 240


@dataclass(frozen=True)
class Verdict:
    check: str
    found: tuple  # sentences; empty: the check saw nothing

    @property
    def rules(self):
        """What it was found by, shortened to the names of the rules."""
        names = []
        if self.check.startswith(("case:", "test:")):
            return list(self.found)
        for sentence in self.found:
            name = sentence.split(", ", 1)[-1].split(":", 1)[0]
            if name not in names:
                names.append(name)
        return names


def ask(place, check):
    """The Verdict of `story:NAME`, `case:ID`, `test:FILE` or `soak:PROFILE/SEED`."""
    kind, _, name = check.partition(":")
    return Verdict(check, tuple(_ASK[kind](place, name)))


def _story(place, name):
    done = _run(place, ["-m", "tests.mutants.stories", "--image", str(place / IMAGE), name])
    try:
        return json.loads(done.stdout.splitlines()[-1])["violations"]
    except (IndexError, ValueError):
        return [f"the story broke off: {_last(done)}"]


def _case(place, name):
    image = str(place / IMAGE)
    done = _run(place, ["-m", "hwsim", "conformance", "--only", name, "--jobs", "1", "--image", image])
    if done.returncode == 0:
        return []
    said = [line.strip() for line in done.stdout.splitlines() if name in line]
    return [f"{said[0][:200] if said else _last(done)}"]


def _test(place, name):
    """Names of the tests that fail in a file for MicroPython."""
    program = str(Path(sys.executable).parent / "micropython")
    words = ["-X", "heapsize=16m", "tests/runner.py", f"tests/{name}.py", "--guest"]
    done = _run(place, words, program)
    start = "PATROLA-TEST "
    rows = [json.loads(line[len(start) :]) for line in done.stdout.splitlines() if line.startswith(start)]
    found = [row["test"] for row in rows if row["outcome"] != "passed"]
    if done.returncode or not rows:
        found.append(f"it broke off: {_last(done)}")
    return found


def _soak(place, name):
    profile, _, seed = name.partition("/")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "soak.json"
        options = ["--seed", seed, "--terminals", "1", "--hours", "1", "--faults", profile]
        done = _run(place, ["-m", "hwsim", "soak", *options, "--json", str(file)])
        if done.returncode == 0:
            return []
        try:
            found = json.loads(file.read_text("utf-8"))
            runs = found if isinstance(found, list) else [found]
            return [sentence for run in runs for sentence in run["violations"]] or [_last(done)]
        except (OSError, ValueError, KeyError, TypeError):
            return [f"the soak broke off: {_last(done)}"]


def _run(place, arguments, program=sys.executable):
    environment = {**os.environ, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [program, *arguments]
    try:
        return subprocess.run(
            command, cwd=place, env=environment, capture_output=True, text=True, timeout=_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"not over after {_LIMIT_S} s")


def _last(done):
    lines = (done.stderr or done.stdout).strip().splitlines() or [f"it ended with {done.returncode}"]
    return lines[-1][:300]


_ASK = {"story": _story, "case": _case, "test": _test, "soak": _soak}
