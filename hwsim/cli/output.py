"""`--json FILE`: seen to be writable before the work begins; `-` is standard output, where nothing else goes
then.
"""

import argparse
import contextlib
import json
import os
import stat
import sys


class JsonFile:
    """Emptied only when there is something to write."""

    def __init__(self, name):
        self.is_stdout = name == "-"
        self._file = None
        if self.is_stdout:
            return
        try:
            self._file = open(name, "a", encoding="utf-8")  # noqa: SIM115 - kept until the end
        except OSError as error:
            raise argparse.ArgumentTypeError(f"{name}: {error.strerror}") from None

    def write(self, document):
        text = json.dumps(document, indent=2) + "\n"
        if self._file is None:
            sys.__stdout__.write(text)
            sys.__stdout__.flush()
            return
        with self._file:
            if stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):  # no device or pipe can be cut
                self._file.truncate(0)
            self._file.write(text)


def option(parser, what):
    """The option `--json` of a command; its value has `write(document)`."""
    parser.add_argument(
        "--json", type=JsonFile, metavar="FILE", help=f"write {what} to FILE (- is standard output)"
    )


def aside(arguments):
    """A context: what the command prints goes to standard error when standard output is for the JSON."""
    target = getattr(arguments, "json", None)
    if isinstance(target, JsonFile) and target.is_stdout:
        return contextlib.redirect_stdout(sys.stderr)
    return contextlib.nullcontext()
