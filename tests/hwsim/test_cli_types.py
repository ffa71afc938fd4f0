"""What is typed for an option is a number that it can be, or a sentence says what it has to be."""

import argparse

import pytest

from hwsim.__main__ import parser
from hwsim.cli import types


@pytest.mark.parametrize(
    ("kind", "good", "wrong"),
    [
        (types.count, {"1": 1, "70000": 70000}, ("0", "-1", "1.5")),
        (types.terminals, {"1": 1, "200": 200}, ("0", "201", "2.0")),
        (types.positive, {"0.5": 0.5, "24": 24.0}, ("0", "-2")),
        (types.speed, {"0": 0.0, "2.5": 2.5}, ("-0.1",)),
        (types.probability, {"0": 0.0, "0.3": 0.3}, ("1", "-0.1", "30")),
    ],
)
def test_numbers(kind, good, wrong):
    for text, value in good.items():
        assert kind(text) == value
    for text in (*wrong, "", "x", "nan", "inf", "-inf", "1e999"):
        with pytest.raises(argparse.ArgumentTypeError, match=f", not {text}$"):
            kind(text)


@pytest.mark.parametrize(
    "words",
    [
        ["conformance", "--report", "{here}/file"],
        ["conformance", "--report", "/proc/report"],
        ["conformance", "--pages", "{here}/missing/page.md"],
        ["run", "KEY-01", "--html", "{here}"],
        ["run", "KEY-01", "--svg", "{here}/missing/story.svg"],
        ["conformance", "--terminal", "no_such_module:Terminal"],
        ["conformance", "--terminal", "hwsim.terminal:NoSuch"],
        ["conformance", "--terminal", "hwsim.terminal"],
        ["seeds", "--faults", "nonsense"],
        ["month", "--days", "2"],
        ["load", "--rows", "{here}/missing/cars.jsonl"],
        ["load", "--gateway-key", "zz"],
        ["load", "--gateway-key", "60fed4"],
    ],
)
def test_what_cannot_be_written_or_found_is_said_before_the_work_begins(words, tmp_path, capsys):
    (tmp_path / "file").write_text("of the last run")
    words = [word.format(here=tmp_path) for word in words]
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(words)
    assert ended.value.code == 2
    assert f"error: argument {words[-2]}: " in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "of the last run"


def test_a_report_goes_to_a_folder_that_is_made(tmp_path):
    options = parser().parse_args(["conformance", "--report", str(tmp_path / "new" / "report")])
    assert options.report.is_dir() and not list(options.report.iterdir())
