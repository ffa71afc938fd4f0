"""`./flash.py pin`."""

import argparse
import hashlib
import json
import re
from pathlib import Path

NAME = "pin"
HELP = "write the SHA-256 of a board's MicroPython into its description"
DESCRIPTION = """\
Once, by whoever builds MicroPython for a board and has tried it: from then on `flash` takes that file and no
other. The file is looked at first: it has to be for the board's chip."""
EXAMPLE = "./flash.py pin --board LILYGO-T-A7670 --micropython micropython-LILYGO-T-A7670.bin"
_SHA256 = re.compile(r'^sha256 = ".*"\n', re.MULTILINE)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--board", required=True, help="a name that `./flash.py boards` lists")
    parser.add_argument("--micropython", required=True, type=Path, metavar="FILE", help="what was built")


def run(options: argparse.Namespace) -> int:
    from flashing.errors import FlashError
    from flashing.image import BOARDS, load_board
    from flashing.programmer import image_file

    board = load_board(options.board)
    path = BOARDS / options.board / "board.toml"
    if "micropython" not in board:
        raise FlashError(f"{options.board} runs no MicroPython of its own", str(path), reason="unpinned")
    try:
        data = options.micropython.read_bytes()
    except OSError as error:
        raise FlashError(
            f"the file cannot be read: {error.strerror}", str(options.micropython), reason="file"
        ) from None
    wrong = image_file.kind(data, board["chip"])
    if wrong:
        raise FlashError(
            f"not pinned{wrong}", str(options.micropython), "build it for this board", "", "chip"
        )
    digest = hashlib.sha256(data).hexdigest()
    write(path, digest)
    if options.json:
        print(json.dumps({"board": options.board, "file": str(options.micropython), "sha256": digest}))
    else:
        print(f"{path}: [micropython] sha256 = {digest}")
    return 0


def write(path: Path, digest: str) -> None:
    """Into the table [micropython], in place of an older one."""
    head, mark, tail = path.read_text(encoding="utf-8").partition("[micropython]")
    table, bracket, rest = tail.partition("\n[")
    table = _SHA256.sub("", table.rstrip("\n") + "\n") + f'sha256 = "{digest}"\n'
    path.write_text(head + mark + table + bracket + rest, encoding="utf-8")
