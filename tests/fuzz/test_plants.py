"""A fuzzer that finds nothing must be able to find something: planted bugs, and the way a finding is told."""

import json
import shlex
import subprocess
import sys
from binascii import crc32
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.fuzz import judge
from tests.fuzz.mutate import Random, mutant
from tests.fuzz.plants import PLANTS
from tests.fuzz.registry import Target, seeds

ROOT = Path(__file__).resolve().parents[2]
ENGINES = ["hypothesis"] + (["atheris"] if find_spec("atheris") else [])
TRIES = 60_000


@pytest.fixture
def planted():
    done = []

    def plant(name):
        PLANTS[name].plant()
        done.append(PLANTS[name])
        return PLANTS[name].target

    yield plant
    for one in done:
        one.unplant()


def first_finding(target, corpus, number):
    """(input, exception) of the first mutant that is a finding, or None."""
    random = Random(number)
    for _ in range(TRIES):
        data = mutant(random, corpus, target.tokens, target.most)
        try:
            judge.timed(target, data)
        except Exception as error:
            return data, error
    return None


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_bug_is_found_and_made_small(plant, planted, monkeypatch):
    monkeypatch.setattr(judge, "LIMIT_S", 0.3)
    judge.arm()
    target = Target(PLANTS[plant].target)
    corpus = [data for _, data in seeds(target.name)]
    for data in corpus:
        judge.timed(target, data)
    planted(plant)
    if plant == "coap_keeps":
        with pytest.raises(judge.Grows):
            judge.growth(target, corpus)
        return
    found = first_finding(target, corpus, crc32(plant.encode()))
    assert found is not None, f"{PLANTS[plant].what}: not found in {TRIES} mutants"
    data, error = found
    assert isinstance(error, judge.TooSlow) == (plant == "cbor_hang"), error
    small = judge.shrink(target, data, type(error), 600)
    assert len(small) <= len(data)
    with pytest.raises(type(error)):
        judge.timed(target, small)


def fuzz(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--folder", str(folder), "--jobs", "1", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_finding_ends_with_1_and_a_command_that_repeats_it(engine, tmp_path):
    more = ("--target", "nmea_sentence", "--seconds", "20", "--engine", engine, "--plant", "nmea_value_error")
    done = fuzz(tmp_path, *more, "--json", str(tmp_path / "table.json"))
    assert done.returncode == 1, done.stdout + done.stderr
    (finding,) = json.loads((tmp_path / "table.json").read_text())["findings"]
    assert "ValueError" in finding["error"] and finding["target"] == "nmea_sentence"
    assert bytes.fromhex(Path(finding["saved"]).read_text()) == bytes.fromhex(finding["input"])
    assert finding["repeat"] in done.stdout
    again = subprocess.run(
        shlex.split(finding["repeat"]), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert again.returncode == 1 and "ValueError" in again.stderr
    healthy = shlex.split(finding["repeat"].replace("--plant nmea_value_error", ""))
    done = subprocess.run(healthy, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("engine", ENGINES)
def test_a_healthy_reader_ends_with_0_and_a_table(engine, tmp_path):
    more = ("--target", "cbor_decode", "--target", "at_gnss", "--seconds", "2", "--engine", engine)
    done = fuzz(tmp_path, *more, "--json", str(tmp_path / "table.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads((tmp_path / "table.json").read_text())["targets"]
    assert [row["target"] for row in rows] == ["cbor_decode", "at_gnss"]
    for row in rows:
        assert row["engine"] == engine and row["executions"] > 100 and row["grown_bytes"] < judge.GROWTH_LIMIT
        assert (row["edges"] == "-") == (engine == "hypothesis")
    assert "cbor_decode" in done.stdout and engine in done.stdout


def test_a_worker_that_breaks_is_a_finding(tmp_path):
    """Silence must not look like success."""
    done = fuzz(tmp_path, "--target", "utf8", "--seconds", "1", "--plant", "no_such_plant")
    assert done.returncode == 1 and "the worker ended" in done.stdout
