"""The account of the vectors: what the tests counted, against what lies in the files, under each Python.

A plugin of pytest, registered by tests/conftest.py. The counts come with the reports of the tests (`Tally` in
tests/portable.py), so it works with xdist too; the table is printed at the end of the run.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.portable import vectors_root
from tests.vectors.catalogue import Entry, catalogue

PYTHONS = ("CPython", "MicroPython")
# What the test that asks for a whole account notes with its report, and that test.
WHOLE = "vectors-whole"
_JUDGE = "tests/vectors/test_account.py::test_no_case_is_left_out_without_a_reason"


@dataclass
class Count:
    ran: int
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def cases(self) -> int:
        return self.ran + sum(self.left_out.values())


Counts = dict[tuple[str, str], list[Count]]  # (file, Python) -> one count, if all is well


def wrong_counts(entries: dict[str, Entry], counts: Counts) -> list[str]:
    """What is wrong with the counts that are there, a sentence each."""
    found = []
    for (name, python), given in sorted(counts.items()):
        entry = entries.get(name)
        if entry is None:
            found.append(f"{name}: counted under {python}, and there is no such file")
            continue
        if len(given) > 1:
            found.append(f"{name}: counted {len(given)} times under {python}; one test owns a file")
        for count in given:
            if entry.cases is None:
                found.append(f"{name}: counted under {python}, but {entry.note}: {count.cases} cases")
            elif count.cases != entry.cases:
                found.append(
                    f"{name}: {entry.cases} cases in the file, under {python} "
                    f"{count.ran} ran and {count.cases - count.ran} were left out"
                )
            if any(not reason.strip() for reason in count.left_out):
                found.append(f"{name}: cases left out under {python} without a reason")
    return found


def missing_counts(entries: dict[str, Entry], counts: Counts) -> list[str]:
    """What nobody read, a sentence each."""
    found = []
    for name, entry in sorted(entries.items()):
        if entry.unknown:
            found.append(f"{name}: {entry.note}")
        elif entry.cases is not None:
            found += [
                f"{name}: no test counted it under {python}"
                for python in PYTHONS
                if (name, python) not in counts
            ]
    return found


def table(entries: dict[str, Entry], counts: Counts) -> list[str]:
    """Lines of the table: a row a file that was read, the reasons below it, then what nobody has to read."""
    names = sorted({name for name, _ in counts})
    width = max([len(name) for name in names] + [4])
    lines = [f"{'file':{width}}  cases  CPython  MicroPython  left out"]
    sums = dict.fromkeys(PYTHONS, 0)
    cases = 0
    for name in names:
        entry = entries.get(name)
        row = f"{name:{width}}  {'?' if entry is None or entry.cases is None else entry.cases:>5}"
        cases += (entry.cases if entry else 0) or 0
        reasons: dict[tuple[str, int], list[str]] = {}
        for python in PYTHONS:
            given = counts.get((name, python), [])
            ran = sum(count.ran for count in given)
            sums[python] += ran
            row += f"  {ran if given else '-':>{len(python)}}"
            for count in given:
                for reason in count.left_out.items():
                    reasons.setdefault(reason, []).append(python)
        lines.append((row + f"  {_together(reasons, name, counts)}").rstrip())
        if len(reasons) > 1:
            lines += [f"{'':{width}}    {_reason(r, n, p, name, counts)}" for (r, n), p in reasons.items()]
    lines.append(f"{len(names)} files, {cases} cases" + "".join(f", {p} ran {n}" for p, n in sums.items()))
    aside: dict[str, list[str]] = {}
    for name, entry in sorted(entries.items()):
        if entry.cases is None:
            aside.setdefault(entry.note, []).append(name)
    lines += [f"not run, {note}: {', '.join(_folders(found))}" for note, found in aside.items()]
    return lines


def _together(reasons: dict[tuple[str, int], list[str]], name: str, counts: Counts) -> str:
    if len(reasons) == 1:
        ((reason, cases), pythons), *_ = reasons.items()
        return _reason(reason, cases, pythons, name, counts)
    return "as follows" if reasons else ""


def _reason(reason: str, cases: int, pythons: list[str], name: str, counts: Counts) -> str:
    everywhere = len(pythons) == sum((name, python) in counts for python in PYTHONS)
    return f"{cases}: {reason}" + ("" if everywhere else f" ({pythons[0]})")


def _folders(names: list[str]) -> list[str]:
    """Many files of one folder are told as one."""
    folders: dict[str, list[str]] = {}
    for name in names:
        folders.setdefault(name.rpartition("/")[0], []).append(name)
    told = []
    for folder, inside in folders.items():
        told += [f"{folder}/ ({len(inside)} files)"] if folder and len(inside) > 2 else inside
    return told


class Account:
    """Collects the counts; judges and prints them where the run ends."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.counts: Counts = {}
        self.whole = False  # all tests that count were selected
        self.deselected: set[Path] = set()

    def entries(self) -> dict[str, Entry]:
        root = vectors_root()
        return catalogue(Path(root)) if root else {}

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self.deselected |= {item.path for item in items}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call":
            return
        for name, value in report.user_properties:
            if name == "vectors":
                key = (value["file"], value["python"])
                self.counts.setdefault(key, []).append(Count(value["ran"], value["left_out"]))
            elif name == WHOLE:
                self.whole = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Only here is known what all the tests counted, those in xdist's workers too."""
        if hasattr(self.config, "workerinput"):
            return
        entries = self.entries()
        found = wrong_counts(entries, self.counts)
        if self.whole and not (session.shouldfail or session.shouldstop):
            found += missing_counts(entries, self.counts)
        if not found:
            return
        path, _, name = _JUDGE.partition("::")
        failed = pytest.TestReport(_JUDGE, (path, None, name), {}, "failed", "\n".join(found), "call")
        self.config.hook.pytest_runtest_logreport(report=failed)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.counts:
            terminalreporter.section("vectors")
            for line in table(self.entries(), self.counts):
                terminalreporter.write_line(line)
