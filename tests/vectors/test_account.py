"""Every vector file is run under both Pythons, whole, or says why not."""

import hmac
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.portable import vectors_root
from tests.vectors.account import WHOLE, Count, missing_counts, table, wrong_counts
from tests.vectors.catalogue import UNKNOWN, Entry, catalogue

ENTRIES = {"cbor/a.json": Entry(10), "suit/x": Entry(None, "not ours"), "licences/y": Entry(None, "texts")}


def whole() -> dict[tuple[str, str], list[Count]]:
    return {
        ("cbor/a.json", "CPython"): [Count(10)],
        ("cbor/a.json", "MicroPython"): [Count(8, {"a float": 2})],
    }


def counting_files() -> set[Path]:
    return {path for path in (ROOT / "tests").rglob("test_*.py") if "with Tally(" in path.read_text("utf-8")}


def test_no_case_is_left_out_without_a_reason(request):
    """This test asks for the account; it is judged where the run ends, when all the others have counted."""
    if vectors_root() is None:
        pytest.skip("no vectors: set PATROLA_VECTORS to their folder")
    account = request.config.pluginmanager.get_plugin("vectors")
    selected = {item.path for item in request.session.items}
    counting = counting_files()
    if not counting <= selected or counting & account.deselected:
        pytest.skip("only a part of the tests that count is being run")
    request.node.user_properties.append((WHOLE, True))
    assert not missing_counts({n: e for n, e in account.entries().items() if e.unknown}, {})


def test_a_whole_account_is_right():
    assert wrong_counts(ENTRIES, whole()) == missing_counts(ENTRIES, whole()) == []


def test_a_sum_that_does_not_come_out_is_told():
    counts = whole()
    counts["cbor/a.json", "CPython"] = [Count(9)]
    (told,) = wrong_counts(ENTRIES, counts)
    assert told == "cbor/a.json: 10 cases in the file, under CPython 9 ran and 0 were left out"


def test_a_missing_reason_is_told():
    counts = whole()
    counts["cbor/a.json", "CPython"] = [Count(9, {" ": 1})]
    assert wrong_counts(ENTRIES, counts) == ["cbor/a.json: cases left out under CPython without a reason"]


def test_a_python_that_did_not_run_is_told():
    counts = whole()
    del counts["cbor/a.json", "MicroPython"]
    assert missing_counts(ENTRIES, counts) == ["cbor/a.json: no test counted it under MicroPython"]


def test_two_owners_strangers_and_unknown_files_are_told():
    counts = whole()
    counts["cbor/a.json", "CPython"] *= 2
    counts["cbor/b.json", "CPython"] = [Count(1)]
    counts["suit/x", "CPython"] = [Count(1)]
    told = wrong_counts(ENTRIES, counts)
    assert len(told) == 3 and "2 times" in told[0] and "no such file" in told[1] and "not ours" in told[2]
    assert missing_counts({**ENTRIES, "cbor/c.json": UNKNOWN}, whole())[0].startswith(
        "cbor/c.json: of a shape"
    )


def test_the_table():
    assert table(ENTRIES, whole()) == [
        "file         cases  CPython  MicroPython  left out",
        "cbor/a.json     10       10            8  2: a float (MicroPython)",
        "1 files, 10 cases, CPython ran 10, MicroPython ran 8",
        "not run, texts: licences/y",
        "not run, not ours: suit/x",
    ]


def test_a_file_is_known_by_its_shape(tmp_path):
    for name, text, cases in (
        ("cbor/more.json", '[{"hex": "00"}, {"hex": "01"}]', 2),
        ("cbor/else.json", '{"a": 1}', None),
        ("crypto/more_test.json", '{"numberOfTests": 7, "testGroups": []}', 7),
        ("nmea/deep/er/x.log", "$GPRMC\r\n\r\n$GPGGA\n", 2),
        ("newly/here.json", "[]", None),
        ("licences/MIT.txt", "MIT", None),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        assert catalogue(tmp_path)[name].cases == cases, name
    assert [name for name, e in catalogue(tmp_path).items() if e.unknown] == [
        "cbor/else.json",
        "newly/here.json",
    ]


def run(tmp_path, file, *arguments):
    """A run of pytest by itself, over a folder of vectors of this test's own."""
    environment = {**os.environ, "PATROLA_VECTORS": str(tmp_path)}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"tests/vectors/{file}",
        *arguments,
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def write(tmp_path, name, value):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value))


def test_a_wrong_value_in_a_file_fails_under_both(tmp_path):
    case = {"hex": "1903e8", "roundtrip": True, "decoded": 1000}
    write(tmp_path, "cbor/one.json", [case])
    code, output = run(tmp_path, "test_cbor.py")
    assert code == 0 and "cbor/one.json      1        1            1" in output
    write(tmp_path, "cbor/one.json", [{**case, "decoded": 1001}])
    code, output = run(tmp_path, "test_cbor.py")
    assert code == 1 and "2 failed" in output
    assert "test_each_item_is_read_as_it_is_meant[micropython]" in output


def test_a_case_that_nobody_counted_fails_under_xdist_too(tmp_path):
    tag = hmac.digest(b"Jefe", b"", "sha256").hex()
    case = {"tcId": 1, "key": b"Jefe".hex(), "msg": "", "tag": tag, "result": "valid"}
    group = {"type": "MacTest", "tagSize": 256, "tests": [case]}
    file = {"algorithm": "HMACSHA256", "numberOfTests": 2, "testGroups": [group]}
    write(tmp_path, "crypto/one_test.json", file)
    code, output = run(tmp_path, "test_wycheproof.py", "-n", "2")
    assert code == 1 and "1 failed, 4 passed" in output
    for python in ("CPython", "MicroPython"):
        told = f"crypto/one_test.json: 2 cases in the file, under {python} 1 ran and 0 were left out"
        assert told in output
