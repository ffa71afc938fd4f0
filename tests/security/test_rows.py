"""Every promise about security has its test, wherever that stands: docs/security.md names them."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "security.md"
HERE = "tests/security/"
ROWS = re.findall(
    r"^\| (.+?) \| `(tests/[\w/]+\.py)::(\w+)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
)


@cache
def functions(path):
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(("promise", "path", "name"), ROWS, ids=[promise for promise, _, _ in ROWS])
def test_every_promise_has_its_test(promise, path, name):
    assert name in functions(path), f"{promise}: no {path}::{name}"


def test_every_row_is_read():
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if "::" in line]
    assert len(lines) == len(ROWS) > 30


def test_no_test_of_this_folder_stands_in_no_row_but_those_that_check_the_looks():
    named = {path + "::" + name for _, path, name in ROWS}
    ours = {
        f"{HERE}{file.name}::{name}"
        for file in sorted(Path(__file__).parent.glob("test_*.py"))
        for name in functions(f"{HERE}{file.name}")
        if name.startswith("test_") and file.name != "test_rows.py"
    }
    looks = {test for test in ours if re.search("_look_|_scan_would|_that_is_compared", test)}
    assert ours - looks <= named, ours - looks - named
