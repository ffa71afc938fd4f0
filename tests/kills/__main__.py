"""`make kills COUNT=1000`: kill -9 of gateways, and of PostgreSQL, at random moments."""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from dataclasses import asdict

from tests.kills.siege import Plan, besiege

KINDS = {
    "sqlite": lambda count, seed: Plan("sqlite", count, seed=seed),
    "postgres": lambda count, seed: Plan("postgres", count, seed=seed),
    "server": lambda count, seed: Plan("postgres", count, server_share=1.0, seed=seed),
    "nodes": lambda count, seed: Plan("postgres", count, nodes=2, relayed=True, server_share=0.05, seed=seed),
}


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="kills of each kind (1000)")
    parser.add_argument("--only", action="append", choices=sorted(KINDS), help="this kind; may be repeated")
    parser.add_argument("--seed", type=int, default=None, help="of the random moments; default: a new one")
    parser.add_argument("--json", metavar="FILE", help="write the counts there")
    options = parser.parse_args()
    seed = int.from_bytes(os.urandom(3), "big") if options.seed is None else options.seed
    results, failed = [], 0
    for kind in options.only or KINDS:
        with tempfile.TemporaryDirectory(prefix="patrola-kills-") as folder:
            result = asyncio.run(besiege(KINDS[kind](options.count, seed), folder))
        results.append({"kind": kind, "seed": seed, **asdict(result)})
        print(f"{kind} (seed {seed}): {result.text()}", flush=True)
        for error in [*result.errors[:5], *result.notes[:5]]:
            print(f"  {error}", flush=True)
        if result.wrong:
            failed = 1
            print(f"{kind}: FAILED", flush=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
    return failed


if __name__ == "__main__":
    sys.exit(main())
