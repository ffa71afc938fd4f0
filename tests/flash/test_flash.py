"""`./flash.py flash` against a simulated board: real console, selector and slots, on simulated flash."""

import json

import pytest

import flash as tool
from hwsim.board_stand import BoardStand
from tests.flash.small_programs import program


@pytest.fixture
def run(tmp_path, capsys):
    """`run(stand, program, *options)`: (exit code, standard output, standard error) of the command."""

    def flash(stand, image, *options, board="SIM"):
        file = tmp_path / f"{image.version_text}.romfs"
        file.write_bytes(image.data)
        words = ["flash", "--board", board, "--port", stand.port, "--image", str(file), *options]
        code = tool.main(words)
        said = capsys.readouterr()
        return code, said.out, said.err

    return flash


def result(done):
    code, out, err = done
    assert code == 0, err
    return json.loads(out)


def error(done):
    code, out, _ = done
    assert code == 1
    return json.loads(out)["error"]


@pytest.fixture
def stand():
    with BoardStand() as board:
        yield board


def test_a_board_with_nothing_but_micropython_runs_the_program_after_it(stand, run):
    done = result(run(stand, program("0.1.0"), "--json"))
    assert done["started"] == {"version": "0.1.0", "slot": 0}
    assert done["transfer"]["sent"] == 8


def test_an_update_sends_what_changed_into_the_other_slot(stand, run):
    result(run(stand, program("0.1.0"), "--json"))
    done = result(run(stand, program("0.2.0", changed=(3,)), "--json"))
    assert done["started"] == {"version": "0.2.0", "slot": 1}
    assert done["transfer"]["was"] == "0.1.0"
    assert done["transfer"]["copied"] >= 4


def test_the_same_again_sends_nothing(stand, run):
    result(run(stand, program("0.1.0"), "--json"))
    done = result(run(stand, program("0.1.0"), "--json"))
    assert done["transfer"]["unchanged"]
    assert done["transfer"]["bytes_sent"] == 0
    assert done["started"] == {"version": "0.1.0", "slot": 0}
