"""MicroPython's own image, as a file of the technician's: is it the one, and for this chip?"""

import hashlib
import shlex
from pathlib import Path
from typing import Any

from flashing.errors import FlashError
from flashing.programmer import esp, uf2


def checked(board: dict[str, Any], file: Path) -> bytes:
    """Its content, when its SHA-256 is the one that `[micropython]` of the board pins. Raises FlashError."""
    pinned = board.get("micropython", {})
    entry = f"boards/{board['name']}/board.toml, [micropython]"
    try:
        data = file.read_bytes()
    except OSError as error:
        raise FlashError(
            f"MicroPython's image cannot be read: {error.strerror}",
            str(file),
            _where_from(board),
            reason="file",
        ) from None
    if not pinned.get("sha256"):
        raise FlashError(
            "this board's description pins no MicroPython image yet",
            entry,
            f"when this file is tried on the board, pin it; {how_made(board)}",
            f"./flash.py pin --board {board['name']} --micropython {shlex.quote(str(file))}",
            "unpinned",
        )
    found = hashlib.sha256(data).hexdigest()
    if found != str(pinned["sha256"]).lower():
        wrong = kind(data, board["chip"])
        raise FlashError(
            f"this is not the pinned image of MicroPython {pinned.get('version', '')}{wrong}",
            f"{file}: SHA-256 {found}, pinned is {pinned['sha256']}",
            _where_from(board),
            f"sha256sum {shlex.quote(str(file))}",
            "digest",
        )
    wrong = kind(data, board["chip"])
    if wrong:
        raise FlashError(f"the pinned image does not fit this board{wrong}", entry, reason="chip")
    return data


def kind(data: bytes, chip: str) -> str:
    """What the bytes say against this chip, ready to follow a sentence; empty if nothing."""
    if chip in esp.CHIP_IDS:
        return esp.complaint(data, chip)
    if chip in uf2.FAMILIES:
        return uf2.complaint(data, chip)
    return ""


def how_made(board: dict[str, Any]) -> str:
    return f"boards/{board['name']}/README.md says how it is made and pinned"


def _where_from(board: dict[str, Any]) -> str:
    pinned = board.get("micropython", {})
    name, url = pinned.get("file"), pinned.get("url")
    if not name:
        return how_made(board)
    return f"get {name}" + (f" from {url}" if url else "") + " and name it with --micropython FILE"
