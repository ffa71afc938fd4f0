"""`./flash.py flash`."""

import argparse
import json
import time
from pathlib import Path

NAME = "flash"
HELP = "put the program onto a board, and MicroPython where it is missing"
DESCRIPTION = """\
Finds the board's port, recognises what is on it, and puts the program into the slot that does not run; only
what the board has nowhere yet goes over the cable. All of it is read back and compared, then the board starts
it on trial, and keeps it when the start was a good one. Pull the cable at any moment: the board starts what
it had, or the new program, and the same command goes on where it was. Identity and settings stay."""
EXAMPLE = "./flash.py flash --board SIM --port /dev/ttyUSB0"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--board", required=True, help="a name that `./flash.py boards` lists")
    parser.add_argument("--port", help="the serial port (found by the board's USB numbers)")
    parser.add_argument("--baud", type=int, help="its speed (as the board's description says)")
    parser.add_argument(
        "--image", type=Path, metavar="FILE", help="a program made by `./flash.py image` (one is built)"
    )
    parser.add_argument(
        "--micropython",
        type=Path,
        metavar="FILE",
        help="MicroPython's own image, put on where the board needs it; the one that its description pins",
    )
    parser.add_argument(
        "--allow-downgrade", action="store_true", help="also if a newer program is on the board"
    )
    parser.add_argument(
        "--change-board", action="store_true", help="also if it was flashed as another board before"
    )
    parser.add_argument(
        "--format",
        action="store_true",
        help="where its file system cannot be read any more, make a new one: a terminal's identity is lost",
    )


def run(options: argparse.Namespace) -> int:
    from flashing.board import program as programs
    from flashing.board.flow import flash
    from flashing.board.ports import choose
    from flashing.image import load_board
    from flashing.progress import steps

    board = load_board(options.board)
    port = choose(options.board, options.port)
    with steps(options.json) as told:
        if options.image is None:
            told.say(f"building the program for {options.board}")
            program = programs.built(options.board)
        else:
            program = programs.read(options.image, options.board)
        began = time.monotonic()
        done = flash(board, port, program, options, told)
    done.seconds = round(time.monotonic() - began, 1)
    if options.json:
        print(json.dumps(done.as_json()))
    else:
        print("\n".join(done.lines()))
    return 0
