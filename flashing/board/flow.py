"""A board from whatever it is to one that runs the program."""

import argparse
import contextlib
import dataclasses
from typing import Any

from flashing.board import start
from flashing.board.install import Install, Report
from flashing.board.program import Program
from flashing.board.reach import reach
from flashing.board.recognise import Found
from flashing.errors import FlashError
from flashing.progress import Steps


@dataclasses.dataclass
class Done:
    """What `./flash.py flash` has to say at its end."""

    board: str
    port: str
    found: Found
    program: Program
    report: Report
    started: start.Started
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        program = self.program
        return {
            "board": self.board,
            "port": self.port,
            "found": self.found.as_json(),
            "program": {
                "version": program.version_text,
                "bytes": len(program.data),
                "sha256": program.sha256.hex(),
            },
            "transfer": self.report.as_json(),
            "started": dataclasses.asdict(self.started),
            "seconds": self.seconds,
        }

    def lines(self) -> list[str]:
        report, version = self.report, self.program.version_text
        if report.unchanged:
            what = f"program {version} was on it already"
        else:
            before = f", {report.was} before" if report.was else ""
            what = f"program {version} is on it{before}; {report.bytes_sent / 1024:.0f} KB sent"
        return [
            f"{self.board} on {self.port}: {what}",
            f"  chip {self.found.chip}, uid {self.found.uid}, MicroPython {self.found.micropython}",
            f"  it runs from slot {self.started.slot}; {self.seconds:.1f} s",
        ]


def flash(
    board: dict[str, Any], port: str, program: Program, options: argparse.Namespace, steps: Steps
) -> Done:
    """Raises FlashError."""
    if program.board != board["name"]:
        raise FlashError(
            f"the image is for {program.board}, not for {board['name']}",
            str(options.image or ""),
            "make the right one",
            f"./flash.py image --board {board['name']} --output patrola.romfs",
            "file",
        )
    baud, file = options.baud, options.micropython
    console, found = reach(board, port, baud, program, file, steps, options.format)
    with console:
        steps.say(f"{found.machine}, uid {found.uid}, MicroPython {found.micropython}")
        install = Install(console, board, program, "deflate" in found.has, steps)
        try:
            report = install.run(options.allow_downgrade, options.change_board)
        except FlashError:
            with contextlib.suppress(FlashError):
                console.reset()  # whatever it ran before, it runs again
            raise
        on_trial = report.was and not report.unchanged
        steps.say("starting it" + (", on trial: it has to run for ten seconds" if on_trial else ""))
        started = start.watch(console, program)
    return Done(board["name"], port, found, program, report, started)
