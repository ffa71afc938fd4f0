"""Copies of the tree: one as it is, and one for each planted bug."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
_PARTS = ("protocol", "firmware", "gateway", "hwsim", "boards", "flashing", "tests/mutants", "tests/firmware")
_FILES = ("flash.py", "tests/__init__.py", "tests/portable.py", "tests/runner.py", "pyproject.toml")
_IN_THE_IMAGE = ("protocol", "firmware", "boards")
IMAGE = "firmware.romfs"


class Stale(Exception):
    """A planted bug that no longer fits the code it is for."""


def copy(place):
    """The parts of the tree that a run of the bench needs."""
    for part in _PARTS:
        ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
        shutil.copytree(ROOT / part, place / part, ignore=ignored)
    for name in _FILES:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, place / name)


def plant(place, mutant):
    """Apply it. Raises Stale when the text is not there, or not once."""
    for name, old, new in mutant.edits:
        file = place / name
        text = file.read_text("utf-8")
        if text.count(old) != 1 or old == new:
            raise Stale(f"{mutant.name}: {name} has {text.count(old)} places like\n{old}")
        file.write_text(text.replace(old, new), "utf-8")


def build(place, mutant, pristine):
    """The firmware's image for this copy; that of the pristine tree where nothing of it was changed."""
    image = place / IMAGE
    if mutant is not None and not any(name.split("/")[0] in _IN_THE_IMAGE for name, _, _ in mutant.edits):
        shutil.copy(pristine / IMAGE, image)
        return
    command = [sys.executable, "flash.py", "image", "--board", "SIM", "--output", str(image)]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Stale(f"{mutant and mutant.name}: no image: {(done.stderr or done.stdout).strip()[-400:]}")
