"""What a technician sees when a board cannot be flashed: one test for each, with the text."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import flash as tool
from flashing.board import console as consoles
from flashing.board import holders, install
from flashing.board.console import Console
from flashing.board.plan import Plan, blocks
from hwsim.board_stand import BoardStand
from tests.conftest import ROOT
from tests.flash.boards import pair
from tests.flash.conftest import error, result
from tests.flash.small_programs import program

FIRST = program("0.1.0")


_FILL = """
f = open("/fill", "wb")
try:
    while True:
        f.write(bytes(4096))
        f.flush()
except OSError:
    pass
"""


@pytest.fixture
def hasty(monkeypatch):
    """Whatever is silent is so at once."""
    monkeypatch.setattr(consoles, "_START_S", 0.6)


def pasted(command):
    """(exit code, standard output, standard error) of a command as a shell takes it."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def shown(done):
    """(exit code, what stands on standard error after the steps)."""
    code, _, err = done
    return code, [line for line in err.splitlines() if line.startswith(("flash.py:", "  "))]


def test_nothing_answers(flash_run, hasty):
    with pair() as (_, port):
        code, lines = shown(flash_run(None, FIRST, port=port))
    assert code == 1
    assert lines[:2] == ["flash.py: no answer: not one byte came", f"  where:  {port}"]
    assert lines[2].startswith("  do:     check that the board has power and that this is its port")
    assert lines[3].startswith(f"  again:  ./flash.py flash --board SIM --port {port} --image ")


def test_there_is_no_such_port(flash_run):
    code, lines = shown(flash_run(None, FIRST, port="/dev/ttyUSB77"))
    assert code == 1
    assert lines[:-1] == [
        "flash.py: there is no such port",
        "  where:  /dev/ttyUSB77",
        "  do:     plug the board in with a cable that carries data; this lists what is there",
        "  run:    ./flash.py ports",
    ]


def test_no_port_was_named_and_none_can_be_found(capsys):
    assert tool.main(["flash", "--board", "SIM"]) == 2
    assert "SIM has no USB numbers by which its port could be found" in capsys.readouterr().err


def test_there_is_no_such_board(capsys):
    assert tool.main(["flash", "--board", "SON", "--port", "x"]) == 1
    assert "no board 'SON'. There are: " in capsys.readouterr().err


def test_another_program_holds_the_port(flash_run, monkeypatch):
    with pair() as (_, port):
        monkeypatch.setattr(holders, "holders", lambda _port: [(4711, "minicom")])
        code, lines = shown(flash_run(None, FIRST, port=port))
    assert code == 1
    assert lines[:-1] == [
        "flash.py: minicom (process 4711) holds the port",
        f"  where:  {port}",
        "  do:     close that program, or end it",
        "  run:    kill 4711",
    ]


def test_what_is_printed_for_a_held_port_frees_it_when_it_is_pasted(flash_run, hasty):
    """The program is a real one."""
    with pair() as (_, port):
        script = "import sys\nf = open(sys.argv[1])\nprint(flush=True)\nf.read()"
        command = [sys.executable, "-c", script, port]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
            other.stdout.readline()
            failed = error(flash_run(None, FIRST, "--json", port=port))
            assert (failed["reason"], failed["command"]) == ("busy", f"kill {other.pid}")
            assert pasted(failed["command"])[0] == 0
            other.wait()
        assert error(flash_run(None, FIRST, "--json", port=port))["reason"] == "silent"


def test_another_chip(flash_run):
    with BoardStand(machine="Generic ESP32S3 module with ESP32S3") as stand:
        code, lines = shown(flash_run(stand, FIRST))
    assert code == 1
    assert lines[:-1] == [
        "flash.py: wrong board: this is 'Generic ESP32S3 module with ESP32S3'; "
        "SIM, which was asked for, has the chip sim",
        f"  where:  {lines[1].split()[-1]}",
        "  do:     put a SIM at this port; or, with that chip, it is to be --board LILYGO-T-A7670X-S3",
        "  run:    ./flash.py boards",
    ]
    assert "LILYGO-T-A7670X-S3" in pasted("./flash.py boards")[1]


def test_a_micropython_that_takes_other_files(flash_run):
    other = dataclasses.replace(FIRST, mpy=7)
    assert other.mpy != FIRST.mpy
    with BoardStand() as stand:
        stand.console.made["mpy"] = 5 | 2 << 10
        failed = error(flash_run(stand, FIRST, "--json"))
    assert failed["reason"] == "micropython"
    assert failed["what"] == (
        "wrong MicroPython: 1.29.0 takes .mpy files of version 5, the program is compiled as version 6"
    )
    assert failed["command"] == "python -m hwsim board --pty --board SIM --micropython 1.29.0"


@pytest.mark.parametrize("version", ["1.26.0", "1.30.0"])
def test_another_micropython_than_the_program_was_made_for(version, flash_run):
    """Its files would be taken by all of these."""
    with BoardStand(micropython=version) as stand:
        code, lines = shown(flash_run(stand, FIRST))
    assert code == 1
    assert lines[:4] == [
        f"flash.py: wrong MicroPython: the board has {version}, the program was made for 1.29.0",
        f"  where:  {stand.port}",
        "  do:     start the simulated board with that one",
        "  run:    python -m hwsim board --pty --board SIM --micropython 1.29.0",
    ]


def test_a_chip_with_nothing_on_it(flash_run, hasty):
    with BoardStand(micropython=None) as stand:
        failed = error(flash_run(stand, FIRST, "--json"))
    assert failed["reason"] == "blank"
    assert failed["what"] == "the chip is there, but its flash holds no MicroPython that starts"
    assert failed["command"] == "python -m hwsim board --pty --board SIM"


def test_a_program_that_does_not_start_gives_way_to_the_old_one(flash_run):
    with BoardStand() as stand:
        result(flash_run(stand, FIRST, "--json"))
        failed = error(flash_run(stand, program("0.2.0", "raises"), "--json"))
        assert failed["reason"] == "start"
        assert failed["what"] == "the new program did not start; 0.1.0 runs again"
        assert "ValueError: this program does not start" in failed["where"]
        done = result(flash_run(stand, program("0.3.0"), "--json"))
        assert done["started"] == {"version": "0.3.0", "slot": 1}


def test_a_program_that_hangs_gives_way_to_the_old_one(flash_run):
    with BoardStand() as stand:
        result(flash_run(stand, FIRST, "--json"))
        failed = error(flash_run(stand, program("0.2.0", "hangs"), "--json"))
    assert failed["what"] == "the new program did not start; 0.1.0 runs again"


def test_an_older_program_only_when_it_is_wanted(flash_run):
    with BoardStand() as stand:
        result(flash_run(stand, program("0.2.0"), "--json"))
        starts = stand.terminal.starts
        failed = error(flash_run(stand, FIRST, "--json"))
        # It was held at its prompt for the look, and runs again what it ran.
        assert stand.until(lambda: stand.terminal.starts == starts + 2)
        assert failed["what"] == "the program on the board, 0.2.0, is newer than this one, 0.1.0"
        assert failed["command"] == failed["again"] + " --allow-downgrade"
        assert result(flash_run(stand, FIRST, "--json", "--allow-downgrade"))["started"]["version"] == "0.1.0"


def test_an_image_for_another_board(flash_run):
    with BoardStand() as stand:
        failed = error(flash_run(stand, program(board="LILYGO-T-A7670"), "--json"))
    assert failed["what"] == "the image is for LILYGO-T-A7670, not for SIM"


def test_a_program_larger_than_a_slot(flash_run):
    with BoardStand() as stand:
        failed = error(flash_run(stand, program(blocks=130), "--json"))
    assert failed["reason"] == "full"
    assert "a slot of this board holds 520192" in failed["what"]


def test_a_full_file_system(flash_run):
    """Nothing of the programs lies there, but what starts them does."""
    with BoardStand() as stand:
        with Console.open(stand.port) as console:
            console.enter()
            console.exec(_FILL)
        failed = error(flash_run(stand, FIRST, "--json"))
        assert failed["reason"] == "full"
        assert failed["what"] == "the board's file system is full"
        assert failed["command"] == f"./flash.py files --port {stand.port} --baud 921600"
        code, out, _ = pasted(failed["command"])
        assert (code, "/fill   not a terminal's own" in out, "/main.py\n" in out) == (0, True, False)
        assert pasted(failed["command"] + " --remove /fill")[0] == 0
        result(flash_run(stand, FIRST, "--json"))
        code, _, err = pasted(failed["command"] + " --remove /main.py")
        assert (code, "/main.py is the terminal's own" in err) == (1, True)


def test_flash_that_holds_something_else_is_found_and_the_old_program_stays(flash_run, monkeypatch):
    with BoardStand() as stand:
        result(flash_run(stand, FIRST, "--json"))
        with monkeypatch.context() as patch:
            # Every block is taken for one that lies there: as if digests of blocks were those of others.
            patch.setattr(install, "plan", lambda image, *_: Plan(list(range(len(blocks(image)))), {}, []))
            failed = error(flash_run(stand, program("0.2.0", seed=5), "--json"))
        assert failed["what"] == "the program reads back from flash other than it was written"
        assert result(flash_run(stand, FIRST, "--json"))["transfer"]["unchanged"]
        done = result(flash_run(stand, program("0.2.0", seed=5), "--json"))
        assert done["started"] == {"version": "0.2.0", "slot": 1}


def test_what_is_no_image(tmp_path, capsys):
    file = tmp_path / "photo.jpg"
    file.write_bytes(os.urandom(5000))
    assert tool.main(["flash", "--board", "SIM", "--port", "x", "--image", str(file)]) == 1
    err = capsys.readouterr().err
    assert "this is no image of the terminal's program" in err
    assert "./flash.py image --board NAME --output patrola.romfs" in err


def test_an_image_that_is_not_there_can_be_made_with_what_is_printed(tmp_path, capsys):
    file = tmp_path / "an image.romfs"
    words = ["flash", "--board", "SIM", "--port", "/dev/ttyUSB77", "--image", str(file)]
    assert tool.main([*words, "--json"]) == 1
    failed = json.loads(capsys.readouterr().out)["error"]
    assert failed["what"] == "the image cannot be read: No such file or directory"
    assert pasted(failed["command"])[0] == 0
    assert tool.main(words) == 1
    assert "there is no such port" in capsys.readouterr().err


def test_what_is_printed_for_a_port_that_is_not_there_works_when_it_is_pasted(flash_run):
    failed = error(flash_run(None, FIRST, "--json", port="/dev/ttyUSB77"))
    assert pasted(failed["command"])[0] == 0


@pytest.mark.parametrize("size", [0, 3, 20, 2000, 20000])
def test_an_image_that_was_cut_off(size, tmp_path, capsys):
    file = tmp_path / "cut.romfs"
    file.write_bytes(FIRST.data[:size])
    assert tool.main(["flash", "--board", "SIM", "--port", "x", "--image", str(file)]) == 1
    assert "this is no image of the terminal's program" in capsys.readouterr().err


@pytest.mark.parametrize("made", [True, False])
def test_outside_its_environment_it_says_how_to_get_in(made, tmp_path):
    """`-S`: the packages of the environment are not there, as with the system's own Python."""
    shutil.copy(ROOT / "flash.py", tmp_path)
    for room in ("flashing", "firmware", "protocol", "boards"):
        (tmp_path / room).symlink_to(ROOT / room)
    if made:
        (tmp_path / ".venv/bin").mkdir(parents=True)
        (tmp_path / ".venv/bin/activate").touch()
    command = [sys.executable, "-S", "flash.py", "flash", "--board", "SIM", "--port", "/dev/ttyUSB0"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    first, *rest = done.stderr.splitlines()
    assert first.startswith("flash.py: the Python package ") and first.endswith(" is not there")
    do = "in each new window, before the first command:" if made else "once on this computer, in this folder:"
    run = ". .venv/bin/activate" if made else "make setup && . .venv/bin/activate"
    assert rest == [f"  do:     {do}", f"  run:    {run}"]
