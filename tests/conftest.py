"""Collects portable tests twice: under CPython by pytest, under MicroPython by `tests/runner.py`.

Line 1 of a test file is its marker:

    # runs on: both                 pytest and MicroPython
    # runs on: micropython          MicroPython only
    # runs on: micropython+guest    MicroPython with the bench's overlays in solo mode (virtual time)

A file without a marker runs under CPython only.
"""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.portable import Skip, take_tallies
from tests.vectors.account import Account

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_S = 240
HEAP = os.environ.get("PATROLA_TEST_HEAP", "16m")


def micropython() -> str:
    """The MicroPython to test with: `MICROPYTHON`, else the one installed beside this Python."""
    beside = Path(sys.executable).parent / "micropython"
    found = os.environ.get("MICROPYTHON") or (str(beside) if beside.exists() else shutil.which("micropython"))
    if not found:
        pytest.fail("no micropython: run `make setup`, or set MICROPYTHON to the program")
    return found


def marker(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        first = file.readline().strip()
    head = "# runs on: "
    return first[len(head) :].strip() if first.startswith(head) else "cpython"


def pytest_configure(config):
    config.pluginmanager.register(Account(config), "vectors")


def pytest_collect_file(file_path: Path, parent):
    if file_path.suffix != ".py" or not file_path.name.startswith("test_"):
        return None
    where = marker(file_path)
    if where not in ("cpython", "both", "micropython", "micropython+guest"):
        raise pytest.UsageError(f"{file_path}:1: unknown marker '# runs on: {where}'")
    if where == "cpython":
        return None
    return MicroPythonFile.from_parent(parent, path=file_path, where=where)


def pytest_pycollect_makemodule(module_path: Path, parent):
    """A file for MicroPython alone is never imported by CPython."""
    if marker(module_path).startswith("micropython"):
        return Nothing.from_parent(parent, path=module_path)
    return None


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    if call.excinfo is not None and call.excinfo.errisinstance(Skip):
        reason = str(call.excinfo.value)
        try:
            pytest.skip(reason)
        except pytest.skip.Exception:
            call.excinfo = pytest.ExceptionInfo.from_current()
    if call.when == "call":
        note_tallies(item, "CPython", take_tallies())
    yield


def note_tallies(item, python, tallies):
    """With the report of its test a count also comes from a worker of xdist to the controller."""
    item.user_properties.extend(("vectors", {**tally, "python": python}) for tally in tallies)


class Nothing(pytest.Module):
    def collect(self):
        return []


class MicroPythonFile(pytest.File):
    """One file of portable tests; the whole file runs in one MicroPython, once."""

    def __init__(self, *, where, **kwargs):
        super().__init__(**kwargs)
        self.where = where
        self._results = None
        self.output = ""

    def collect(self):
        tree = ast.parse(self.path.read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
                yield MicroPythonTest.from_parent(self, name=f"{node.name}[micropython]", test=node.name)

    def results(self):
        if self._results is None:
            command = [micropython(), "-X", f"heapsize={HEAP}", "tests/runner.py"]
            command.append(str(self.path.relative_to(ROOT)))
            if self.where.endswith("+guest"):
                command.append("--guest")
            done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=TIMEOUT_S, check=False)
            self.output = (done.stdout + done.stderr).decode(errors="replace")
            lines = [r for r in self.output.splitlines() if r.startswith("PATROLA-TEST ")]
            parsed = [json.loads(line[len("PATROLA-TEST ") :]) for line in lines]
            self._results = {row["test"]: row for row in parsed}
            self._code = done.returncode
        return self._results


class MicroPythonTest(pytest.Item):
    def __init__(self, *, test, **kwargs):
        super().__init__(**kwargs)
        self._test = test

    def runtest(self):
        row = self.parent.results().get(self._test)
        if row is None:
            raise MicroPythonFailed(f"MicroPython stopped before this test:\n{self.parent.output[-3000:]}")
        note_tallies(self, "MicroPython", row["tallies"])
        if row["outcome"] == "skipped":
            raise Skip(row["detail"])
        if row["outcome"] != "passed":
            raise MicroPythonFailed(row["detail"])

    def repr_failure(self, excinfo, style=None):
        if isinstance(excinfo.value, MicroPythonFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, None, f"{self._test} [micropython]"


class MicroPythonFailed(Exception):
    """A test failed inside MicroPython; the text is its traceback there."""
