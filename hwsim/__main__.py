"""`python -m hwsim <command>`."""

import argparse
import sys

from hwsim import cli
from hwsim.cli import output

_CODES = "Exit codes: 0 every promise was kept, 1 not, or something did not start, 2 wrong use.\n"


def parser():
    top = argparse.ArgumentParser(
        prog="python -m hwsim", description="The bench: real firmware in simulated cars."
    )
    commands = top.add_subparsers(dest="command", required=True)
    for module in cli.modules():
        command = commands.add_parser(
            module.NAME,
            help=module.HELP,
            description=module.DESCRIPTION,
            epilog=_CODES + "example: " + module.EXAMPLE,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.arguments(command)
        command.set_defaults(run=module.run)
    return top


def main():
    arguments = parser().parse_args()
    try:
        with output.aside(arguments):
            return arguments.run(arguments)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
