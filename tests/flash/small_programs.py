"""Programs of a few kilobytes that stand in for the terminal's: they come up at once, and some do not.
Blocks of chance make them as long as is wanted."""

import functools
import random
import tempfile
from pathlib import Path

from flashing.board.program import Program, parse
from flashing.image import ROOT, compile_program, compiled_for, romfs

_GOOD = """
import time
import micropython
from firmware.slotflash import open_slot
from firmware.slots import Slots
FLASH = {flash!r}
def main(slot):
    slots = Slots([open_slot(FLASH, n) for n in range(2)], slot)
    trial = slots.trial
    slots.confirm()
    micropython.kbd_intr(3)
    print("patrola {version} runs from slot %d%s" % (slot, ", confirmed" if trial else ""))
    while True:
        time.sleep(1)
"""
_RAISES = """
def main(slot):
    raise ValueError("this program does not start")
"""
_HANGS = """
import time
def main(slot):
    while True:
        time.sleep(1)
"""
KINDS = {"good": _GOOD, "raises": _RAISES, "hangs": _HANGS}
_BESIDE = ("firmware/slotflash.py", "firmware/slots.py", "firmware/statefile.py", "protocol/compat.py")
FLASH = {"slots": [{"address": 0x200000, "size": 0x80000}, {"address": 0x280000, "size": 0x80000}]}


@functools.cache
def program(version="0.1.0", kind="good", blocks=6, seed=1, board="SIM", changed=()) -> Program:
    """`blocks` of 4 KB that cannot be squeezed, the same for the same seed but those in `changed`."""
    texts = {path: (ROOT / path).read_text(encoding="utf-8") for path in _BESIDE}
    texts["firmware/main.py"] = KINDS[kind].format(flash=FLASH, version=version)
    texts["firmware/__init__.py"] = texts["protocol/__init__.py"] = ""
    texts["about.txt"] = f"board {board}\nversion {version}\nmicropython {compiled_for()}\n"
    with tempfile.TemporaryDirectory() as folder:
        rom = Path(folder, "rom")
        compile_program(texts, Path(folder, "source"), rom)
        rows = [
            random.Random(seed * 1000 + n + (500 if n in changed else 0)).randbytes(4096)
            for n in range(blocks)
        ]
        (rom / "aaa.bin").write_bytes(b"".join(rows))
        romfs(rom, Path(folder, "image"))
        return parse(Path(folder, "image").read_bytes(), version)
