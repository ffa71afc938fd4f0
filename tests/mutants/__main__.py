"""python -m tests.mutants: plants each bug of the catalogue in a copy of the tree and asks the checks for it.

Exit 0: every bug was found, and the tree without any is found clean by the same checks. 1: a bug survived,
or a check complains about the tree as it is. 2: a planted bug no longer fits the code.
"""

import argparse
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.catalogue import MUTANTS
from tests.mutants.copies import Stale, build, copy, plant
from tests.mutants.verdicts import ask


def main(arguments=None):
    options = _options(arguments)
    chosen = [m for m in MUTANTS if not options.names or m.name in options.names]
    if options.quick:
        chosen = [m for m in chosen if m.quick]
    unknown = set(options.names) - {m.name for m in MUTANTS}
    if unknown or not chosen:
        print(f"no such planted bug: {', '.join(sorted(unknown)) or 'none chosen'}", file=sys.stderr)
        return 2
    if options.list:
        for mutant in chosen:
            print(f"{mutant.name:32} {mutant.file:28} {mutant.says}")
        return 0
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="patrola-mutants-") as folder:
        try:
            survivors = _hunt(Path(folder), chosen, options)
        except Stale as error:
            print(f"a planted bug no longer fits: {error}", file=sys.stderr)
            return 2
    print(f"{len(chosen) - survivors} of {len(chosen)} found, {time.monotonic() - began_s:.0f} s")
    return 1 if survivors else 0


def _options(arguments):
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="these only")
    parser.add_argument("--quick", action="store_true", help="the few that CI has time for")
    parser.add_argument("--list", action="store_true", help="what there is")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--all", action="store_true", help="ask every check of a bug, not until one finds it")
    return parser.parse_args(arguments)


def _hunt(folder, chosen, options):
    """Prints the table as it grows; how many survived."""
    pristine = folder / "pristine"
    copy(pristine)
    for mutant in chosen:  # all of them first: a stale one is told at once
        trial = folder / "trial"
        _lay(trial, pristine)
        plant(trial, mutant)
        shutil.rmtree(trial)
    build(pristine, None, None)
    checks = list(dict.fromkeys(check for mutant in chosen for check in mutant.checks))
    with ThreadPoolExecutor(options.jobs) as pool:
        clean = list(pool.map(lambda check: ask(pristine, check), checks))
        loud = [verdict for verdict in clean if verdict.found]
        for verdict in loud:
            print(f"the tree as it is: {verdict.check} finds {len(verdict.found)}: {verdict.found[0]}")
        hunts = pool.map(lambda mutant: _try(folder, pristine, mutant, options.all), chosen)
        survivors = 0
        for mutant, verdicts in zip(chosen, hunts, strict=True):
            survivors += _tell(mutant, verdicts)
    return survivors or len(loud)


def _try(folder, pristine, mutant, every):
    """The verdicts on one planted bug, up to the first that found it."""
    place = folder / mutant.name
    _lay(place, pristine)
    plant(place, mutant)
    build(place, mutant, pristine)
    verdicts = []
    for check in mutant.checks:
        verdicts.append(ask(place, check))
        if verdicts[-1].found and not every:
            break
    shutil.rmtree(place)
    return verdicts


def _lay(place, pristine):
    shutil.copytree(pristine, place, ignore=shutil.ignore_patterns("__pycache__", "*.romfs"))


def _tell(mutant, verdicts):
    """One row of the table; 1 when nobody found it."""
    caught = [verdict for verdict in verdicts if verdict.found]
    print(f"{'found' if caught else 'SURVIVED':9} {mutant.name:32} {mutant.says}")
    for verdict in verdicts:
        names = ", ".join(verdict.rules[:5]) if verdict.found else "saw nothing"
        print(f"{'':9} {verdict.check:32} {names}", flush=True)
    return 0 if caught else 1


if __name__ == "__main__":
    sys.exit(main())
