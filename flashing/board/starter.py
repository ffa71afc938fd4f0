"""The two files on a board's file system that start one of its two programs."""

import hashlib
from typing import Any

from flashing.board import files
from flashing.board.console import Console
from flashing.selector import startup

# An ESP32 makes a boot.py with its file system. It does nothing, but whoever interrupts it gets the prompt.
# And a wish to start nothing (console.py) lies there still where no /main.py was to hear of it: it would hear
# of it now.
_CLEAR = """
import os
for name in ("boot.py", "hold"):
    if name in os.listdir("/"):
        os.remove("/" + name)
"""


def put(console: Console, board: dict[str, Any]) -> bool:
    """True when something had to be written. Each file is replaced whole; `/main.py`, without which nothing
    starts, comes last."""
    texts = startup(board)
    wrote = False
    console.exec(_CLEAR)
    for path in sorted(texts, key=lambda path: path == "/main.py"):
        data = texts[path].encode()
        if files.digest(console, path) != hashlib.sha256(data).digest():
            files.put(console, path, data)
            wrote = True
    return wrote
