"""What starts a board: `/main.py` and `/selector.py` on its file system, texts that need nothing of the
images between which they choose. They are texts, and not compiled, so that another MicroPython reads them
too."""

import ast
from typing import Any

from flashing.annotations import strip
from flashing.errors import FlashError
from flashing.image import ROOMS, modules
from flashing.link import ONE, LinkError, link
from flashing.names import shorten, shorten_globals
from flashing.reach import reached
from flashing.shake import shake
from flashing.source import parse, program_of
from flashing.squeeze import squeeze

_DOOR = "firmware.door"
_ENTRIES = ("start", "mount", "door")
# Names in `[pins]` of what the selector lights.
_LAMPS = ("red", "green")
_MAIN = """\
# Starts the program of this terminal; selector.py chooses between the two images on flash.
import micropython

try:
    micropython.kbd_intr(-1)  # the program decides whether its console is open
    for start in range(2):
        pass  # a Ctrl-C of before is heard here at the latest
except KeyboardInterrupt:
    micropython.kbd_intr(-1)

import sys

import selector

try:
    start = selector.start(selector.BOARD)
finally:
    # What stays of this file and of the selector is not there for the program, whose heap is full.
    del selector, sys.modules["selector"]

if start is not None:
    try:
        from firmware.main import main

        main(*start)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        sys.print_exception(error)
    # The program does not end; if it does all the same, the board starts again: no prompt is left behind.
    import machine
    import time

    time.sleep(10)
    machine.reset()
"""


def startup(board: dict[str, Any]) -> dict[str, str]:
    """{path on the board: text} for a board's description."""
    found = modules(ROOMS)
    # `link` puts into one what the modules apart import: the door is such a module, and goes again.
    found[_DOOR] = "from firmware.selector import mount, start\n\ndef door():\n    return mount, start\n"
    program = program_of(shake(squeeze(reached(found, {_DOOR})), _ENTRIES))
    strip(program)
    shorten(program, _ENTRIES)
    try:
        linked = link(program, {_DOOR})
    except LinkError as error:
        raise FlashError(str(error)) from error
    shorten_globals(linked.sources, ONE)
    text = _bare(linked.sources[ONE])
    return {"/selector.py": text + f"\nBOARD = {_described(board)!r}\n", "/main.py": _MAIN}


def _bare(text: str) -> str:
    """Without comments and docstrings: a board compiles it at every start."""
    tree = parse(text)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            node.body = [each for each in node.body if not _idle(each)] or [ast.Pass()]
    return "# Made by flash.py from firmware/selector.py.\n" + ast.unparse(tree) + "\n"


def _idle(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass) or (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _described(board: dict[str, Any]) -> dict[str, Any]:
    layout = board["flash"]
    flash: dict[str, Any] = {
        "slots": [{key: slot[key] for key in ("address", "size")} for slot in layout["slots"]]
    }
    if "files" in layout:
        flash["files"] = {"address": layout["files"]["address"]}
    pins = {name: board["pins"][name] for name in _LAMPS if name in board.get("pins", {})}
    return {"name": board["name"], "flash": flash, "pins": pins}
