"""Measures, and prints a table of ratios.

    python -m benchmarks                                   all suites but gateway and costs
    python -m benchmarks --only firmware --json FILE       one suite, also as JSON
    python -m benchmarks --list

Ends with 0 if all is well, 1 if a promised bound is missed or a piece of work failed, 2 after wrong use.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from benchmarks import report
from benchmarks.bench import Bench
from benchmarks.measure import Turns
from benchmarks.places import ROOT, Places
from benchmarks.suites import cbor, costs, crypto, firmware, gateway, hwsim, nmea, wire

SUITES = {suite.NAME: suite for suite in (firmware, nmea, cbor, crypto, wire, hwsim, gateway, costs)}


def parser():
    p = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Ratios against named peers, both sides timed in turns in one run.",
        epilog="example: python -m benchmarks --only firmware --json figures.json",
    )
    p.add_argument("--only", action="append", metavar="SUITE", help="this suite; may be given several times")
    p.add_argument("--json", metavar="FILE", help="write all figures to FILE (- is standard output)")
    p.add_argument("--toml", metavar="FILE", help="with the suite `costs`: write the costs for hwsim to FILE")
    p.add_argument("--list", action="store_true", help="name the suites and end")
    p.add_argument("--rounds", type=int, default=15, metavar="N", help="rounds of each side (default 15)")
    p.add_argument(
        "--round-ms", type=int, default=80, metavar="MS", help="least length of a round (default 80)"
    )
    return p


def chosen(p, names):
    """The suites asked for, in their own order. `--only a,b` is as good as `--only a --only b`.

    Without a wish all of them, but those that want to be asked for.
    """
    wanted = [name for names_ in names or () for name in names_.split(",")]
    for name in wanted:
        if name not in SUITES:
            p.error(f"no suite {name!r}; there are: {', '.join(SUITES)}")
    if not wanted:
        return [suite for suite in SUITES.values() if not getattr(suite, "ONLY_ASKED", False)]
    return [suite for name, suite in SUITES.items() if name in wanted]


def _writable(p, option, name):
    """Opened before anything is measured: minutes of work are not lost to a wrong path."""
    if name in (None, "-"):
        return None
    try:
        return open(name, "a", encoding="utf-8")  # kept until the end, and emptied only then
    except OSError as error:
        return p.error(f"{option} {name}: {error.strerror}")


def _write(file, text):
    with file:
        file.truncate(0)
        file.write(text)


def main(argv=None):
    p = parser()
    arguments = p.parse_args(argv)
    if arguments.list:
        for suite in SUITES.values():
            print(f"{suite.NAME:10} {suite.ABOUT}")
        return 0
    if arguments.rounds < 1 or arguments.round_ms < 1:
        p.error("--rounds and --round-ms must be at least 1")
    suites = chosen(p, arguments.only)
    if arguments.toml and costs not in suites:
        p.error("--toml needs the suite costs")
    json_file = _writable(p, "--json", arguments.json)
    toml_file = _writable(p, "--toml", arguments.toml)
    os.chdir(ROOT)  # the recordings are found from here, as the tests find them
    aside = sys.stderr if arguments.json == "-" else sys.stdout
    places = Places()
    try:
        bench = Bench(places, Turns(arguments.rounds, arguments.round_ms), report.progress(sys.stderr))
        before = report.load()
        for suite in suites:
            bench.run(suite)
        machine = report.machine(places, before)
    finally:
        places.close()
    print(report.table(bench, machine), file=aside)
    document = json.dumps(report.document(bench, machine), indent=1) + "\n"
    if json_file:
        _write(json_file, document)
    elif arguments.json == "-":
        sys.stdout.write(document)
    if toml_file:
        toml_file.close()
        costs.write(Path(arguments.toml))
    return 1 if bench.missed or bench.failed else 0


if __name__ == "__main__":
    sys.exit(main())
