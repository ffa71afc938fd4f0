"""Which serial ports there are, and which one is meant."""

import dataclasses
import shlex
from typing import Any

from serial.tools import list_ports

from flashing.board.holders import holders
from flashing.errors import FlashError, Usage
from flashing.image import board_names, load_board


@dataclasses.dataclass
class Port:
    """`boards`: names of those whose USB numbers it has. `usb`: "303a:4001", or empty."""

    name: str
    usb: str
    product: str
    boards: list[str]
    held_by: list[str]

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def line(self) -> str:
        boards = "may be " + ", ".join(self.boards) if self.boards else "no board of ours"
        held = f"; held by {', '.join(self.held_by)}" if self.held_by else ""
        return f"{self.name:<16} {self.usb or '-':<10} {self.product or '-'}: {boards}{held}"


def usb_ids(board: dict[str, Any]) -> set[str]:
    """The "vid:pid" that `[usb] ids` names, lower case."""
    return {str(each).lower() for each in board.get("usb", {}).get("ids", [])}


def listing() -> list[Port]:
    """Every port that hangs on USB; those of the computer's own board hardly ever have a board."""
    wanted = {name: usb_ids(load_board(name)) for name in board_names()}
    found = []
    for each in sorted(list_ports.comports(), key=lambda port: port.device):
        if each.vid is None:
            continue
        usb = f"{each.vid:04x}:{each.pid:04x}"
        boards = [name for name, ids in wanted.items() if usb in ids]
        held = [f"{name} (process {number})" for number, name in holders(each.device)]
        found.append(Port(each.device, usb, each.product or "", boards, held))
    return found


def choose(board_name: str, given: str | None, ports: list[Port] | None = None) -> str:
    """The port to use: the one given, else the only one whose USB numbers fit. Raises FlashError."""
    if given:
        return given
    ids = usb_ids(load_board(board_name))
    if not ids:
        raise Usage(
            f"{board_name} has no USB numbers by which its port could be found",
            "say which port it is with --port",
            "./flash.py ports",
        )
    found = listing() if ports is None else ports
    fits = [port for port in found if board_name in port.boards]
    if len(fits) == 1:
        return fits[0].name
    if not fits:
        others = ", ".join(f"{port.name} ({port.usb} {port.product})".replace(" )", ")") for port in found)
        raise FlashError(
            f"no port has the USB numbers of {board_name} ({', '.join(sorted(ids))})",
            f"the ports here: {others}" if others else "this computer has no USB serial port",
            "plug the board in with a cable that carries data; if it is there under another number, name its "
            "port with --port",
            "./flash.py ports",
            "no-port",
        )
    names = " ".join(shlex.quote(port.name) for port in fits)
    raise FlashError(
        f"{len(fits)} ports may be {board_name}: {names}",
        "USB",
        "unplug all others, or say which one it is with --port",
        "./flash.py ports",
        "many-ports",
    )
