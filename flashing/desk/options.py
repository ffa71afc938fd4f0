"""What `provision`, `test` and `batch` ask for alike."""

import argparse
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from flashing.errors import FlashError, Usage

RECORDS = Path("records")


def board_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--board", required=True, help="a name that `./flash.py boards` lists")
    parser.add_argument(
        "--port", metavar="PORT", help="the board's port; without it the one whose USB numbers fit"
    )
    parser.add_argument("--baud", type=int, metavar="N", help="of its console; without it the board's own")
    record_options(parser)


def record_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--records",
        type=Path,
        default=RECORDS,
        metavar="FOLDER",
        help="what is kept of each unit: default records/ here",
    )


def technician_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--technician",
        type=Path,
        metavar="FILE",
        help="your key; without it $PATROLA_TECHNICIAN_KEY, then ~/.config/patrola/technician.pem",
    )


def provision_options(parser: argparse.ArgumentParser, config: bool = True) -> None:
    if config:
        parser.add_argument(
            "--config", type=Path, metavar="CSV", help="the list of cars; without it you are asked for one"
        )
    parser.add_argument(
        "--settings", type=Path, metavar="JSON", help="settings that all cars have in common: apn, host, ..."
    )
    parser.add_argument(
        "--release-key",
        type=Path,
        metavar="FILE",
        help="whose updates the terminals take: the .pub file of `./flash.py release --make-key`",
    )
    parser.add_argument("--gateway", metavar="URL", help="enroll there, e.g. https://gateway.example:9684")
    parser.add_argument("--ca", type=Path, metavar="PEM", help="the authority of the gateway's certificate")
    parser.add_argument(
        "--offline", type=Path, metavar="FILE", help="enroll by a signed file, for `gateway enroll --file`"
    )
    technician_option(parser)
    parser.add_argument("--skip-sim", action="store_true", help="do not try the SIM card and its PIN")
    parser.add_argument(
        "--open-console", action="store_true", help="leave the console open, as in a workshop"
    )


def check_ways(options: argparse.Namespace) -> None:
    """Raises Usage."""
    if bool(options.gateway) == bool(options.offline):
        raise Usage(
            "--gateway and --offline: which way to the registry?",
            "give one of them: --gateway https://... or --offline enrolment.cose",
        )
    if options.ca and not options.gateway:
        raise Usage("--ca is for --gateway", "leave it out, or give --gateway")


def common(options: argparse.Namespace) -> dict[str, Any]:
    """The settings that all cars share. Raises FlashError."""
    from flashing.desk import cars, release_key

    return release_key.into(cars.shared(options.settings), options.release_key)


def wishes(options: argparse.Namespace, replace_identity: bool = False, replace_unit: str = "") -> Any:
    from flashing.desk.provision import Wishes

    return Wishes(
        gateway=options.gateway,
        offline=options.offline,
        ca=options.ca,
        replace_identity=replace_identity,
        replace_unit=replace_unit,
        open_console=options.open_console,
        skip_sim=options.skip_sim,
    )


def technician(options: argparse.Namespace) -> Any:
    from flashing.desk.technician import load

    return load(options.technician)


@contextmanager
def device(options: argparse.Namespace) -> Iterator[Any]:
    """The board on its port, its console open. Raises FlashError."""
    from flashing.board.ports import choose

    with opened(options.board, choose(options.board, options.port), options.baud) as found:
        yield found


@contextmanager
def opened(board: str, port: str, baud: int | None) -> Iterator[Any]:
    from flashing.board.console import BAUD, Console
    from flashing.desk.device import Device
    from flashing.image import load_board

    described = load_board(board)
    speed = baud or described.get("console", {}).get("baud", BAUD)
    with Console.open(port, speed) as console:
        yield Device(console, described, f"./flash.py flash --board {board} --port {shlex.quote(port)}")


def same_words(options: argparse.Namespace) -> str:
    """What was said of board, port and places, for a next command that is printed."""
    words = ["--board", options.board]
    for name in ("port", "baud", "technician"):
        given = getattr(options, name)
        words += [f"--{name}", str(given)] if given else []
    if options.records != RECORDS:
        words += ["--records", str(options.records)]
    return shlex.join(words)


def teller(file: TextIO) -> Callable[[str, str], None]:
    """Prints each step as it is done."""

    def tell(step: str, text: str) -> None:
        print(f"{step:<10} {text}", file=file, flush=True)

    return tell


def which_unit(listed: list[Any]) -> FlashError:
    names = ", ".join(car.unit for car in listed[:12]) + (", ..." if len(listed) > 12 else "")
    return Usage("--unit: which car is it?", f"the list has {names}")


_ASKED = (
    ("directorate", "directorate (a-z 0-9 _ -)"),
    ("station", "station"),
    ("unit", "unit"),
    ("vehicle", "make and plate of the vehicle"),
    ("call_sign", "call sign on the radio (empty: the unit)"),
    ("apn", "APN of the SIM card (empty: the network's own)"),
    ("pin", "PIN of the SIM card (empty: none)"),
    ("host", "address of the gateway for terminals"),
    ("gateway_key", "public key of the gateway, 128 digits"),
)


def ask_car(common: dict[str, Any], unit: str | None, ask: Callable[[str], str] = input) -> Any:
    """One car by questions; an answer that will not do is asked for again. Raises Usage where nobody sits."""
    from flashing.desk import cars

    if ask is input and not sys.stdin.isatty():
        raise Usage(
            "--config: there is nobody to ask for the car's settings", "give the list: --config cars.csv"
        )
    row = {}
    parts = (unit or "").split("/")
    if len(parts) == 3:
        row = dict(zip(("directorate", "station", "unit"), parts, strict=True))
    elif unit:
        row["unit"] = unit
    todo = [(name, words) for name, words in _ASKED if name not in row and name not in common]
    while True:
        for name, words in todo:
            row[name] = ask(f"{words}: ").strip()
        try:
            return cars.make(row, common, "your answers")
        except ValueError as error:
            for text in error.args:
                print(text, file=sys.stderr)
            wrong = {text.split(":")[0].strip('"').split('"')[0] for text in map(str, error.args)}
            todo = [(name, words) for name, words in _ASKED if name in wrong] or list(_ASKED)
