"""`python -m hwsim demo`."""

from hwsim.cli import output, types

NAME = "demo"
HELP = "patrol cars, the gateway, a broker and an operations centre, live"
DESCRIPTION = "Patrol cars, the gateway, a broker and an operations centre, live."
EXAMPLE = "python -m hwsim demo --seconds 40 --loss 0.2 --rtt 150 --json demo.json"


def arguments(parser):
    parser.add_argument(
        "--seconds",
        type=types.positive,
        help="run by itself for so long, then judge (default without a terminal: 40)",
    )
    output.option(parser, "what was measured")
    parser.add_argument(
        "--nmea", type=types.file, metavar="FILE", help="drive terminal 1 from a recorded NMEA log"
    )
    types.option(parser, "--terminals", types.terminals, 3, "N", "how many cars")
    parser.add_argument(
        "--board",
        type=types.file,
        action="append",
        default=[],
        metavar="FILE",
        help="one car more, with a finished board: the flash that `board --pty --flash FILE` kept",
    )
    types.option(parser, "--loss", types.probability, 0.0, "P", "share of datagrams lost, each way")
    types.option(parser, "--rtt", types.positive, 60, "MS", "round trip of the mobile network")
    parser.add_argument(
        "--broker", choices=("iotcore", "mosquitto"), default="iotcore", help="which broker (iotcore)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="of everything that is left to chance on the bench (1)"
    )


def run(options):
    from hwsim.demo import demo

    return demo(options)
