"""What starts a board, in the microseconds before its console is closed."""

import signal
import types

import pytest

from flashing.board import starter
from flashing.image import load_board
from flashing.selector import startup


def begin(interrupts, monkeypatch):
    """The lines of /main.py before anything is chosen; `interrupts`: Ctrl-C came just before it was shut off.
    MicroPython, as CPython, raises it a little later."""
    chars = []

    def kbd_intr(char):
        chars.append(char)
        if interrupts and len(chars) == 1:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setitem(__import__("sys").modules, "micropython", types.SimpleNamespace(kbd_intr=kbd_intr))
    head = startup(load_board("SIM"))["/main.py"].partition("\nimport sys")[0]
    try:
        exec(compile(head, "/main.py", "exec"), {})  # noqa: S102
    except KeyboardInterrupt:
        pytest.fail("/main.py was interrupted: the prompt is next")
    return chars


@pytest.mark.parametrize("interrupts", [False, True])
def test_a_ctrl_c_before_the_first_line_ends_nothing(monkeypatch, interrupts):
    """MicroPython gives Ctrl-C its meaning just before it starts /main.py: a flood of them must not win."""
    assert set(begin(interrupts, monkeypatch)) == {-1}


class Board:
    """As console and as flashing.board.files at once."""

    def __init__(self):
        self.files = {"/boot.py": b"# This file is executed on every boot\n", "/hold": b""}

    def digest(self, _console, path):
        return None

    def put(self, _console, path, data):
        self.files[path] = data

    def exec(self, code, *more):
        names = [path[1:] for path in self.files]
        os = types.SimpleNamespace(listdir=lambda path="/": names, remove=self.files.pop)
        real = __import__
        known = {"__import__": lambda name, *more: os if name == "os" else real(name, *more)}
        exec(code, {"__builtins__": known})  # noqa: S102
        return b""


def test_no_boot_file_is_left_to_be_interrupted_and_no_wish_to_start_nothing(monkeypatch):
    """An ESP32 makes one that does nothing; interrupted in it, it starts no /main.py but the prompt."""
    board = Board()
    monkeypatch.setattr(starter, "files", board)
    starter.put(board, load_board("SIM"))
    assert set(board.files) == {"/main.py", "/selector.py"}
    starter.put(board, load_board("SIM"))
