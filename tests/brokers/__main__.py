"""Longer than CI has time for:

    python -m tests.brokers siege   --blows 30    nodes of the cluster killed and cut off
    python -m tests.brokers kills   --kills 50    each single broker killed
    python -m tests.brokers backlog --frames 1000000

Each prints its counts as JSON; exit code 1 when a frame was lost or came in the wrong order.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
from pathlib import Path

from tests.brokers.backlog import drain
from tests.brokers.kills import KINDS, available, kill_again_and_again
from tests.brokers.siege import besiege


def _parser():
    parser = argparse.ArgumentParser(prog="python -m tests.brokers", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("what", choices=("siege", "kills", "backlog"))
    parser.add_argument("--blows", type=int, default=30)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--broker", choices=(*KINDS, "cluster"), action="append", help="only these")
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--terminals", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    return parser


def say(text):
    print(text, file=sys.stderr, flush=True)


async def run(options, folder):
    """(reports, whether all is well)."""
    if options.what == "backlog":
        kind = (options.broker or ["iotcore"])[0]
        report = await drain(folder, options.frames, options.terminals or 100, say=say, kind=kind)
        well = report.get("complete", report["arrived"] == options.frames)
        return [report], well and not report.get("out_of_order")
    if options.what == "siege":
        rng = random.Random(options.seed)
        blows = [(rng.choice(("kill", "cut")), None) for _ in range(options.blows)]
        reports = [await besiege(folder, blows, options.seed, options.terminals or 4, say=say)]
        reports[0]["blows"] = options.blows
    else:
        reports = []
        for kind in options.broker or KINDS:
            if not available(kind):
                say(f"{kind}: not installed, left out")
                continue
            place = folder / kind
            place.mkdir()
            more = {"terminals": options.terminals or 3, "say": say}
            reports.append(await kill_again_and_again(place, kind, options.kills, options.seed, **more))
    wrong = ("lost", "unknown", "conflicts", "unrelayed")
    return reports, all(not any(report[name] for name in wrong) for report in reports)


def main():
    options = _parser().parse_args()
    with tempfile.TemporaryDirectory() as name:
        reports, well = asyncio.run(run(options, Path(name)))
    text = json.dumps(reports, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
