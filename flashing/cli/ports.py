"""`./flash.py ports`."""

import argparse
import json

NAME = "ports"
HELP = "list the serial ports, and which boards they may be"
DESCRIPTION = "The serial ports of this computer, which boards their USB numbers fit, and who holds them."
EXAMPLE = "./flash.py ports --json"


def arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def run(options: argparse.Namespace) -> int:
    from flashing.board.ports import listing

    rows = listing()
    if options.json:
        print(json.dumps([row.as_json() for row in rows]))
        return 0
    for row in rows:
        print(row.line())
    if not rows:
        print("There is no serial port: plug a board in with a cable that carries data.")
    return 0
