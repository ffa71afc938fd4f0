"""How errors stand on a terminal of eighty columns."""

import re

import pytest

import flash as tool
from flashing.errors import FlashError

WORDS = "press its RESET, then run the same command again: it goes on from there, " * 2


@pytest.fixture
def shown(monkeypatch, capsys):
    def show(error, columns):
        monkeypatch.setattr(tool.sys.stderr, "isatty", lambda: bool(columns), raising=False)
        monkeypatch.setenv("COLUMNS", str(columns or 80))
        tool._explain(error, "./flash.py flash", False)
        return capsys.readouterr().err

    return show


def test_words_are_not_cut_and_a_command_is_one_line(shown):
    command = "./flash.py files --port /dev/" + "x" * 90
    lines = shown(FlashError("full", "here", WORDS + "\n          line 3: more", command), 80).splitlines()
    assert f"  run:    {command}" in lines
    others = [line for line in lines if not line.startswith("  run:")]
    assert max(map(len, others)) <= 80
    assert "          line 3: more" in lines
    assert re.sub(r"\s+", " ", WORDS).strip() in re.sub(r"\s+", " ", " ".join(lines))


def test_what_goes_to_a_program_is_left_as_it_is(shown):
    assert f"  do:     {WORDS}" in shown(FlashError("full", "here", WORDS), 0)
