"""The image that goes onto a board: made by `flash.py image`, read back by MicroPython."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from flashing import image
from tests.conftest import ROOT, micropython


def run(*arguments):
    command = [sys.executable, "flash.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_boards_lists_the_simulated_board():
    done = run("boards", "--json")
    assert done.returncode == 0
    assert "SIM" in [row["board"] for row in json.loads(done.stdout)]


def test_image_is_executed_by_micropython_and_holds_the_board(tmp_path):
    image = tmp_path / "sim.romfs"
    done = run("image", "--board", "SIM", "--output", str(image), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["bytes"] == image.stat().st_size
    program = (
        "import vfs, sys\n"
        f"rom = vfs.VfsRom(open({str(image)!r}, 'rb').read())\n"
        "vfs.mount(rom, '/rom')\n"
        "sys.path[:] = ['/rom', '.frozen']\n"
        "import board, patrola\n"
        "print(board.BOARD['name'], patrola.__file__)\n"
    )
    script = tmp_path / "read.py"
    script.write_text(program)
    answer = subprocess.run(
        [micropython(), str(script)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert answer.returncode == 0, answer.stderr + answer.stdout
    assert answer.stdout.split()[-1] == "/rom/patrola.mpy"


def test_the_same_sources_give_the_same_image(tmp_path):
    first = image.build_image("SIM", tmp_path / "a")
    second = image.build_image("SIM", tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()


def test_another_board_description_is_another_image():
    board = image.load_board("SIM")
    other = {**board, "pins": {**board["pins"], "red": 99}}
    assert image.image_digest(image.sources(board)) != image.image_digest(image.sources(other))


def test_unknown_board_is_named_with_those_there_are():
    done = run("image", "--board", "NONE", "--output", "never")
    assert done.returncode == 1
    assert "no board 'NONE'" in done.stderr
    assert "SIM" in done.stderr
    assert not Path(ROOT / "never").exists()


@pytest.mark.parametrize("arguments", [[], ["image"], ["nonsense"]])
def test_wrong_use_exits_with_two(arguments):
    assert run(*arguments).returncode == 2


@pytest.mark.parametrize("command", ["boards", "image"])
def test_help_shows_an_example(command):
    assert f"example: ./flash.py {command}" in run(command, "--help").stdout
