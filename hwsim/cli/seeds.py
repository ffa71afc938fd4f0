"""`python -m hwsim seeds`."""

from hwsim.cli import output, types

NAME = "seeds"
HELP = "many seeds, each played twice: the same trace both times?"
DESCRIPTION = """\
Short stories with every fault, each seed played twice, by two processes that hash strings differently and
take the seeds in opposite orders. Exit code 1 if a trace differs, with the first event that does, or if a
promise was broken."""
EXAMPLE = "python -m hwsim seeds --count 1000 --json seeds.json"


def arguments(parser):
    parser.add_argument("--seed", type=int, default=1, help="the first one (1)")
    parser.add_argument("--count", type=types.count, default=100, metavar="N", help="how many (100)")
    parser.add_argument("--terminals", type=types.terminals, default=1, metavar="N", help="how many cars (1)")
    parser.add_argument("--hours", type=types.positive, default=0.05, metavar="H", help="of each (0.05)")
    parser.add_argument(
        "--faults", type=types.day_kind, default="full", metavar="PROFILE", help="which kind of day (full)"
    )
    parser.add_argument(
        "--often", type=types.positive, default=10.0, metavar="X", help="rates that many times as high (10)"
    )
    output.option(parser, "the result")


def run(options):
    from hwsim.seeds import twice

    done = 0

    def said(seed, differs):
        nonlocal done
        done += 1
        if differs:
            print(f"seed {seed}: NOT the same twice", flush=True)
        elif not done % 50:
            print(f"{done} of {options.count}", flush=True)

    seeds = range(options.seed, options.seed + options.count)
    told = twice(seeds, options.terminals, options.hours, options.faults, options.often, said)
    for seed, pair in told.differ.items():
        print(f"seed {seed}, the first event that differs:")
        for line in pair or ["(two more runs were alike)"]:
            print(f"  {line}")
    for seed, broken in told.broken.items():
        print(f"seed {seed}: {len(broken)} VIOLATIONS, {broken[0]}")
    if options.json:
        options.json.write(told.as_json())
    same = options.count - len(told.differ)
    print(f"seeds: {same} of {options.count} the same twice, {len(told.broken)} with violations")
    return 1 if told.differ or told.broken else 0
