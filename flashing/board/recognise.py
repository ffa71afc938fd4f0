"""What hangs on the cable: chip, MicroPython, and whether that is the board which is meant."""

import dataclasses
import re
from typing import Any

from flashing.board.console import Console
from flashing.errors import FlashError
from flashing.image import board_names, load_board

# Where MicroPython keeps what `.mpy` files it takes: version, sub-version of native code, architecture.
_ARCHES = (
    *("none", "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp"),
    *("xtensa", "xtensawin", "rv32imc", "rv64imc"),
)

_ASK = """
def who():
    import sys, os, gc
    import machine
    has = []
    for name in ("deflate", "vfs"):
        try:
            __import__(name)
            has.append(name)
        except ImportError:
            pass
    i = sys.implementation
    try:
        text = os.uname().machine
    except AttributeError:
        text = getattr(i, "_machine", sys.platform)
    gc.collect()
    return (i.name, tuple(i.version), getattr(i, "_mpy", 0), text, machine.unique_id(), has, gc.mem_free())
"""


@dataclasses.dataclass
class Found:
    """`micropython`: as "1.29.0". `mpy`: the version of `.mpy` files it takes. `uid`: hexadecimal."""

    chip: str
    machine: str
    micropython: str
    mpy: int
    arch: str
    uid: str
    has: list[str]
    free: int

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def ask(console: Console) -> Found:
    """`console` is in the raw REPL. Raises FlashError when this is no MicroPython for a board."""
    console.exec(_ASK)
    name, version, mpy, machine, uid, has, free = console.call("who")
    if name != "micropython":
        raise FlashError(
            f"a {name} runs there, no MicroPython",
            console.port,
            "put the board's own MicroPython on it with --micropython FILE",
            reason="micropython",
        )
    chip = machine.rsplit(" with ", 1)[-1].strip().lower()
    arch = mpy >> 10 & 0x3F
    arch_name = _ARCHES[arch] if arch < len(_ARCHES) else str(arch)
    text = ".".join(str(part) for part in version[:3]) + "".join(f"-{part}" for part in version[3:] if part)
    return Found(chip, machine, text, mpy & 0xFF, arch_name, bytes(uid).hex(), list(has), free)


def chip(board: dict[str, Any], found: Found, port: str) -> None:
    """Raises FlashError when it is another than that of the board meant."""
    name, wanted = board["name"], str(board["chip"]).lower()
    if found.chip == wanted:
        return
    fits = [each for each in board_names() if str(load_board(each)["chip"]).lower() == found.chip]
    other = f"; or, with that chip, it is to be --board {' or '.join(fits)}" if fits else ""
    raise FlashError(
        f"wrong board: this is '{found.machine}'; {name}, which was asked for, has the chip {wanted}",
        port,
        f"put a {name} at this port{other}",
        "./flash.py boards",
        "wrong-board",
    )


def judge(board: dict[str, Any], found: Found, port: str, mpy: int) -> None:
    """Raises FlashError unless it is the board meant, with a MicroPython that takes `.mpy` files of version
    `mpy`."""
    chip(board, found, port)
    name = board["name"]
    pinned = str(board.get("micropython", {}).get("version", ""))
    if found.mpy != mpy:
        raise _old(
            f"wrong MicroPython: {found.micropython} takes .mpy files of version {found.mpy}, "
            f"the program is compiled as version {mpy}",
            port,
            pinned,
        )
    if pinned and _numbers(found.micropython) < _numbers(pinned):
        raise _old(
            f"wrong MicroPython: {found.micropython} is older than {name}'s {pinned}",
            port,
            pinned,
        )


def _old(what: str, port: str, pinned: str) -> FlashError:
    do = f"give the file of MicroPython {pinned or 'for this board'} with --micropython FILE"
    return FlashError(what, port, do, reason="micropython")


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)[:3]]
