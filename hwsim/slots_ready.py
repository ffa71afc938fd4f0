"""The flash of a terminal that starts by itself: selector and slots as flash.py leaves them."""

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from hwsim.board import load_board
from hwsim.technician import BOARD, build_reader, run_once

_ROOT = Path(__file__).resolve().parent.parent
_HEAD = 4096
_PIECE = 2000
_STARTUP = """\
import json
from flashing.image import load_board
from flashing.selector import startup
print(json.dumps(startup(load_board({board!r}))))
"""
_FILE = """\
with open({path!r}, {mode!r}) as file:
    print("file", file.write({text!r}))
"""
_SLOT = """\
from firmware.slots import Image
image = Image({size}, {version}, bytes.fromhex({digest!r}), {board!r})
print("slot", image.described().hex(), image.mark().hex())
"""
_MARK_AT = 256  # in the head


def ready(name, flash_path, image, version, board=BOARD):
    """Selector on the file system, `image` in slot 0; the other is empty, so it is the good one."""
    done = subprocess.run(
        [sys.executable, "-c", _STARTUP.format(board=board)],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        _fill(name, flash_path, build_reader(folder), json.loads(done.stdout), image, version, board)


def _fill(name, flash_path, reader, files, image, version, board):
    for path, text in files.items():
        for at in range(0, len(text), _PIECE):
            piece = _FILE.format(path=path, mode="a" if at else "w", text=text[at : at + _PIECE])
            run_once(name, reader, flash_path, piece, "file", heap=1 << 20)
    data = Path(image).read_bytes()
    words = {"size": len(data), "version": version, "board": board}
    words["digest"] = hashlib.sha256(data).hexdigest()
    (said,) = run_once(name, reader, flash_path, _SLOT.format(**words), "slot", heap=1 << 20)
    described, mark = map(bytes.fromhex, said.split())
    head = bytearray(b"\xff" * _HEAD)
    head[: len(described)] = described
    head[_MARK_AT : _MARK_AT + len(mark)] = mark
    with open(flash_path, "r+b") as file:
        file.seek(load_board(board)["flash"]["slots"][0]["address"])
        file.write(bytes(head) + data)
