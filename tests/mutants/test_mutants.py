"""Planted bugs: all of them fit the code, and a few are hunted in full. `make mutants` hunts them all."""

import ast
import json

import pytest

from tests.mutants import __main__ as hunt
from tests.mutants.catalogue import MUTANTS, Mutant
from tests.mutants.copies import ROOT, Stale, plant
from tests.mutants.stories import STORIES
from tests.mutants.verdicts import Verdict


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_fits_the_code_and_is_code(mutant, tmp_path):
    for name, _, _ in mutant.edits:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text("utf-8"), "utf-8")
    plant(tmp_path, mutant)
    for name, _, _ in mutant.edits:
        ast.parse((tmp_path / name).read_text("utf-8"))


def test_there_are_enough_in_every_room_and_each_has_a_check():
    assert len(MUTANTS) >= 15
    assert {mutant.room for mutant in MUTANTS} == {"firmware", "protocol", "gateway"}
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    for mutant in MUTANTS:
        assert mutant.checks
        for check in mutant.checks:
            kind, _, name = check.partition(":")
            assert kind in ("story", "case", "test", "soak")
            assert kind != "story" or name in STORIES, check
            assert kind != "test" or (ROOT / "tests" / f"{name}.py").exists(), check


def test_one_that_no_longer_fits_is_an_error(tmp_path):
    (tmp_path / "x.py").write_text("a = 1\na = 1\n")
    for old in ("b = 1", "a = 1"):
        with pytest.raises(Stale):
            plant(tmp_path, Mutant("stale", "x.py", old, "c = 1", "", ()))
    plant(tmp_path, Mutant("fits", "x.py", "a = 1\na", "a = 2\na", "", ()))
    assert (tmp_path / "x.py").read_text() == "a = 2\na = 1\n"


def test_a_survivor_ends_with_1(monkeypatch, capsys):
    verdicts = {
        "found": Verdict("story:shift", ("1.000 s, lamp: a lie",)),
        "lives": Verdict("story:shift", ()),
    }
    for name, code in (("found", 0), ("lives", 1)):
        chosen = (
            Mutant(name, "firmware/desk.py", "report.EVENT_CODE", "report.EVENT_CODE", "", ("story:shift",)),
        )
        monkeypatch.setattr(hunt, "MUTANTS", chosen)
        monkeypatch.setattr(hunt, "copy", lambda place: place.mkdir())
        monkeypatch.setattr(hunt, "plant", lambda place, mutant: None)
        monkeypatch.setattr(hunt, "build", lambda *_: None)
        monkeypatch.setattr(
            hunt,
            "ask",
            lambda place, check: Verdict(check, ()) if place.name == "pristine" else verdicts[place.name],
        )
        assert hunt.main([]) == code
        assert ("SURVIVED" in capsys.readouterr().out) == bool(code)
    monkeypatch.setattr(hunt, "ask", lambda place, check: verdicts["found"])
    monkeypatch.setattr(hunt, "MUTANTS", chosen)
    assert hunt.main([]) == 1, "a check that complains of the tree as it is proves nothing"
    assert hunt.main(["no-such-bug"]) == 2


def test_the_quick_ones_are_found(capsys):
    assert hunt.main(["--quick", "--jobs", "1"]) == 0, capsys.readouterr().out
    print(capsys.readouterr().out)


def test_a_verdict_names_the_rules():
    sentences = json.loads('["1.5 s, lamp: a: b", "2.5 s, lamp: c", "3 s, nonce: d"]')
    assert Verdict("x", tuple(sentences)).rules == ["lamp", "nonce"]
