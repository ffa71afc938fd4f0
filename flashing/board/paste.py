"""MicroPython's raw paste: source into the raw REPL, never faster than the board takes it.

https://docs.micropython.org/en/latest/reference/repl.html#raw-paste-mode"""

import struct

from flashing.board import complaints
from flashing.board.line import Line
from flashing.errors import FlashError

END = b"\x04"


def send(line: Line, code: bytes, patience_s: float, ends_it: bool = False) -> None:
    """It runs when this returns. `ends_it`: after this code there is nobody who would confirm that it has
    come. Raises FlashError."""
    line.write(b"\x05A\x01")
    answer = line.take(2, patience_s)
    if answer != b"R\x01":
        raise _no_paste(line.port, answer)
    (window,) = struct.unpack("<H", _take(line, 2, patience_s))
    room, at = 0, 0
    while at < len(code):
        # The device says 1 for each window it has room for; all it has said is taken in at once.
        said = _take(line, 1, patience_s) if not room else line.read(0)
        if END in said:
            line.write(END)
            return
        if said.strip(b"\x01"):
            raise complaints.odd(line.port, f"the board broke a paste off with {said[:20]!r}")
        room += window * len(said)
        piece = code[at : at + room]
        line.write(piece)
        room -= len(piece)
        at += len(piece)
    line.write(END)
    if not ends_it and not line.read_until(END, patience_s)[1]:
        raise complaints.mute(line.port)


def _no_paste(port: str, answer: bytes) -> FlashError:
    if not answer:
        return complaints.mute(port)
    if answer == b"R\x00" or answer.startswith(b"ra"):
        return FlashError(
            "this MicroPython is older than 1.14: it knows no raw paste",
            port,
            "put the board's own MicroPython on it with --micropython FILE",
            reason="micropython",
        )
    return complaints.odd(port, f"the board answered {answer!r} to a paste")


def _take(line: Line, count: int, patience_s: float) -> bytes:
    data = line.take(count, patience_s)
    if len(data) < count:
        raise complaints.mute(line.port)
    return data
