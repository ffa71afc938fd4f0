"""What hangs on the cable: chip, MicroPython, and whether that is the board which is meant."""

import dataclasses
import re
from typing import Any

from flashing.board.console import Console
from flashing.board.program import Program
from flashing.errors import FlashError
from flashing.image import board_names, compiled_for, load_board

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


def judge(board: dict[str, Any], found: Found, port: str, program: Program) -> None:
    """Raises FlashError unless it is the board meant, with a MicroPython that the program may run on."""
    chip(board, found, port)
    if found.mpy != program.mpy:
        raise _other(
            f"wrong MicroPython: {found.micropython} takes .mpy files of version {found.mpy}, "
            f"the program is compiled as version {program.mpy}",
            port,
            board,
            program,
        )
    if not suits(found.micropython, program.micropython):
        raise _other(
            f"wrong MicroPython: the board has {found.micropython}, "
            f"the program was made for {program.micropython}",
            port,
            board,
            program,
        )


def suits(version: str, wanted: str) -> bool:
    """May a program that was made for `wanted` run on `version`? Its files would be taken by others too; but
    how much heap there is, and what a module can do, changes with each minor version, and it was tried with
    this one only. A preview ("1.29.0-preview") comes before what it is named after."""
    if not wanted or version == wanted:
        return True
    plain = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", version)
    if plain is None:
        return False
    *minor, patch = (int(part) for part in plain.groups())
    *wanted_minor, least = (int(part) for part in wanted.split("."))
    return minor == wanted_minor and patch >= least


def _other(what: str, port: str, board: dict[str, Any], program: Program) -> FlashError:
    name, wanted = board["name"], program.micropython or compiled_for()
    pinned = board.get("micropython", {}).get("version", wanted)
    if board["state"] == "bench":
        command = f"python -m hwsim board --pty --board {name} --micropython {wanted}"
        return FlashError(what, port, "start the simulated board with that one", command, "micropython")
    if not suits(pinned, wanted):
        do = f"boards of this kind have {pinned}: leave --image out, and the program is made for that"
        return FlashError(what, port, do, reason="image")
    do = f"give the file of MicroPython {pinned} with --micropython FILE; identity and settings stay"
    return FlashError(what, port, do, reason="micropython")
