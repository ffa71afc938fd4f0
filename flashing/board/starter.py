"""The two files on a board's file system that start one of its two programs."""

import hashlib
from typing import Any

from flashing.board import files
from flashing.board.console import Console
from flashing.selector import startup

# An ESP32 makes one with its file system. It does nothing, but whoever interrupts it gets the prompt.
_NO_BOOT = """
import os
if "boot.py" in os.listdir("/"):
    os.remove("/boot.py")
"""


def put(console: Console, board: dict[str, Any]) -> bool:
    """True when something had to be written. Each file is replaced whole; `/main.py`, without which nothing
    starts, comes last."""
    texts = startup(board)
    wrote = False
    console.exec(_NO_BOOT)
    for path in sorted(texts, key=lambda path: path == "/main.py"):
        data = texts[path].encode()
        if files.digest(console, path) != hashlib.sha256(data).digest():
            files.put(console, path, data)
            wrote = True
    return wrote
