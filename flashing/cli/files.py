"""`./flash.py files`."""

import argparse
import json

NAME = "files"
HELP = "what lies on a board's file system, and away with what does not belong there"
DESCRIPTION = "Lists the files of a board, or removes one that is not a terminal's own."
EXAMPLE = "./flash.py files --board SIM --port /dev/ttyUSB0 --remove /old.log"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--board", help="a name that `./flash.py boards` lists: for its speed, or its port")
    parser.add_argument("--port", help="the serial port (found by the board's USB numbers)")
    parser.add_argument("--baud", type=int, metavar="N", help="of its console; without it the board's own")
    parser.add_argument("--remove", metavar="PATH", help="this file goes, as it is listed")


def run(options: argparse.Namespace) -> int:
    from flashing.board import files
    from flashing.board.console import BAUD, Console
    from flashing.board.ports import choose
    from flashing.errors import Usage
    from flashing.image import load_board

    if not options.board and not options.port:
        raise Usage(
            "--port: which board is it?", "name its port, or the board by whose USB numbers it is found"
        )
    port = options.port or choose(options.board, None)
    board = load_board(options.board) if options.board else {}
    speed = options.baud or board.get("console", {}).get("baud", BAUD)
    with Console.open(port, speed) as console:
        console.enter()
        try:
            if options.remove:
                files.remove(console, options.remove)
            found, free = files.listing(console)
        finally:
            console.reset()  # whatever it ran before, it runs again
    if options.json:
        rows = [{"path": each.path, "bytes": each.size, "own": each.own} for each in found]
        print(json.dumps({"files": rows, "free": free}))
        return 0
    for each in found:
        print(f"{each.size:>9}  {each.path}" + ("" if each.own else "   not a terminal's own"))
    print(f"{free:>9}  free")
    return 0
