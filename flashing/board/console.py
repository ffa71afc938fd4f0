"""The raw REPL of a MicroPython on a serial port: source goes in by raw paste, what it prints comes out.

    with Console.open("/dev/ttyUSB0") as console:
        console.enter()
        console.exec("import os")
        names = console.call("os.listdir", "/")

Everything raises FlashError. Patience is counted from the last byte that came. How source gets in is in
paste.py, what is done with files in files.py.
"""

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from flashing.board import complaints, paste, silence
from flashing.board.line import Line
from flashing.board.literal import literal
from flashing.source import value

BAUD = 115200  # what MicroPython's UART console has; USB's own takes any
_RAW = b"raw REPL; CTRL-B to exit\r\n>"
_END = b"\x04"
_PATIENCE_S = 10.0
_START_S = 6.0  # from a reset to the prompt, at most


class Console:
    """One board's console. Errors name the port."""

    def __init__(self, line: Line):
        self.line = line
        self.port = line.port

    @classmethod
    def open(cls, port: str, baud: int = BAUD) -> "Console":
        return cls(Line(port, baud))

    def close(self) -> None:
        self.line.close()

    def __enter__(self) -> "Console":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # --- into the raw REPL, and out

    def enter(self, fresh: bool = True, patience_s: float | None = None) -> None:
        """Stop what runs and enter the raw REPL; with `fresh` after a reset that runs no main.py and leaves
        an empty heap. `patience_s`: how long a board may say nothing of use: a start takes a while. Without a
        file system `fresh` ends in complaints.no_files: no reset then, the board is in the raw REPL."""
        patience_s = _START_S if patience_s is None else patience_s
        self._interrupt(patience_s)
        if not fresh:
            return
        found = self.exec(_HOLD)
        if found == b"no files\n":
            raise complaints.no_files(self.port)
        if found == b"held\n":
            self._paste(_RESET, ends_it=True)
            self._interrupt(patience_s)
        else:
            self.soft_reset()

    def soft_reset(self) -> None:
        """From raw REPL to raw REPL, with nothing of before; boot.py runs, main.py does not."""
        self.line.write(_END)
        said, there = self.line.read_until(_RAW, _PATIENCE_S)
        if not there:
            raise silence.explain(self.port, said)

    def leave(self) -> None:
        """Back to the friendly REPL, where a person would be."""
        self.line.write(b"\r\x02")

    def reset(self) -> None:
        """As its RESET key: the program starts. The console is out of the raw REPL then."""
        self._paste(_RESET, ends_it=True)

    def _interrupt(self, patience_s: float) -> None:
        """Ctrl-C and Ctrl-A again and again: what arrives while a chip starts is lost."""
        heard = b""
        until = time.monotonic() + patience_s
        while time.monotonic() < until:
            self.line.write(b"\r\x03\x03\r\x01")
            # A program that talks without a pause is no reason to wait: it has not heard us yet.
            said, there = self.line.read_until(_RAW, 0.5, most_s=1.0)
            heard = (heard + said)[-4096:]
            if there:
                self.line.drop(0.05)  # a second one may be on its way: an earlier Ctrl-A was heard after all
                return
        raise silence.explain(self.port, heard)

    # --- source

    def exec(self, code: str | bytes, patience_s: float | None = None) -> bytes:
        """Run source; returns what it printed, with newlines as \\n. An exception there is a FlashError here,
        whose `where` holds its last line."""
        self._paste(code.encode() if isinstance(code, str) else code)
        said = self._until_end(patience_s)
        wrong = self._until_end(patience_s)
        self._prompt()
        if wrong:
            raise complaints.raised(self.line, wrong.decode(errors="replace"))
        return said.replace(b"\r\n", b"\n")

    def stream(self, code: str, patience_s: float) -> Iterator[str]:
        """As `exec`, but each line as it is printed; `patience_s` of silence is an error."""
        self._paste(code.encode())
        part = b""
        ended = b""
        while not ended:
            more = self.line.read(patience_s)
            if not more:
                raise complaints.mute(self.port)
            said, ended, after = (part + more).partition(_END)
            *whole, part = said.split(b"\n")
            for each in whole:
                yield each.rstrip(b"\r").decode(errors="replace")
        self.line.unread(after)
        wrong = self._until_end(patience_s)
        self._prompt()
        if wrong:
            raise complaints.raised(self.line, wrong.decode(errors="replace"))

    def call(self, function: str, *arguments: Any, patience_s: float | None = None) -> Any:
        """`function(*arguments)` there; its result here. Both are what Python's literals can say."""
        words = b", ".join(
            literal(bytes(each)) if isinstance(each, bytes | bytearray) else repr(each).encode()
            for each in arguments
        )
        said = self.exec(b"print(repr(" + function.encode() + b"(" + words + b")))", patience_s)
        last = said.rstrip(b"\n").rsplit(b"\n", 1)[-1].decode(errors="replace")
        try:
            return value(last)
        except (ValueError, SyntaxError):
            what = f"the board answered {last[:60]!r} to {function}"
            raise complaints.odd(self.port, what) from None

    def lines(self, patience_s: float) -> Iterator[str]:
        """What a running program prints, until it has been silent for that long."""
        part = b""
        while True:
            more = self.line.read(patience_s)
            if not more:
                return
            *whole, part = (part + more).split(b"\n")
            for each in whole:
                yield each.rstrip(b"\r").decode(errors="replace")

    def _paste(self, code: bytes, ends_it: bool = False) -> None:
        paste.send(self.line, code, _PATIENCE_S, ends_it)

    def _until_end(self, patience_s: float | None) -> bytes:
        said, there = self.line.read_until(_END, max(_PATIENCE_S, patience_s or 0))
        if not there:
            raise complaints.mute(self.port)
        return said[:-1]

    def _prompt(self) -> None:
        if self.line.take(1, _PATIENCE_S) != b">":
            raise complaints.mute(self.port)


_RESET = b"import machine\nmachine.reset()\n"

# ENODEV: nothing is mounted. An ESP32 says so for ever after its next reset, and gives no prompt.
#
# A watchdog that the program has started runs on after a soft reset, and would bite in the middle of our
# work. After a hard one it is off; a program of ours is kept from starting, once, by this file.
_HOLD = """
import os
try:
    os.stat("/selector.py")
    open("/hold", "w").close()
    print("held")
except OSError as error:
    if error.errno == 19:
        print("no files")
"""
