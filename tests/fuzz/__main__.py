"""Fuzzes every reader of outside bytes, and says what was found.

    python -m tests.fuzz --seconds 60                      all targets share a minute (times the jobs)
    python -m tests.fuzz --each 600 --target cbor_decode   ten minutes for one of them
    python -m tests.fuzz --list
    python -m tests.fuzz --target cbor_decode --input 8181 what one input does, with its traceback

Exit code: 0 nothing found, 1 something found, 2 it could not run.
"""

import argparse
import json
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.campaign import Campaign
from tests.fuzz.registry import TARGETS, Target

COLUMNS = ("target", "engine", "seconds", "executions", "exec/s", "new", "edges", "findings")


def parser():
    p = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0])
    p.add_argument(
        "--seconds", type=float, default=60, help="shared by all targets; each gets at least one (60)"
    )
    p.add_argument("--each", type=float, help="seconds for each target, instead of --seconds")
    p.add_argument(
        "--target", action="append", choices=list(TARGETS), metavar="NAME", help="only this one; repeatable"
    )
    p.add_argument(
        "--engine", choices=("atheris", "hypothesis"), help="atheris where it is installed, else hypothesis"
    )
    p.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="targets at the same time")
    p.add_argument("--json", type=Path, metavar="FILE", help="write the table there as well")
    p.add_argument(
        "--folder", type=Path, default=Path(".build/fuzz"), help="where found inputs are kept (.build/fuzz)"
    )
    p.add_argument("--input", metavar="HEX", help="run one target once, on these bytes")
    p.add_argument(
        "--file", type=Path, help="the same, bytes or hexadecimal text in a file that ends in .hex"
    )
    p.add_argument("--list", action="store_true", help="name the targets")
    p.add_argument(
        "--distil",
        action="store_true",
        help="keep the smallest found inputs that reach all lines, in tests/corpus",
    )
    p.add_argument("--progress", action="store_true", help="a line when a target is done")
    p.add_argument("--plant", default="", help=argparse.SUPPRESS)
    return p


def engine_of(wanted):
    """(engine, what to say of it); None when it was asked for and is not there."""
    there = find_spec("atheris") is not None
    if wanted == "atheris" and not there:
        return None, "atheris has no wheel here"
    if wanted or there:
        return wanted or "atheris", ""
    return (
        "hypothesis",
        "no atheris for this Python or machine: hypothesis changes the seeds instead, unguided by coverage",
    )


def table(rows):
    widths = [
        max(len(str(row[name])) for row in [*rows, dict(zip(COLUMNS, COLUMNS, strict=True))])
        for name in COLUMNS
    ]

    def line(cells):
        return "  ".join(
            str(c).ljust(w) if n < 2 else str(c).rjust(w)
            for n, (c, w) in enumerate(zip(cells, widths, strict=True))
        )

    return "\n".join([line(COLUMNS), *(line([row[name] for name in COLUMNS]) for row in rows)])


def repeat(name, args):
    data = bytes.fromhex(args.input) if args.input is not None else args.file.read_bytes()
    if args.file is not None and args.file.suffix == ".hex":
        data = bytes.fromhex(data.decode())
    if args.plant:
        from tests.fuzz.worker import planted

        Target(name)
        planted(args.plant)
    said = Target(name)(data)
    print("refused as documented" if said is None else f"understood: {said!r}")
    return 0


def main(argv=None):
    args = parser().parse_args(argv)
    names = args.target or list(TARGETS)
    if args.list:
        for name in names:
            print(f"{name:22}{(Target(name).function.__doc__ or '').strip().splitlines()[0]}")
        return 0
    if args.input is not None or args.file is not None:
        if not args.target or len(names) != 1:
            print("one --target goes with --input or --file", file=sys.stderr)
            return 2
        return repeat(names[0], args)
    if args.distil:
        from tests.fuzz.distil import distil

        for name in names:
            print(f"{name}: {distil(name, args.folder / name / 'found')}")
        return 0
    engine, note = engine_of(args.engine)
    if note:
        print(note, file=sys.stderr)
    if engine is None:
        return 2
    jobs = max(1, min(args.jobs, len(names)))
    seconds = args.each if args.each is not None else max(1.0, args.seconds * jobs / len(names))
    campaign = Campaign(engine, seconds, args.folder, args.plant)
    signal.signal(signal.SIGTERM, lambda *_: (campaign.stop(), os._exit(143)))
    rows = []
    try:
        with ThreadPoolExecutor(jobs) as pool:
            for row in pool.map(campaign.run, names):
                rows.append(row)
                if args.progress:
                    print(
                        row["target"],
                        row["executions"],
                        "executions,",
                        row["findings"],
                        "findings",
                        flush=True,
                    )
    except KeyboardInterrupt:
        campaign.stop()
        raise
    print(table(rows))
    for finding in campaign.findings:
        print(
            f"\nFOUND in {finding['target']}: {finding['error']}  ({finding['where']})\n"
            f"  saved: {finding['saved']}\n  repeat: {finding['repeat']}"
        )
    if args.json is not None:
        args.json.write_text(
            json.dumps(
                {"engine": engine, "note": note, "targets": rows, "findings": campaign.findings}, indent=1
            )
        )
    print(
        "\n%d targets, %d executions, %d findings"
        % (len(rows), sum(r["executions"] for r in rows), len(campaign.findings))
    )
    return 1 if campaign.findings else 0


if __name__ == "__main__":
    sys.exit(main())
