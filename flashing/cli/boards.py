"""`./flash.py boards`."""

import argparse
import json

NAME = "boards"
HELP = "list the boards"
DESCRIPTION = "The boards that there are descriptions of, in boards/."
EXAMPLE = "./flash.py boards --json"


def arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def run(options: argparse.Namespace) -> int:
    from flashing.image import board_names, load_board

    rows = [{"board": name, "title": load_board(name).get("title", "")} for name in board_names()]
    if options.json:
        print(json.dumps(rows))
    else:
        for row in rows:
            print(f"{row['board']:<16} {row['title']}")
    return 0
