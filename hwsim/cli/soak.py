"""`python -m hwsim soak`."""

from hwsim.cli import output, types

NAME = "soak"
HELP = "hours of patrols in virtual time, with everything that can go wrong"
DESCRIPTION = """\
Hours of patrols in virtual time, with everything that can go wrong, from one seed; then judged.

On a violation: the seed, the command that repeats it, and the last events as a story. Faults are named as
in hwsim/faults/model.py; --only and --without take such names, --at NAME@SECONDS or NAME@SECONDS:CAR lets
one happen at a certain moment."""
EXAMPLE = """\
python -m hwsim soak --seed 7 --terminals 2 --hours 8 --faults full --json soak.json
         python -m hwsim soak --seeds 20 --jobs 2 --hours 8
         python -m hwsim soak --terminals 1 --hours 8 --faults none --life drive
         python -m hwsim soak --seed 7 --faults none --at power_cut@100 --at modem_hang@130:1"""


def arguments(parser):
    parser.add_argument("--seed", type=int, help="of everything that is left to chance (a random one)")
    parser.add_argument(
        "--life",
        choices=("patrol", "drive", "park"),
        default="patrol",
        help="of every car: a day's work, or only this (patrol)",
    )
    parser.add_argument(
        "--seeds", type=types.count, default=1, metavar="K", help="so many runs, from that seed on (1)"
    )
    parser.add_argument("--terminals", type=types.terminals, default=2, metavar="N", help="how many cars (2)")
    parser.add_argument(
        "--hours", type=types.positive, default=1.0, metavar="H", help="of virtual time for each run (1)"
    )
    parser.add_argument("--faults", default="full", metavar="PROFILE", help="which kind of day (full)")
    parser.add_argument(
        "--often", type=types.positive, default=1.0, metavar="X", help="rates that many times as high (1)"
    )
    parser.add_argument("--only", metavar="NAMES", help="of that profile only these faults")
    parser.add_argument("--without", metavar="NAMES", help="of that profile all but these faults")
    parser.add_argument("--at", action="append", default=[], metavar="WHEN", help="one fault at one moment")
    parser.add_argument("--jobs", type=types.count, default=1, metavar="J", help="runs side by side (1)")
    parser.add_argument("--shrink", action="store_true", help="look for the least that still breaks the rule")
    parser.add_argument("--list", action="store_true", help="the faults, and how often in that profile")
    output.option(parser, "the results")


def run(options):
    from hwsim.soak_runs import soak

    return soak(options)
