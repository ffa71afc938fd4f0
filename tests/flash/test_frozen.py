"""Names that a board's MicroPython has frozen into it: they are those of the program, and become names."""

import re

import pytest

from flashing import frozen
from flashing.image import BOARDS, board_names, compile_program


@pytest.mark.parametrize("board", ["SIM", "SIXFAB-PICO-LTE"])
def test_few_names_of_a_program_are_not_in_its_boards_micropython(board):
    """More would make the table of names grow on the heap; `python -m flashing.frozen --write` mends it."""
    missing = frozen.missing(board)
    assert len(missing) <= frozen.MORE, sorted(missing)


def test_a_name_that_is_not_there_is_missing(monkeypatch, tmp_path):
    fewer = tmp_path / frozen.FILE.name
    text = frozen.FILE.read_text("utf-8")
    assert "(x.Backoff," in text
    fewer.write_text(text.replace("(x.Backoff,", "("), "utf-8")
    before = frozen.missing("SIM")
    monkeypatch.setattr(frozen, "FILE", fewer)
    assert frozen.missing("SIM") - before == {"Backoff"}


def test_whatever_is_used_as_a_name_becomes_one(tmp_path):
    used = {"plain", "%s: %r", "firmware.hal", "a file that is too long/for a name.py", "None"}
    compile_program({"names.py": frozen.module(used)}, tmp_path, tmp_path / "rom")
    found = frozen.names_of((tmp_path / "rom" / "names.mpy").read_bytes())
    assert found >= {"plain", "%s: %r", "firmware.hal"}
    assert not {name for name in found if "too long" in name}


def test_each_boards_micropython_freezes_them():
    manifests = [BOARDS / name / "micropython" / "manifest.py" for name in board_names()]
    manifests = [path for path in manifests if path.is_file()]
    assert len(manifests) == 4
    for path in manifests:
        found = re.search(r'^freeze\("([./\w]+)", "(\w+\.py)"\)', path.read_text("utf-8"), re.M)
        folder, name = found.groups()
        assert (path.parent / folder / name).resolve() == frozen.FILE
