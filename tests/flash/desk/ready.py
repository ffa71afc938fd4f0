"""Boards that have their program already, so that what comes after can be tried without writing it anew."""

import hashlib
import struct
from pathlib import Path

from firmware.slots import HEAD, Image
from firmware.version import VERSION
from flashing.board import files
from flashing.board.console import Console
from flashing.image import build_image, load_board
from flashing.selector import startup
from hwsim.board_stand import BoardStand

BOARD = "SIM"
_MARK_AT = 256


def flashed(folder: Path) -> Path:
    """The flash of a board of which the program is in the first slot, and the selector on its file system."""
    image = build_image(BOARD, folder / "program.romfs").read_bytes()
    described = Image(len(image), number(VERSION), hashlib.sha256(image).digest(), BOARD)
    board = load_board(BOARD)
    at = board["flash"]["slots"][0]["address"]
    data = bytearray(b"\xff" * board["flash"]["size"])
    head = described.described()
    data[at : at + len(head)] = head
    data[at + _MARK_AT : at + _MARK_AT + 8] = described.mark()
    data[at + HEAD : at + HEAD + len(image)] = image
    path = folder / "flash.bin"
    path.write_bytes(data)
    with BoardStand(flash_path=path) as stand, Console.open(str(stand.port), 921600) as console:
        console.enter()
        for name, text in startup(board).items():
            files.put(console, name, text.encode())
    return path


def number(version):
    return struct.unpack(">I", bytes((0, *version)))[0]
