"""Files of a board, over its console."""

import hashlib
from dataclasses import dataclass

from flashing.board.console import Console
from flashing.board.literal import literal
from flashing.errors import FlashError

_CHUNK = 4096  # of a file in one paste


def put(console: Console, path: str, data: bytes) -> None:
    """Write a file beside the old one, read it back, and let it take the old one's place."""
    new = path + ".new"
    console.exec(f"f = open({new!r}, 'wb')\nw = f.write")
    for at in range(0, len(data), _CHUNK):
        console.exec(b"w(" + literal(data[at : at + _CHUNK]) + b")")
    console.exec("f.close()\ndel f, w")
    if digest(console, new) != hashlib.sha256(data).digest():
        raise FlashError(
            f"{path} reads back other than it was written",
            console.port,
            "try once more; if it stays so, the flash is worn out",
            reason="flash",
        )
    console.exec(f"import os\nos.rename({new!r}, {path!r})")


def get(console: Console, path: str) -> bytes | None:
    """A file's content, None when there is none."""
    console.exec(_GET)
    size = console.call("size", path)
    if size is None:
        return None
    return b"".join(console.call("piece", path, at, _CHUNK) for at in range(0, size, _CHUNK))


def digest(console: Console, path: str) -> bytes | None:
    """SHA-256 of a file as the board reads it, None when there is none."""
    console.exec(_DIGEST)
    found = console.call("digest", path, patience_s=30.0)
    return None if found is None else bytes(found)


@dataclass(frozen=True)
class File:
    """`own`: a terminal's own, without which it would not be what it is."""

    path: str
    size: int

    @property
    def own(self) -> bool:
        return self.path.removesuffix(".new") in _OWN


# What provisioning and the program make, and what `flash` puts there (flashing/selector.py).
_OWN = {
    *("/identity", "/config.json", "/oscore0", "/oscore1", "/slots", "/update", "/boot", "/workshop"),
    *("/panic", "/duty", "/simpin", "/drill", "/hold", "/boot.py", "/main.py", "/selector.py"),
}


def listing(console: Console) -> tuple[list[File], int]:
    """(every file, bytes that are free)."""
    console.exec(_LIST)
    found, free = console.call("listing", patience_s=30.0)
    return [File(path, size) for path, size in sorted(found)], free


def remove(console: Console, path: str) -> None:
    """Raises FlashError for what is the terminal's own, and for what is not there."""
    found = {each.path: each for each in listing(console)[0]}
    if path not in found:
        raise FlashError(
            f"no file {path} on the board", console.port, f"there are: {', '.join(found)}", reason="file"
        )
    if found[path].own:
        raise FlashError(
            f"{path} is the terminal's own: without it, it would not be what it is; nothing was removed",
            console.port,
            "remove only what is marked in the list",
            reason="own",
        )
    console.exec(f"import os\nos.remove({path!r})")


_LIST = """
import os
def walk(folder):
    for row in os.ilistdir(folder or "/"):
        path = folder + "/" + row[0]
        if path == "/rom":
            continue
        if row[1] & 0x4000:
            yield from walk(path)
        else:
            yield path, os.stat(path)[6]
def listing():
    s = os.statvfs("/")
    return list(walk("")), s[0] * s[3]
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
