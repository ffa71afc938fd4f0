"""What a technician does to a terminal before it goes into a car, and what is read out of one afterwards:
small programs that the terminal runs once, in virtual time."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from hwsim.kernel import Kernel
from hwsim.terminal import CHIP_HEAP, Terminal

_ROOT = Path(__file__).resolve().parent.parent
BOARD = "SIM"
_RUN_S = 120
_READER_HEAP = 1 << 20  # the bench's own program, not the chip's
_ENDED = re.compile("the program has ended|Traceback")
# What flash.py types at a real terminal's prompt, here as the program the simulated one runs once.
_MAKE_IDENTITY = """\
from board import BOARD
from firmware import provision
from firmware.hal import Hal
print("public key", provision.create_identity(Hal(BOARD)).hex())
"""
_INSTALL = """\
from board import BOARD
from firmware import provision
from firmware.hal import Hal
print("installed", provision.install({config!r}, Hal(BOARD)))
"""
_UNSENT = """\
import esp32
from firmware.journal import Journal
(flash,) = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="journal")
journal = Journal(flash, {urgent_kb} * 1024, {bulk_kb} * 1024)
for urgent in (True, False):
    found = journal.peek(urgent, 8)
    while found:
        for key, _ in found:
            print("unsent", key[0], key[1])
        found = journal.peek(urgent, 8, found[-1][0])
print("unsent end")
"""


class FleetError(Exception):
    """A terminal could not be made ready; the text has its last words."""


def build_image(directory, board=BOARD):
    """The firmware as one ROMFS image, made by the technician's own tool."""
    output = Path(directory) / "firmware.romfs"
    made = subprocess.run(
        [sys.executable, "flash.py", "image", "--board", board, "--output", str(output)],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        words = (made.stderr or made.stdout).strip().splitlines() or ["no message"]
        raise FleetError(f"the firmware's image could not be built: {words[-1]}")
    return output


def build_reader(directory):
    """The program's modules as they stand, by their names: the image proper keeps only what the program
    calls. With this the bench opens a terminal's journal after the run."""
    tree, output = Path(directory) / "reader", Path(directory) / "reader.romfs"
    for room in ("protocol", "firmware"):
        shutil.copytree(_ROOT / room, tree / room, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "mpremote", "romfs", "-o", str(output), "build", str(tree)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise FleetError(
            f"the journal's reader could not be built: {made.stderr.strip() or made.stdout.strip()}"
        )
    return output


def run_once(name, image, flash_path, program, mark, heap=CHIP_HEAP, seed=0):
    """Run a program on the terminal in virtual time; what its lines say after `mark`, at least one."""
    folder = Path(flash_path).parent
    with tempfile.NamedTemporaryFile("w", suffix=".py", dir=folder, encoding="utf-8") as script:
        script.write(program)
        script.flush()
        kernel = Kernel(f"{seed}/provision/{name}/{mark}")
        lines = []
        kernel.subscribe(lambda event: lines.append(event.fields["line"]) if event.what == "log" else None)
        terminal = Terminal(kernel, name, BOARD, image, flash_path, heap, script.name)
        terminal.power_on()
        kernel.run_until(lambda: any(_ENDED.match(line) for line in lines), _RUN_S)
        kernel.run_for(0.1)
        terminal.close()
    said = [line[len(mark) + 1 :] for line in lines if line.startswith(mark + " ")]
    if not said or not any(line == "the program has ended" for line in lines):
        words = lines[-1] if lines else "it said nothing"
        raise FleetError(f"{name}: a program on the terminal failed: {words}")
    return said


def make_identity(name, image, flash_path, seed=0):
    """The key pair is made on the device; its public half, X || Y."""
    (said,) = run_once(name, image, flash_path, _MAKE_IDENTITY, "public key", seed=seed)
    return bytes.fromhex(said)


def install(name, image, flash_path, settings, seed=0):
    """Put its settings, the gateway's public key among them, on the terminal."""
    program = _INSTALL.format(config=json.dumps(settings))
    (wrong,) = run_once(name, image, flash_path, program, "installed", seed=seed)
    if wrong != "[]":
        raise FleetError(f"{name}: the terminal refuses its configuration: {wrong}")


def unsent(name, reader, flash_path, sizes, seed=0):
    """(boot, seq) of the frames that the flash of a terminal without power still holds."""
    rows = run_once(name, reader, flash_path, _UNSENT.format(**sizes), "unsent", _READER_HEAP, seed)
    if rows[-1] != "end":
        raise FleetError(f"{name}: the journal could not be read to its end: {rows[-1]}")
    return [tuple(int(word) for word in row.split()) for row in rows[:-1]]
