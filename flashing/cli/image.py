"""`./flash.py image`."""

import argparse
import hashlib
import json
from pathlib import Path

NAME = "image"
HELP = "build the ROMFS image of a board"
DESCRIPTION = "The program for one board, compiled, as one ROMFS image."
EXAMPLE = "./flash.py image --board SIM --output patrola.romfs"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--board", required=True, help="a name that `./flash.py boards` lists")
    parser.add_argument("--output", required=True, type=Path, help="the file to write")


def run(options: argparse.Namespace) -> int:
    from flashing.image import build_image

    path = build_image(options.board, options.output)
    size, digest = path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()
    if options.json:
        print(json.dumps({"image": str(path), "bytes": size, "sha256": digest}))
    else:
        print(f"{path}: {size} bytes, SHA-256 {digest}")
    return 0
