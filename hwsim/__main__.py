"""`python -m hwsim <command>`."""

import argparse
import sys
from pathlib import Path


def _probability(text):
    value = float(text)
    if not 0.0 <= value < 1.0:
        raise argparse.ArgumentTypeError(f"a probability from 0 to below 1, not {text}")
    return value


def _count(text):
    value = int(text)
    if not 1 <= value <= 200:
        raise argparse.ArgumentTypeError(f"1 to 200 terminals, not {text}")
    return value


def _log_file(text):
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"no such file: {text}")
    return Path(text)


def _positive(text):
    value = float(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"more than 0, not {text}")
    return value


def parser():
    top = argparse.ArgumentParser(
        prog="python -m hwsim", description="The bench: real firmware in simulated cars."
    )
    commands = top.add_subparsers(dest="command", required=True)
    demo = commands.add_parser(
        "demo",
        help="patrol cars, the gateway, a broker and an operations centre, live",
        description="Patrol cars, the gateway, a broker and an operations centre, live.",
        epilog="Exit codes: 0 every promise was kept, 1 not, or something did not start, 2 wrong use.\n"
        "example: python -m hwsim demo --seconds 40 --loss 0.2 --rtt 150 --json demo.json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    demo.add_argument(
        "--seconds",
        type=_positive,
        help="run by itself for so long, then judge (default without a terminal: 40)",
    )
    demo.add_argument("--json", metavar="FILE", help="write what was measured to FILE")
    demo.add_argument(
        "--nmea", type=_log_file, metavar="FILE", help="drive terminal 1 from a recorded NMEA log"
    )
    demo.add_argument("--terminals", type=_count, default=3, metavar="N", help="how many cars (3)")
    demo.add_argument(
        "--loss", type=_probability, default=0.0, metavar="P", help="share of datagrams lost, each way (0)"
    )
    demo.add_argument(
        "--rtt", type=_positive, default=60, metavar="MS", help="round trip of the mobile network (60)"
    )
    demo.add_argument(
        "--broker", choices=("iotcore", "mosquitto"), default="iotcore", help="which broker (iotcore)"
    )
    demo.add_argument(
        "--seed", type=int, default=1, help="of everything that is left to chance on the bench (1)"
    )
    return top


def main():
    arguments = parser().parse_args()
    from hwsim.demo import demo  # what it needs is worth loading only when it runs

    try:
        return demo(arguments)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
