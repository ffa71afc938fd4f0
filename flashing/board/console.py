"""The raw REPL of a MicroPython on a serial port: source goes in by raw paste, what it prints comes out.

    with Console.open("/dev/ttyUSB0") as console:
        console.enter()
        console.exec("import os")
        names = console.call("os.listdir", "/")
        console.put("/config.json", text)

Everything raises FlashError. Patience is counted from the last byte that came.
"""

import ast
import hashlib
import struct
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from flashing.board import silence
from flashing.board.line import Line
from flashing.board.literal import literal
from flashing.errors import FlashError

BAUD = 115200  # what MicroPython's UART console has; USB's own takes any
_RAW = b"raw REPL; CTRL-B to exit\r\n>"
_END = b"\x04"
_PATIENCE_S = 10.0
_START_S = 6.0  # from a reset to the prompt, at most
_CHUNK = 4096  # of a file in one paste


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
        an empty heap. `patience_s`: how long a board may say nothing of use: a start takes a while."""
        patience_s = _START_S if patience_s is None else patience_s
        self._interrupt(patience_s)
        if not fresh:
            return
        if self.exec(_HOLD) == b"held\n":
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
            raise self._raised(wrong.decode(errors="replace"))
        return said.replace(b"\r\n", b"\n")

    def stream(self, code: str, patience_s: float) -> Iterator[str]:
        """As `exec`, but each line as it is printed; `patience_s` of silence is an error."""
        self._paste(code.encode())
        part = b""
        ended = b""
        while not ended:
            more = self.line.read(patience_s)
            if not more:
                raise self._mute()
            said, ended, after = (part + more).partition(_END)
            *whole, part = said.split(b"\n")
            for each in whole:
                yield each.rstrip(b"\r").decode(errors="replace")
        self.line.unread(after)
        wrong = self._until_end(patience_s)
        self._prompt()
        if wrong:
            raise self._raised(wrong.decode(errors="replace"))

    def call(self, function: str, *arguments: Any, patience_s: float | None = None) -> Any:
        """`function(*arguments)` there; its result here. Both are what Python's literals can say."""
        words = b", ".join(
            literal(bytes(each)) if isinstance(each, bytes | bytearray) else repr(each).encode()
            for each in arguments
        )
        said = self.exec(b"print(repr(" + function.encode() + b"(" + words + b")))", patience_s)
        last = said.rstrip(b"\n").rsplit(b"\n", 1)[-1].decode(errors="replace")
        try:
            return ast.literal_eval(last)
        except (ValueError, SyntaxError):
            raise self._odd(f"the board answered {last[:60]!r} to {function}") from None

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

    # --- files

    def put(self, path: str, data: bytes) -> None:
        """Write a file beside the old one, read it back, and let it take the old one's place."""
        new = path + ".new"
        self.exec(f"f = open({new!r}, 'wb')\nw = f.write")
        for at in range(0, len(data), _CHUNK):
            self.exec(b"w(" + literal(data[at : at + _CHUNK]) + b")")
        self.exec("f.close()\ndel f, w")
        if self.digest(new) != hashlib.sha256(data).digest():
            raise FlashError(
                f"{path} reads back other than it was written",
                self.port,
                "try once more; if it stays so, the flash is worn out",
                reason="flash",
            )
        self.exec(f"import os\nos.rename({new!r}, {path!r})")

    def get(self, path: str) -> bytes | None:
        """A file's content, None when there is none."""
        self.exec(_GET)
        size = self.call("size", path)
        if size is None:
            return None
        return b"".join(self.call("piece", path, at, _CHUNK) for at in range(0, size, _CHUNK))

    def digest(self, path: str) -> bytes | None:
        """SHA-256 of a file as the board reads it, None when there is none."""
        self.exec(_DIGEST)
        found = self.call("digest", path, patience_s=30.0)
        return None if found is None else bytes(found)

    # --- raw paste

    def _paste(self, code: bytes, ends_it: bool = False) -> None:
        """`ends_it`: after this code there is nobody who would confirm that it has come."""
        self.line.write(b"\x05A\x01")
        answer = self.line.take(2, _PATIENCE_S)
        if answer != b"R\x01":
            raise self._no_paste(answer)
        (window,) = struct.unpack("<H", self._take(2))
        room, at = 0, 0
        while at < len(code):
            # The device says 1 for each window it has room for; all it has said is taken in at once.
            said = self._take(1) if not room else self.line.read(0)
            if _END in said:
                self.line.write(_END)
                return
            if said.strip(b"\x01"):
                raise FlashError(
                    f"the board broke a paste off with {said[:20]!r}",
                    self.port,
                    "try once more",
                    reason="odd",
                )
            room += window * len(said)
            piece = code[at : at + room]
            self.line.write(piece)
            room -= len(piece)
            at += len(piece)
        self.line.write(_END)
        if not ends_it and not self.line.read_until(_END, _PATIENCE_S)[1]:
            raise self._mute()

    def _no_paste(self, answer: bytes) -> FlashError:
        if not answer:
            return self._mute()
        if answer == b"R\x00" or answer.startswith(b"ra"):
            return FlashError(
                "this MicroPython is older than 1.14: it knows no raw paste",
                self.port,
                "put the board's own MicroPython on it with --micropython FILE",
                reason="micropython",
            )
        return FlashError(
            f"the board answered {answer!r} to a paste", self.port, "try once more", reason="odd"
        )

    def _take(self, count: int) -> bytes:
        data = self.line.take(count, _PATIENCE_S)
        if len(data) < count:
            raise self._mute()
        return data

    def _until_end(self, patience_s: float | None) -> bytes:
        said, there = self.line.read_until(_END, max(_PATIENCE_S, patience_s or 0))
        if not there:
            raise self._mute()
        return said[:-1]

    def _prompt(self) -> None:
        if self._take(1) != b">":
            raise self._mute()

    def _odd(self, what: str) -> FlashError:
        return FlashError(what, self.port, "try once more", reason="odd")

    def _mute(self) -> FlashError:
        return FlashError(
            "the board answers no more",
            self.port,
            "press its RESET, then run the same command again: it goes on from there",
            reason="mute",
        )

    def _raised(self, trace: str) -> FlashError:
        """What went wrong in the board's Python. Some of it a technician can do something about."""
        last = trace.strip().rsplit("\n", 1)[-1].strip()
        if "ENOSPC" in last or last == "OSError: 28":
            return FlashError(
                "the board's file system is full",
                self.port,
                "see what lies there and remove what does not belong to it",
                f"mpremote connect {self.port} fs ls",
                "full",
            )
        if last.startswith("MemoryError"):
            return FlashError("the board ran out of memory", self.port, "try once more", reason="memory")
        return FlashError(f"the board says {last}", self.port, "", reason="exception")


_RESET = b"import machine\nmachine.reset()\n"

# A watchdog that the program has started runs on after a soft reset, and would bite in the middle of our
# work. After a hard one it is off; a program of ours is kept from starting, once, by this file.
_HOLD = """
import os
try:
    os.stat("/selector.py")
    open("/hold", "w").close()
    print("held")
except OSError:
    pass
"""

_DIGEST = """
import hashlib
def digest(path):
    h = hashlib.sha256()
    b = bytearray(1024)
    try:
        f = open(path, "rb")
    except OSError:
        return None
    while True:
        n = f.readinto(b)
        if not n:
            f.close()
            return h.digest()
        h.update(memoryview(b)[:n])
"""

_GET = """
import os
def size(path):
    try:
        return os.stat(path)[6]
    except OSError:
        return None
def piece(path, at, n):
    with open(path, "rb") as f:
        f.seek(at)
        return f.read(n)
"""
