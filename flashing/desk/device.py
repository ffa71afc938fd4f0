"""What is asked of the board's own program over the console: its identity, its settings, its examinations."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from flashing.board import complaints, files, recognise
from flashing.board.console import Console
from flashing.errors import FlashError

# The selector knows where the program lies. The threshold is the program's own: without it the heap fills up
# before it is collected, and what stays lies all over it.
_PROGRAM = """
import gc, sys
gc.collect()
gc.threshold(8192)
import selector
if selector.mount(selector.BOARD) is None:
    raise OSError("no program in either slot")
del sys.modules["selector"]
del selector
"""
_HAL = """
from board import BOARD
from firmware.hal import Hal
hal = Hal(BOARD)
"""
_PROVISION = "from firmware import provision, identity\n"
_EXAMINE = "from firmware import diagnose\n"
_FORGET = """
import os
try:
    os.remove("/config.json")
except OSError:
    pass
"""
_CREATE_S = 60.0  # a scalar multiplication on a chip without a table is the slowest thing there is


class Device:
    """A board whose console is open. Everything raises FlashError."""

    def __init__(self, console: Console, board: dict[str, Any], flash_command: str) -> None:
        self._console = console
        self._board = board
        self._flash_command = flash_command  # what puts the program on it
        self._ready = False

    @property
    def port(self) -> str:
        return self._console.port

    @property
    def list_files(self) -> str:
        """The command that shows what lies on its file system."""
        return complaints.list_files(self._console.line)

    def begin(self) -> None:
        """A fresh interpreter with the program's modules at hand; nothing of the program runs. Another chip
        than the board's is refused."""
        try:
            self._console.enter()
        except FlashError as error:
            if error.reason == complaints.NO_FILES:
                error.command = self._flash_command
            raise
        recognise.chip(self._board, recognise.ask(self._console), self.port)
        try:
            self._console.exec(_PROGRAM + _HAL, 30.0)
        except FlashError as error:
            if error.reason != "exception":
                raise
            raise FlashError(
                f"the board holds no program of ours ({error.what.removeprefix('the board says ')})",
                self.port,
                "put the program on it first, then run the same command again",
                self._flash_command,
                "no-program",
            ) from None
        self._ready = True

    def about(self) -> dict[str, Any]:
        return self.examine("about")

    def public_key(self) -> bytes | None:
        """X || Y; None without a whole key pair."""
        self._console.exec(_PROVISION)
        pair = self._console.call("(lambda: (lambda p: None if p is None else p[1])(identity.read()))")
        return None if pair is None else bytes(pair)

    def create_identity(self, replace: bool) -> bytes:
        """A new key pair, made there; only its public half comes out."""
        self._console.exec(_PROVISION)
        return bytes(
            self._console.call("(lambda r: provision.create_identity(hal, r))", replace, patience_s=_CREATE_S)
        )

    def forget_settings(self) -> None:
        self._console.exec(_FORGET)

    def install(self, settings: str) -> None:
        """Check and keep the settings there, by the terminal's own checker; what is kept is read back."""
        self._console.exec(_PROVISION)
        wrong = self._console.call("(lambda t: provision.install(t, hal))", settings, patience_s=30.0)
        if wrong:
            raise FlashError(
                f"the terminal refuses its settings: {wrong[0]}",
                self.port,
                "correct the list of cars; if the program on the board is an older one, flash it first",
                self._flash_command,
                "settings",
            )
        kept = files.get(self._console, "/config.json")
        if kept != settings.encode():
            raise FlashError(
                "the settings read back other than they were written",
                self.port,
                "try once more",
                reason="flash",
            )

    def workshop(self, starts: int) -> None:
        """A console that the settings close stays open for so many starts; 0 closes it with the next one."""
        self._console.exec("from firmware import console")
        self._console.call("(lambda n: console.workshop(n))", starts)

    def examine(
        self,
        what: str,
        *more: Any,
        patience_s: float = 30.0,
        each: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> dict[str, Any]:
        """One examination's last word; `each` gets every one as it comes."""
        last: dict[str, Any] = {}
        for said in self.watch(what, *more, patience_s=patience_s):
            last = said
            each(said)
        if not last.get("end"):
            raise self._cut()
        return last

    def watch(self, what: str, *more: Any, patience_s: float = 30.0) -> Iterator[dict[str, Any]]:
        """What an examination says, as it says it; the last has "end". `patience_s`: of silence."""
        words = ", ".join(["hal", *(repr(each) for each in more)])
        code = f"{_EXAMINE}diagnose.examine({what!r}, {words})\n"
        for line in self._console.stream(code, patience_s):
            if not line.startswith("@ "):
                continue
            try:
                said = json.loads(line[2:])
            except ValueError:
                continue  # a line of the program's log ran into it
            if isinstance(said, dict):
                yield said

    def reset(self) -> None:
        """As its RESET key: the program starts."""
        self._ready = False
        self._console.reset()

    def _cut(self) -> FlashError:
        return FlashError(
            "the board stopped in the middle of an examination",
            self.port,
            "run the same command again",
            reason="mute",
        )
