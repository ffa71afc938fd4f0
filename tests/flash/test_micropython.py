"""A board whose MicroPython is another than the program was made for: what is told, and what mends it."""

import hashlib

import pytest

from flashing import image, programmer
from flashing.board import recognise
from flashing.errors import FlashError
from hwsim.board_stand import BoardStand
from tests.flash.conftest import error, result
from tests.flash.small_programs import program

FIRST = program("0.1.0")
FILE = b"MicroPython 1.29.0 of this board"


@pytest.mark.parametrize(
    "version, good",
    [("1.29.0", True), ("1.29.3", True), ("1.28.0", False), ("1.30.0", False), ("2.29.0", False)]
    + [("1.29.0-preview", False), ("1.30.0-preview", False)],
)
def test_the_minor_version_is_the_same_and_no_fix_is_missing(version, good):
    assert recognise.suits(version, "1.29.0") == good
    assert recognise.suits("1.29.0", "1.29.1") is False
    assert recognise.suits(version, "")  # an image that does not say which


@pytest.mark.parametrize("name", [n for n in image.board_names() if not n.startswith("SIM")])
def test_every_board_is_to_have_the_one_that_programs_are_made_for(name):
    assert recognise.suits(image.load_board(name)["micropython"]["version"], image.compiled_for())


@pytest.fixture
def real(monkeypatch):
    """`real(**pinned)`: the simulated board's description as that of a real one, which pins a file."""

    def described(**pinned):
        entry = {"version": "1.29.0", "file": "micropython-SIM.bin", **pinned}
        whole = image.load_board("SIM") | {"state": "tried", "micropython": entry}
        monkeypatch.setattr(image, "load_board", lambda _: whole)

    return described


def test_the_command_that_is_printed_puts_the_right_one_on_and_goes_on(real, flash_run, monkeypatch):
    """The loader of a chip is held in test_programmer.py; here it does what it has to."""
    real(sha256=hashlib.sha256(FILE).hexdigest())
    with BoardStand(micropython="1.26.0") as stand:
        failed = error(flash_run(stand, FIRST, "--json"))
        assert failed["what"] == "wrong MicroPython: the board has 1.26.0, the program was made for 1.29.0"
        assert failed["command"] == failed["again"] + " --micropython micropython-SIM.bin"

        def put(_board, _port, file, _steps):
            assert file.name == "micropython-SIM.bin"
            stand.console.made["version"] = "1.29.0"

        monkeypatch.setattr(programmer, "put", put)
        done = result(flash_run(stand, FIRST, "--json", "--micropython", "micropython-SIM.bin"))
        assert done["found"]["micropython"] == "1.29.0"
        assert done["started"] == {"version": "0.1.0", "slot": 0}


def test_while_nobody_has_pinned_one_it_says_where_that_is_explained(real, flash_run):
    real()
    with BoardStand(micropython="1.26.0") as stand:
        failed = error(flash_run(stand, FIRST, "--json"))
    assert failed["command"] == ""
    assert "None is pinned for this board yet: boards/SIM/README.md says how" in failed["do"]


def test_an_image_for_another_micropython_than_its_boards_have(real, flash_run):
    """That of the board is right, and none is to be put in its place."""
    real(version="1.28.0", sha256="00" * 32)
    with BoardStand(micropython="1.28.0") as stand:
        failed = error(flash_run(stand, FIRST, "--json"))
    assert (failed["reason"], failed["command"]) == ("image", "")
    assert failed["do"].startswith("boards of this kind have 1.28.0: leave --image out")


def test_a_simulated_board_has_no_loader(tmp_path):
    with pytest.raises(FlashError) as wrong:
        programmer.put(image.load_board("SIM"), "port", tmp_path / "none", None)
    assert wrong.value.what == "nothing here puts MicroPython on a sim"
