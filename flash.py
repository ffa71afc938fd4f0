#!/usr/bin/env python3
"""The technician's tool.

It needs what `make setup` installs: `. .venv/bin/activate` first.

Exit codes: 0 good, 1 the thing asked for failed, 2 wrong use.
"""

import argparse
import json
import shlex
import sys
from pathlib import Path

from flashing import cli
from flashing.errors import FlashError, Usage
from flashing.folding import folded

_CODES = "Exit codes: 0 good, 1 the thing asked for failed, 2 wrong use.\n"
_INTERRUPTED = 130
_HERE = Path(__file__).resolve().parent
_ACTIVATE = ".venv/bin/activate"
_COMMAND = "  run:    "


def parser() -> argparse.ArgumentParser:
    shape = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(prog="flash.py", description=__doc__, formatter_class=shape)
    commands = top.add_subparsers(dest="command", required=True)
    for module in cli.modules():
        command = commands.add_parser(
            module.NAME,
            help=module.HELP,
            description=folded(module.DESCRIPTION, sys.stdout, 0),
            epilog=f"{_CODES}example: {module.EXAMPLE}",
            formatter_class=shape,
        )
        module.arguments(command)
        command.add_argument("--json", action="store_true", help="print JSON for a program to read")
        command.set_defaults(run=module.run)
    return top


def _folded(line: str) -> str:
    """A command stays one line: it is to be pasted."""
    if line.startswith(_COMMAND):
        return line
    return "\n".join(folded(part, sys.stderr, len(_COMMAND)) for part in line.split("\n"))


def _explain(error: FlashError, again: str, as_json: bool) -> None:
    """Standard error is for people, standard output for programs. `again` is the same command once more."""
    if error.add and not error.command:
        error.command = f"{again} {error.add}"
    if as_json:
        print(json.dumps({"error": {**error.as_json(), "again": again}}))
    first, *others = error.lines()
    print(_folded(f"flash.py: {first}"), file=sys.stderr)
    for line in others:
        print(_folded(line), file=sys.stderr)
    if error.where and again not in error.command:
        print(f"  again:  {again}", file=sys.stderr)


def main(argv: list[str] | None = None) -> int:
    words = sys.argv[1:] if argv is None else argv
    arguments = parser().parse_args(words)
    again = shlex.join(["./flash.py", *words])
    try:
        return int(arguments.run(arguments))
    except FlashError as error:
        _explain(error, again, arguments.json)
        return 2 if isinstance(error, Usage) else 1
    except ModuleNotFoundError as error:
        if (_HERE / str(error.name).split(".")[0]).exists():
            raise  # our own: that is a defect
        what = f"the Python package {error.name} is not there"
        do, command = "in each new window, before the first command:", f". {_ACTIVATE}"
        if not (_HERE / _ACTIVATE).exists():
            do, command = "once on this computer, in this folder:", f"make setup && {command}"
        _explain(Usage(what, do, command), again, arguments.json)
        return 2
    except KeyboardInterrupt:
        print(f"\nflash.py: stopped. What is done stays done; go on with\n  {again}", file=sys.stderr)
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
