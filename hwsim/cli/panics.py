"""`python -m hwsim panics`."""

from hwsim.cli import output, types

NAME = "panics"
HELP = "the panic key pressed thousands of times: how long each stage of an alarm takes"
DESCRIPTION = """\
The panic key of a terminal with the chip's own slowness, pressed over and over, in virtual time with the
real gateway: on a quiet network, with 10 and 30 % of the datagrams lost each way, and with a link that comes
back later. Prints quantiles of the times from the end of the hold; exit code 1 if one is over its limit."""
EXAMPLE = "python -m hwsim panics --presses 10000 --jobs 2 --json panics.json"


def arguments(parser):
    parser.add_argument("--seed", type=int, default=1, help="of everything that is left to chance (1)")
    parser.add_argument("--presses", type=types.count, default=10_000, metavar="N", help="in all (10000)")
    parser.add_argument("--each", type=types.count, default=500, metavar="N", help="in one run (500)")
    parser.add_argument("--jobs", type=types.count, default=1, metavar="J", help="runs side by side (1)")
    output.option(parser, "the result")


def run(options):
    from hwsim.presses_runs import panics

    return panics(options)
