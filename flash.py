#!/usr/bin/env python3
"""The technician's tool.

    ./flash.py boards                                    which boards there are
    ./flash.py image --board SIM --output patrola.romfs  the program as one ROMFS image

It needs what `make setup` installs: `. .venv/bin/activate` first.

Exit codes: 0 good, 1 the thing asked for failed, 2 wrong use.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

from flashing.image import FlashError, board_names, build_image, load_board


def command_boards(arguments: argparse.Namespace) -> int:
    rows = [{"board": name, "title": load_board(name).get("title", "")} for name in board_names()]
    if arguments.json:
        print(json.dumps(rows))
    else:
        for row in rows:
            print(f"{row['board']:<16} {row['title']}")
    return 0


def command_image(arguments: argparse.Namespace) -> int:
    path = build_image(arguments.board, arguments.output)
    size, digest = path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()
    if arguments.json:
        print(json.dumps({"image": str(path), "bytes": size, "sha256": digest}))
    else:
        print(f"{path}: {size} bytes, SHA-256 {digest}")
    return 0


def parser() -> argparse.ArgumentParser:
    shape = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(prog="flash.py", description=__doc__, formatter_class=shape)
    commands = top.add_subparsers(dest="command", required=True)
    boards = commands.add_parser(
        "boards", help="list the boards", epilog="example: ./flash.py boards --json", formatter_class=shape
    )
    image = commands.add_parser(
        "image",
        help="build the ROMFS image of a board",
        epilog="example: ./flash.py image --board SIM --output patrola.romfs",
        formatter_class=shape,
    )
    image.add_argument("--board", required=True, help="a name that `./flash.py boards` lists")
    image.add_argument("--output", required=True, type=Path, help="the file to write")
    for each in (boards, image):
        each.add_argument("--json", action="store_true", help="print JSON for a program to read")
    boards.set_defaults(run=command_boards)
    image.set_defaults(run=command_image)
    return top


def main(argv: list[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except FlashError as error:
        print(f"flash.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
