"""The first start of a new program: did it come up, and is it the one that runs now?"""

import dataclasses
import re
import time

from flashing.board.console import Console
from flashing.board.program import Program
from flashing.errors import FlashError

_RUNS = re.compile(r"patrola (\S+) runs from slot (\d)")
_QUIET_S = 30.0
_LONGEST_S = 120.0
_LINES = 5  # of what it said that are shown


@dataclasses.dataclass
class Started:
    """Which program came up, from which slot."""

    version: str
    slot: int


def watch(console: Console, program: Program) -> Started:
    """Reset the board and wait until a program says that it runs. Raises FlashError when it is another one,
    or none."""
    console.reset()
    said: list[str] = []
    until = time.monotonic() + _LONGEST_S
    for line in console.lines(_QUIET_S):
        found = _RUNS.search(line)
        if found and found[1] == program.version_text:
            return Started(found[1], int(found[2]))
        if found:
            raise _failed(f"the new program did not start; {found[1]} runs again", console, said)
        if line.strip():
            said.append(line.strip())
        if time.monotonic() > until:
            break
    raise _failed("the program did not say that it runs", console, said)


def _failed(what: str, console: Console, said: list[str]) -> FlashError:
    last = " | ".join(said[-_LINES:])
    return FlashError(
        what,
        f"{console.port}; the board said: {last}" if last else console.port,
        "run the same command once more; if it fails again, send these lines to whoever made the program",
        reason="start",
    )
