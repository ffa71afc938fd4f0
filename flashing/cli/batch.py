"""`./flash.py batch`."""

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import Any

NAME = "batch"
HELP = "many boards, on several ports at once: program, identity, settings, enrolment, label"
DESCRIPTION = (
    "The board at each port gets its program and becomes the next car of the list. A table shows how far "
    "each is. "
    "What was done is kept in a state file: the same command goes on where it was stopped, and tries again "
    "what "
    "failed. Test each board afterwards with `./flash.py test`."
)
EXAMPLE = (
    "./flash.py batch cars.csv --board SIM --ports /dev/ttyUSB0 /dev/ttyUSB1 "
    "--gateway https://gateway.example:9684"
)


def arguments(parser: argparse.ArgumentParser) -> None:
    from flashing.desk import options as desk

    parser.add_argument("config", type=Path, metavar="CSV", help="the list of cars")
    parser.add_argument("--board", required=True, help="a name that `./flash.py boards` lists")
    parser.add_argument("--ports", nargs="+", required=True, metavar="PORT", help="where the boards are")
    parser.add_argument("--baud", type=int, metavar="N", help="of their consoles; without it the board's own")
    parser.add_argument("--image", type=Path, metavar="FILE", help="a program made by `./flash.py image`")
    parser.add_argument("--micropython", type=Path, metavar="FILE", help="put on where a board needs it")
    parser.add_argument("--no-flash", action="store_true", help="the boards have their program already")
    parser.add_argument("--state", type=Path, metavar="FILE", help="what was done: default CSV.state.json")
    parser.add_argument(
        "--keep-going", action="store_true", help="when a board is done, wait at its port for the next one"
    )
    desk.record_options(parser)
    desk.provision_options(parser, config=False)


def run(options: argparse.Namespace) -> int:
    from flashing.board import program as programs
    from flashing.desk import batch, cars, table
    from flashing.desk import options as desk
    from flashing.desk.workshop import Workshop
    from flashing.errors import Usage
    from flashing.image import load_board

    desk.check_ways(options)
    if len(set(options.ports)) != len(options.ports):
        raise Usage("--ports: one of them comes twice", "give each once")
    listed = cars.read(options.config, desk.common(options))
    technician = desk.technician(options)
    board = load_board(options.board)
    state_file = options.state or options.config.with_name(options.config.name + ".state.json")
    state = batch.State(state_file, listed)
    program = None
    if not options.no_flash:
        program = (
            programs.read(options.image, options.board) if options.image else programs.built(options.board)
        )
    options.allow_downgrade = options.change_board = options.format = False
    again = shlex.join(["./flash.py", *sys.argv[1:]])
    shop = Workshop(board, listed, technician, desk.wishes(options), options.records, program, options, again)
    waiting = _another if options.keep_going else lambda port: False
    work = batch.Batch(state, shop, waiting)
    out = sys.stderr if options.json else sys.stdout
    with table.Table(state, work, out) as shown:
        work.run(options.ports, shown.look)
    if options.json:
        print(json.dumps(_summary(state, work), ensure_ascii=False))
    else:
        table.summary(state, work, again, out)
    failed = any(seat.error for seat in work.seats) or state.count(batch.FAILED)
    return 1 if failed else 0


def _another(port: str) -> bool:
    """A board goes, another comes."""
    import threading

    pause = threading.Event()
    for there in (False, True):
        while Path(port).exists() != there:
            pause.wait(0.3)
    pause.wait(1.0)
    return True


def _summary(state: Any, work: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "rows": [asdict(row) for row in state.rows],
        "ports": [
            {
                "port": seat.port,
                "unit": seat.unit,
                "done": seat.done,
                "error": seat.error and seat.error.as_json(),
            }
            for seat in work.seats
        ],
    }
