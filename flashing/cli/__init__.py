"""The commands of `./flash.py`, one module each.

A module has NAME, HELP (one line), DESCRIPTION and EXAMPLE (texts), `arguments(parser)` and `run(arguments)`,
which returns the exit code: 0 good, 1 the thing asked for failed, 2 wrong use. A FlashError that leaves `run`
is shown by `flash.py`. What a command needs is imported when it runs, so that `--help` costs nothing.
Every command has `--json` from the frame: `arguments.json` is true when standard output is for a program.
"""

import importlib
from types import ModuleType

COMMANDS = (
    *("batch", "boards", "files", "flash", "image", "label", "pin", "ports", "provision", "release", "test"),
)


def modules() -> list[ModuleType]:
    return [importlib.import_module(f"flashing.cli.{name}") for name in COMMANDS]
