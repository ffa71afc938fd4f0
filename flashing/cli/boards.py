"""`./flash.py boards`."""

import argparse
import json
from typing import Any

NAME = "boards"
HELP = "list the boards, or check the description of one"
DESCRIPTION = """\
The boards that there are descriptions of, in boards/, each checked against the rules of its chip.
State: `bench` is simulated, `described` is by its maker's documents and was never run on, `tried` was."""
EXAMPLE = "./flash.py boards --board SIM"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--board", metavar="NAME", help="this one only, with every pin and all that is wrong")


def run(options: argparse.Namespace) -> int:
    from flashing.image import board_names

    names = [options.board] if options.board else board_names()
    rows = [row_of(name) for name in names]
    if options.json:
        print(json.dumps(rows))
    else:
        for row in rows:
            print(line_of(row))
        if options.board:
            for pin in rows[0]["pins"]:
                print(f"  pin {pin['pin']:>2}  {pin['how']:<21} {pin['entry']}")
        for row in rows:
            for problem in row["problems"]:
                print(f"{row['board']}: {problem}")
    return 1 if any(row["problems"] for row in rows) else 0


def row_of(name: str) -> dict[str, Any]:
    """What the list shows of a board, `problems` as sentences."""
    from flashing.describe import rules
    from flashing.describe.check import check
    from flashing.image import read_board

    board = read_board(name)
    problems = check(board)
    sound = not problems
    modem = board.get("modem", {})
    return {
        "board": name,
        "title": board.get("title", ""),
        "chip": board.get("chip", ""),
        "modem": f"{modem.get('model', '')} ({modem.get('driver', '')})",
        "keys": len(board.get("keys", {})),
        "state": board.get("state", ""),
        "pinned": bool(board.get("micropython", {}).get("sha256")),
        "note": board.get("note", ""),
        "pins": [{"pin": pin, "how": how, "entry": where} for where, pin, how in _sorted(rules.uses(board))]
        if sound
        else [],
        "problems": [str(problem) for problem in problems],
    }


def _sorted(uses: list[tuple[str, int, str]]) -> list[tuple[str, int, str]]:
    return sorted(uses, key=lambda use: use[1])


def line_of(row: dict[str, Any]) -> str:
    image = (
        ""
        if row["chip"] == "sim"
        else ", MicroPython pinned"
        if row["pinned"]
        else ", MicroPython not pinned"
    )
    return (
        f"{row['board']:<18} {row['title']}: {row['chip']}, {row['modem']}, {row['keys']} keys; "
        f"{'wrong' if row['problems'] else row['state']}{image}"
    )
