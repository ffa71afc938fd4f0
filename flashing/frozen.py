"""Names of the program for a board's own MicroPython to hold in flash: patrola_names.py, for all boards.

    python -m flashing.frozen             are they those of the program, but for a few?
    python -m flashing.frozen --write     make them so

MicroPython keeps each name that a program brings in a table on the heap, for ever, and the table grows by
doubling: 860 names take 9 KB of a chip's 96. Those that the board's MicroPython has frozen into it take
nothing there. A program that is newer brings some of its own, which cost what they always did.
"""

import argparse
import ast
import functools
import io
import keyword
import sys
import tempfile
import textwrap
import tokenize
from collections.abc import Iterable
from pathlib import Path

from flashing.image import BOARDS, board_names, compile_program, load_board, sources
from flashing.selector import startup

FILE = BOARDS / "micropython" / "modules" / "patrola_names.py"
# As many more find room in the first two steps of the table, 20 and 40: bench and tests count on that.
MORE = 60
_INTERNED = 10  # characters of a text that MicroPython's compiler makes a name of
_HEAD = '''\
"""Frozen into each board's MicroPython: names that the program uses, in flash then and not on its heap.

Made by `python -m flashing.frozen --write`; nobody calls it."""
# ruff: noqa
# fmt: off


def names(x):
'''


def names_of(mpy: bytes) -> set[str]:
    """Names that a compiled module brings, without those that every MicroPython has (py/persistentcode.c)."""
    place = 4

    def number() -> int:
        nonlocal place
        value = 0
        while True:
            byte = mpy[place]
            place += 1
            value = value << 7 | byte & 127
            if not byte & 128:
                return value

    count, _ = number(), number()
    found = set()
    for _ in range(count):
        size = number()
        if not size & 1:
            found.add(mpy[place : place + size // 2].decode())
            place += size // 2 + 1
    return found


@functools.cache
def used(board_name: str) -> frozenset[str]:
    """What a board's program and what starts it need."""
    board = load_board(board_name)
    found: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "source", Path(folder) / "rom"
        compile_program(sources(board), source, target)
        for file in target.rglob("*.mpy"):
            found |= names_of(file.read_bytes())
    for text in startup(board).values():
        found |= _names_of_text(text)
    return frozenset(found)


def _names_of_text(text: str) -> set[str]:
    """A board compiles it itself: local names count, too."""
    found: set[str] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME and not keyword.iskeyword(token.string):
            found.add(token.string)
        elif token.type == tokenize.STRING and _short(value := ast.literal_eval(token.string)):
            found.add(value)
    return found


def _short(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _INTERNED


def module(names: Iterable[str]) -> str:
    """The text of a module that has these names. File names that are too long to be written down as names
    are left out."""
    plain, dotted, texts = [], [], []
    for name in sorted(names):
        if keyword.iskeyword(name):
            continue  # every MicroPython has it
        if name.isidentifier():
            plain.append(f"x.{name},")
        elif all(part.isidentifier() for part in name.split(".")) and not name.endswith(".py"):
            dotted.append(name)
        elif _short(name):
            texts.append(f"x({name!r})")
    rows = [*_rows(plain), *(f"import {name}" for name in dotted), *texts]
    return _HEAD + "".join(f"    {row}\n" for row in rows)


def _rows(words: list[str]) -> list[str]:
    return [f"({row})" for row in textwrap.wrap(" ".join(words), 106, break_long_words=False)]


def missing(board_name: str) -> frozenset[str]:
    """Names of a board's program that the module has not."""
    text = FILE.read_text("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        compile_program({FILE.name: text}, root / "source", root / "rom")
        kept = names_of((root / "rom" / FILE.name).with_suffix(".mpy").read_bytes())
    # What stands there and is no name of the compiled module is one that every MicroPython has.
    return used(board_name) - kept - _names_of_text(text)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m flashing.frozen", description="names in flash")
    parser.add_argument("--write", action="store_true", help=f"write {FILE.name} anew")
    if parser.parse_args().write:
        FILE.write_text(module(frozenset().union(*map(used, board_names()))), "utf-8")
    worst = 0
    for name in board_names():
        few = missing(name)
        worst = max(worst, len(few))
        print(f"{name}: {len(few)} names of its program are not in {FILE.name}; {MORE} may be")
    return worst > MORE


if __name__ == "__main__":
    sys.exit(main())
