"""The command `panics`: runs of many presses side by side, and the table they make."""

import itertools
import sys
import tempfile

from hwsim import workers
from hwsim.presses import LIMITS, SHARES, Tally, run
from hwsim.rig import Kit
from hwsim.technician import FleetError


def panics(options):
    """Exit code: 0 within every limit, 1 not, or something did not start."""
    shares = [options.each] * (options.presses // options.each)
    if options.presses % options.each:
        shares.append(options.presses % options.each)
    tally = Tally()
    try:
        with tempfile.TemporaryDirectory(prefix="patrola-panics-") as folder:
            made = Kit(folder)
            for part in _parts(made, options, shares):
                tally.join(part)
                print(f"panics: {tally.presses} of {options.presses}", file=sys.stderr, flush=True)
    except (FleetError, AssertionError) as error:
        print(f"panics: {error}", file=sys.stderr)
        return 1
    for line in table(tally):
        print(line)
    broken = tally.broken()
    for sentence in broken:
        print("broken: " + sentence)
    if options.json:
        options.json.write(as_json(tally, broken, options.seed))
    return 1 if broken else 0


def _parts(made, options, shares):
    rows = [(made, options.seed + i, presses) for i, presses in enumerate(shares)]
    if options.jobs == 1:
        return itertools.starmap(run, rows)
    return workers.as_done(options.jobs, run, rows)


def table(tally):
    """Lines: a row a stage and way, milliseconds from the end of the hold (or from the link's return)."""
    yield f"{'':<52}{'presses':>9}{'p50':>8}{'p99':>8}{'p99.9':>8}{'worst':>8}  limits"
    for stage, way, number, shares in tally.rows():
        limits = ", ".join(f"p{share * 100:g} {ms:.0f}" for share, ms in LIMITS[stage].get(way, ()))
        figures = "".join(f"{shares[share]:>8.0f}" for share in SHARES)
        yield f"{stage + ', ' + way:<52}{number:>9}{figures}  {limits}"
    yield f'false "received": {tally.false_received} of {tally.presses} presses'
    times = tally.virtual_s / max(tally.wall_s, 1e-9)
    yield f"{tally.virtual_s:.0f} s of virtual time, {times:.0f} times real time a core"


def as_json(tally, broken, seed):
    return {
        "seed": seed,
        "presses": tally.presses,
        "false_received": tally.false_received,
        "virtual_s": round(tally.virtual_s, 1),
        "stages": [
            {
                "stage": stage,
                "way": way,
                "presses": number,
                **{f"p{share * 100:g}_ms": round(ms, 1) for share, ms in shares.items()},
            }
            for stage, way, number, shares in tally.rows()
        ],
        "broken": broken,
    }
