"""To the raw REPL of a board that runs a MicroPython which the program can run on, putting that there first
where a file of it was given."""

import contextlib
import time
from pathlib import Path
from typing import Any

from flashing import programmer
from flashing.board import filesystem, recognise
from flashing.board.complaints import NO_FILES
from flashing.board.console import BAUD, Console
from flashing.board.program import Program
from flashing.board.recognise import Found
from flashing.errors import FlashError
from flashing.programmer import image_file
from flashing.progress import Steps

# What a file of MicroPython may mend.
_MENDS = ("silent", "blank", "garbled", "micropython")
_BACK_S = 20.0  # until a board's port is there again


def reach(
    board: dict[str, Any],
    port: str,
    baud: int | None,
    program: Program,
    micropython: Path | None,
    steps: Steps,
    anew: bool = False,
) -> tuple[Console, Found]:
    """An open console in the raw REPL, with an empty heap, and what was found there. `anew`: a file system
    that cannot be read may go, whatever was in it. Raises FlashError."""
    speed = baud or board.get("console", {}).get("baud", BAUD)
    try:
        console, found = _look(board, port, speed, program, anew, steps)
    except FlashError as error:
        if error.reason not in _MENDS:
            raise
        if micropython is None:
            raise _with_file(board, port, error) from None
        steps.say(f"{error.what}; putting MicroPython on it")
        programmer.put(board, port, micropython, steps)
        _await_port(port)
        console, found = _look(board, port, speed, program, anew, steps)
        steps.say(f"MicroPython {found.micropython} answers")
        return console, found
    if micropython is not None:
        steps.say(f"MicroPython {found.micropython} is on it already: {micropython} is not needed")
    return console, found


def _look(
    board: dict[str, Any], port: str, speed: int, program: Program, anew: bool, steps: Steps
) -> tuple[Console, Found]:
    console = Console.open(port, speed)
    entered = False
    try:
        whole = _enter(console)
        entered = True
        found = recognise.ask(console)
        recognise.judge(board, found, port, program)
        if not whole:
            filesystem.renew(console, anew, steps)
    except BaseException:
        if entered:
            with contextlib.suppress(FlashError):
                console.reset()  # whatever it ran before, it runs again
        console.close()
        raise
    return console, found


def _enter(console: Console) -> bool:
    """False when the board has no file system: it is in the raw REPL all the same."""
    try:
        console.enter()
    except FlashError as error:
        if error.reason != NO_FILES:
            raise
        return False
    return True


def _with_file(board: dict[str, Any], port: str, error: FlashError) -> FlashError:
    """The same, with the command that mends it; or, while nobody has pinned the file, where that stands."""
    pinned = board.get("micropython", {})
    if board["state"] == "bench" and error.reason == "blank":
        command = f"python -m hwsim board --pty --board {board['name']}"
        return FlashError(error.what, error.where, "start the simulated board with one", command, "blank")
    if not pinned.get("file"):
        return error
    if not pinned.get("sha256"):
        do = f"{error.do}. None is pinned for this board yet: {image_file.how_made(board)}"
        return FlashError(error.what, error.where, do, "", error.reason)
    return FlashError(error.what, error.where, error.do, "", error.reason, f"--micropython {pinned['file']}")


def _await_port(port: str) -> None:
    """USB of the chip's own goes away with a reset and comes back."""
    until = time.monotonic() + _BACK_S
    while True:
        with contextlib.suppress(FlashError):
            Console.open(port).close()
            return
        if time.monotonic() > until:
            raise FlashError(
                "the board's port did not come back after MicroPython was put on it",
                port,
                "press its RESET; it may have another name now",
                "./flash.py ports",
                "no-port",
            )
        time.sleep(0.2)
