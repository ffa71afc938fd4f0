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
    parser.add_argument("--terminals", type=types.terminals, default=3, metavar="N", help="how many cars (3)")
    parser.add_argument(
        "--board",
        type=types.file,
        action="append",
        default=[],
        metavar="FILE",
        help="one car more, with a finished board: the flash that `board --pty --flash FILE` kept",
    )
    parser.add_argument(
        "--loss",
        type=types.probability,
        default=0.0,
        metavar="P",
        help="share of datagrams lost, each way (0)",
    )
    parser.add_argument(
        "--rtt",
        type=types.positive,
        default=60,
        metavar="MS",
        help="round trip of the mobile network (60)",
    )
    parser.add_argument(
        "--broker", choices=("iotcore", "mosquitto"), default="iotcore", help="which broker (iotcore)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="of everything that is left to chance on the bench (1)"
    )


def run(options):
    from hwsim.demo import demo

    return demo(options)
