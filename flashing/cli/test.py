"""`./flash.py test`."""

import argparse
import json
import sys
from typing import Any, TextIO

from flashing.folding import folded

NAME = "test"
HELP = "test a provisioned board, step by step, up to a drill alarm"
DESCRIPTION = (
    "Leads through the test of a provisioned board: supply, flash, GNSS antenna and fix, SIM, registration "
    "and signal, each key, lamps and buzzer, and a drill alarm through the real gateway and back to the "
    "lamp. Leaves a signed record (JSON) and the same on one page (HTML) with the unit's records. At its end "
    "the board starts its program."
)
EXAMPLE = "./flash.py test --board SIM --port /dev/ttyUSB0 --unit vr-101"
_TEXT = 19  # where the text of a step begins


def arguments(parser: argparse.ArgumentParser) -> None:
    from flashing.desk import options as desk

    desk.board_options(parser)
    parser.add_argument("--unit", metavar="UNIT", help="refuse a board that is another unit")
    desk.technician_option(parser)
    parser.add_argument(
        "--jig", metavar="COMMAND", help="a program that presses and looks in a person's place"
    )
    parser.add_argument(
        "--acknowledge-s",
        type=int,
        default=20,
        metavar="N",
        help="wait so long for the operations centre to acknowledge the drill (20)",
    )
    parser.add_argument(
        "--skip",
        action="append",
        default=[],
        metavar="STEP",
        help="leave a step out; the test is not passed then: gnss, modem, key, drill, ...",
    )


def run(options: argparse.Namespace) -> int:
    from flashing.desk import options as desk
    from flashing.desk import record, records, testing
    from flashing.desk.person import Jig, Technician

    signer = desk.technician(options)
    out = sys.stderr if options.json else sys.stdout
    person = Jig(options.jig) if options.jig else Technician(out)
    try:
        with desk.device(options) as device:
            found = testing.Test(
                device, person, lambda step: _show(step, out), options.acknowledge_s, tuple(options.skip)
            ).run(options.unit)
            if found["passed"]:
                device.begin()
                device.workshop(0)  # from the next start on its console is closed, if its settings say so
            device.reset()
    finally:
        if isinstance(person, Jig):
            person.close()
    document = record.signed(found, signer)
    path = records.put(options.records, found["unit"], records.TEST, document)
    page = records.write(path.with_name(records.TEST_PAGE), record.page(document).encode())
    if options.json:
        print(json.dumps({**document, "files": [str(path), str(page)]}, ensure_ascii=False))
    else:
        print(f"\n{found['unit']}: {_verdict(found)}. {page}")
    return 0 if found["passed"] else 1


def _show(step: object, out: TextIO) -> None:
    from flashing.desk.testing import Step

    assert isinstance(step, Step)
    mark = {"good": "+", "failed": "!", "skipped": "-"}[step.result]
    lines = [f"{mark} {step.name:<16} {step.text}"] + ([f"  {'do:':<16} {step.do}"] if step.do else [])
    for line in lines:
        print(folded(line, out, _TEXT), file=out, flush=True)


def _verdict(found: dict[str, Any]) -> str:
    """What has to be done again is said once more: the steps may have left the screen."""
    if found["passed"]:
        return "passed"
    said = []
    for result, word in (("failed", "failed"), ("skipped", "left out")):
        names = [step["name"] for step in found["steps"] if step["result"] == result]
        said += [f"{word}: {', '.join(names)}"] if names else []
    return f"NOT passed ({'; '.join(said)})"
