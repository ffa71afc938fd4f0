"""Boards whose flash holds the program as flash.py leaves it there: two slots, their state, what starts
them."""

import hashlib
from pathlib import Path

from firmware.slots import HEAD, Image
from flashing.image import load_board
from flashing.selector import startup
from hwsim import technician
from hwsim.board import load_board as description
from hwsim.kernel import Kernel
from hwsim.terminal import Terminal

_RUN_S = 60
_PIECE = 5000


def put_files(flash_path, files, seed=0):
    """{path: text} on the file system of a board, by programs that run there, a piece at a time."""
    for path, text in files.items():
        for at in range(0, len(text), _PIECE):
            mode = "a" if at else "w"
            run_on(
                flash_path,
                f"with open({path!r}, {mode!r}) as file: file.write({text[at : at + _PIECE]!r})",
                seed,
            )


def run_on(flash_path, program, seed=0):
    """Let a board run a program of a few lines once; what it printed."""
    script = Path(f"{flash_path}.py")
    script.write_text(program, "utf-8")
    kernel = Kernel(seed)
    said = []
    kernel.subscribe(lambda event: said.append(event.fields["line"]) if event.what == "log" else None)
    terminal = Terminal(kernel, "files", "SIM", None, flash_path, script=script)
    terminal.power_on()
    kernel.run_until(lambda: "the program has ended" in said, _RUN_S)
    terminal.close()
    script.unlink()
    assert said[-1:] == ["the program has ended"], said
    return said[:-1]


def put_image(flash_path, number, data, version=1, board="SIM", whole=True):
    """Into the slot of that number, at once."""
    slot = description(board)["flash"]["slots"][number]
    image = Image(len(data), version, hashlib.sha256(data).digest(), board)
    head = bytearray(b"\xff" * HEAD)
    head[: len(image.described())] = image.described()
    if whole:
        head[256:264] = image.mark()
    with open(flash_path, "r+b") as file:
        file.seek(slot["address"])
        file.write(bytes(head) + data)


def damage(flash_path, number, at=HEAD + 1000):
    """One bit of a slot falls over."""
    with open(flash_path, "r+b") as file:
        file.seek(description("SIM")["flash"]["slots"][number]["address"] + at)
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes((byte ^ 4,)))


def board(folder, image=None, name="board"):
    """A board that starts the program from slot 0, without identity; the path of its flash."""
    flash = Path(folder) / f"{name}.flash"
    put_files(flash, startup(load_board("SIM")))
    if image is not None:
        put_image(flash, 0, Path(image).read_bytes())
    return flash


def provisioned(folder, image, settings, name="board"):
    """The same with identity and settings: (flash, public key)."""
    flash = board(folder, image, name)
    public = technician.make_identity(name, image, flash)
    technician.install(name, image, flash, settings)
    return flash, public
