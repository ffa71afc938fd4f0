"""What a technician is told when a board that gave its prompt does not go on as it should."""

import shlex

from flashing.board.line import Line
from flashing.errors import FlashError

NO_FILES = "no-files"


def odd(port: str, what: str) -> FlashError:
    return FlashError(what, port, "try once more", reason="odd")


def no_files(port: str) -> FlashError:
    """`./flash.py flash` says more (filesystem.py)."""
    return FlashError(
        "the board has no file system: what lies there cannot be read as one",
        port,
        "run ./flash.py flash on it: that makes a new one, or says what you would lose by it",
        reason=NO_FILES,
    )


def mute(port: str) -> FlashError:
    return FlashError(
        "the board answers no more",
        port,
        "press its RESET, then run the same command again: it goes on from there",
        reason="mute",
    )


def list_files(line: Line) -> str:
    """The command that shows what lies on the board."""
    return f"./flash.py files --port {shlex.quote(line.port)} --baud {line.baud}"


def raised(line: Line, trace: str) -> FlashError:
    """What went wrong in the board's Python. Some of it a technician can do something about."""
    last = trace.strip().rsplit("\n", 1)[-1].strip()
    if "ENOSPC" in last or last == "OSError: 28":
        return FlashError(
            "the board's file system is full",
            line.port,
            "see what lies there, and take away what is not the terminal's own: the same with --remove PATH",
            list_files(line),
            "full",
        )
    if last.startswith("MemoryError"):
        return FlashError("the board ran out of memory", line.port, "try once more", reason="memory")
    return FlashError(f"the board says {last}", line.port, "", reason="exception")
