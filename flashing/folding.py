"""Lines for a terminal: words stay whole, and what follows stands below what it belongs to."""

import shutil
import textwrap
from typing import TextIO


def folded(line: str, out: TextIO, indent: int) -> str:
    """`line` as `out` shows it best; where `out` is no terminal, as it is: a program may read it."""
    if not out.isatty():
        return line
    width = shutil.get_terminal_size().columns
    return textwrap.fill(line, width, subsequent_indent=" " * indent, break_on_hyphens=False)
