"""The commands of `python -m hwsim`, one module each.

A module has NAME, HELP (one line), DESCRIPTION and EXAMPLE (texts), `arguments(parser)` and `run(arguments)`,
which returns the exit code: 0 every promise was kept, 1 not, or something did not start, 2 wrong use. What a
command needs is imported when it runs, so that `--help` costs nothing.
"""

import importlib

COMMANDS = ("demo", "board", "conformance", "run", "soak", "panics", "month", "seeds", "load")


def modules():
    return [importlib.import_module(f"hwsim.cli.{name}") for name in COMMANDS]
