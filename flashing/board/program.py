"""The program that is to run on a board: one ROMFS image, and what stands in it about itself."""

import dataclasses
import hashlib
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path

from flashing.errors import FlashError
from flashing.image import build_image

ABOUT = "about.txt"  # board, version, MicroPython; made by flashing/image.py
_HEADER = b"\xd2\xcd1"
# Kinds of records: https://github.com/micropython/micropython/blob/master/extmod/vfs_rom.c
_VERBATIM, _POINTER, _FOLDER, _FILE = 2, 3, 4, 5


@dataclasses.dataclass
class Program:
    """`version` as (0, 1, 0); `micropython`: what it is compiled for, as "1.29.0", or empty.
    `mpy`: the version of its `.mpy` files."""

    data: bytes
    board: str
    version: tuple[int, ...]
    micropython: str
    mpy: int

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.data).digest()

    @property
    def version_text(self) -> str:
        return ".".join(str(part) for part in self.version)


def built(board: str) -> Program:
    """The program as the sources stand, for that board."""
    with tempfile.TemporaryDirectory() as folder:
        path = build_image(board, Path(folder) / "image")
        return parse(path.read_bytes(), "the image just built")


def read(path: Path, board: str = "NAME") -> Program:
    """The program in a file that `./flash.py image` has written."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FlashError(
            f"the image cannot be read: {error.strerror}",
            str(path),
            "leave --image out, and it is built; or make the file",
            f"./flash.py image --board {board} --output {shlex.quote(str(path))}",
            "file",
        ) from None
    return parse(data, str(path))


def parse(data: bytes, where: str) -> Program:
    try:
        found = dict(files(data))
        about = dict(line.split(" ", 1) for line in found[ABOUT].decode().splitlines())
        version = tuple(int(part) for part in about["version"].split("."))
        compiled = [content for name, content in found.items() if name.endswith(".mpy")]
        versions = {content[1] for content in compiled if content[:1] == b"M"}
        (mpy,) = versions
        return Program(data, about["board"], version, about.get("micropython", ""), mpy)
    except (IndexError, KeyError, ValueError):
        raise FlashError(
            "this is no image of the terminal's program",
            where,
            "make one",
            "./flash.py image --board NAME --output patrola.romfs",
            "file",
        ) from None


def files(data: bytes) -> Iterator[tuple[str, bytes]]:
    """(path, content) of every file. Raises IndexError or ValueError when this is no whole ROMFS."""
    if data[:3] != _HEADER:
        raise ValueError("no ROMFS")
    size, begin = _number(data, 3)
    if begin + size > len(data):
        raise ValueError("cut off")
    yield from _walk(data, begin, begin + size, "")


def _walk(data: bytes, at: int, end: int, folder: str) -> Iterator[tuple[str, bytes]]:
    while at < end:
        kind, at = _number(data, at)
        length, at = _number(data, at)
        if kind in (_FOLDER, _FILE):
            size, begin = _number(data, at)
            name = data[begin : begin + size].decode("ascii")
            inner = begin + size
            if kind == _FOLDER:
                yield from _walk(data, inner, at + length, f"{folder}{name}/")
            else:
                yield folder + name, _content(data, inner)
        at += length


def _content(data: bytes, at: int) -> bytes:
    kind, at = _number(data, at)
    length, at = _number(data, at)
    if kind == _POINTER:
        length, at = _number(data, at)
        at, _ = _number(data, at)
    elif kind != _VERBATIM:
        raise ValueError(f"record {kind}")
    if at + length > len(data):
        raise ValueError("cut off")
    return data[at : at + length]


def _number(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    while True:
        byte = data[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            return value, at


def number_of(version: tuple[int, ...]) -> int:
    """As slots and frames have it: 0.1.2 is 0x000102."""
    major, minor, patch = (*version, 0, 0, 0)[:3]
    return major << 16 | minor << 8 | patch


def text_of(number: int) -> str:
    return f"{number >> 16}.{number >> 8 & 0xFF}.{number & 0xFF}"
