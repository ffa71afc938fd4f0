"""`python -m hwsim soak`."""

from hwsim.cli import output, types

NAME = "soak"
HELP = "hours of patrols in virtual time, with everything that can go wrong"
DESCRIPTION = """\
Hours of patrols in virtual time, with everything that can go wrong, from one seed; then judged. A car's day
has two shifts of eight hours and eight hours without officers, parked and off duty, with the same faults; a
run begins on duty, with two hours of that left at least.

On a violation: the seed, the command that repeats it, and the last events as a story. Faults are named as
in hwsim/faults/model.py; --only and --without take such names, --at NAME@SECONDS or NAME@SECONDS:CAR lets
one happen at a certain moment."""
EXAMPLE = """\
python -m hwsim soak --seed 7 --terminals 2 --hours 8 --faults full --json soak.json
         python -m hwsim soak --seeds 6 --jobs 2 --hours 24
         python -m hwsim soak --terminals 1 --hours 8 --faults none --life drive
         python -m hwsim soak --seed 7 --faults none --at power_cut@100 --at modem_hang@130:1"""


def arguments(parser):
    parser.add_argument("--seed", type=int, help="of everything that is left to chance (a random one)")
    parser.add_argument(
        "--life",
        choices=("patrol", "drive", "wait", "park"),
        default="patrol",
        help="of every car: a day's work, or only this: drive, stand on duty, be parked off duty (patrol)",
    )
    types.option(parser, "--seeds", types.count, 1, "K", "so many runs, from that seed on")
    types.option(parser, "--terminals", types.terminals, 2, "N", "how many cars")
    types.option(parser, "--hours", types.positive, 1.0, "H", "of virtual time for each run")
    parser.add_argument("--faults", default="full", metavar="PROFILE", help="which kind of day (full)")
    types.option(parser, "--often", types.positive, 1.0, "X", "rates that many times as high")
    parser.add_argument("--only", metavar="NAMES", help="of that profile only these faults")
    parser.add_argument("--without", metavar="NAMES", help="of that profile all but these faults")
    parser.add_argument("--at", action="append", default=[], metavar="WHEN", help="one fault at one moment")
    types.option(parser, "--jobs", types.count, 1, "J", "runs side by side")
    parser.add_argument("--shrink", action="store_true", help="look for the least that still breaks the rule")
    parser.add_argument("--list", action="store_true", help="the faults, and how often in that profile")
    output.option(parser, "the results")


def run(options):
    from hwsim.soak_runs import soak

    return soak(options)
