"""`python -m hwsim demo` as a newcomer types it: its exit code, and what it measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("raised_ms", "sent_ms", "stored_ms", "relayed_ms", "acknowledged_ms", "shown_ms")


def demo(tmp_path, *arguments, code=0):
    """Run it without a terminal; (what it printed, demo.json)."""
    output = tmp_path / "demo.json"
    done = subprocess.run(
        [sys.executable, "-m", "hwsim", "demo", "--json", str(output), *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout, json.loads(output.read_text()) if output.exists() else None


def check(report, terminals):
    """Acceptance of the demonstration: everything made is stored and relayed, once."""
    assert report["terminals"] == terminals
    assert report["created"] == report["stored"] == report["relayed"] > 5 * terminals
    assert report["lost"] == report["duplicates_northbound"] == 0
    assert report["broken"] == []
    (panic,) = report["panics"]
    times = [panic[stage] for stage in STAGES]
    assert times[0] == 0 and times == sorted(times), panic
    return panic


def test_three_cars_for_40_seconds(tmp_path):
    said, report = demo(tmp_path, "--seconds", "40")
    panic = check(report, 3)
    assert panic["stored_ms"] < 2000
    assert "every promise was kept" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--loss", "1.5"], "a probability from 0 to below 1, not 1.5"),
        (["--terminals", "0"], "1 to 200 terminals, not 0"),
        (["--nmea", "nowhere.log"], "no such file: nowhere.log"),
        (["--rtt", "-3"], "more than 0, not -3"),
        (["--broker", "rabbit"], "invalid choice: 'rabbit'"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(tmp_path, arguments, words):
    done = subprocess.run(
        [sys.executable, "-m", "hwsim", "demo", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert words in done.stderr
