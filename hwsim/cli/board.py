"""`python -m hwsim board`."""

from hwsim.cli import output, types

NAME = "board"
HELP = "a board on the desk: a real MicroPython behind a serial port"
DESCRIPTION = """\
A simulated board with its cable in this computer: a real MicroPython, its prompt behind a pseudo terminal,
its flash in a file, with modem, receiver, keys and lamps. Any program that opens a serial port may work on
it.

Lines on standard input are done to it, in their order:
  press KEY [MS]     a key: panic, available, ... (panic is held, others are tapped)
  pull, plug         the cable, with the power
  lamps              what the lamps show, and which outputs are on at this moment
  wait SECONDS       of the board's own time
  quit               the end; so is SIGTERM, and with --script the end of the file
"""
EXAMPLE = "python -m hwsim board --pty --flash board.flash"


def arguments(parser):
    parser.add_argument("--pty", action="store_true", required=True, help="its port is a pseudo terminal")
    parser.add_argument("--board", default="SIM", metavar="NAME", help="which board (SIM)")
    parser.add_argument("--flash", metavar="FILE", help="its flash, kept from run to run (new, and not kept)")
    parser.add_argument("--port", metavar="PATH", help="the name of its port (one in a folder of its own)")
    parser.add_argument(
        "--speed",
        type=types.speed,
        default=1.0,
        metavar="N",
        help="how many times as fast as the wall its clock runs (1); 0: as fast as it works, and it stands"
        " while the prompt waits",
    )
    parser.add_argument(
        "--gateway",
        type=types.address,
        metavar="HOST:PORT",
        help="who answers at the gateway's address 192.0.2.10:5683 (nobody)",
    )
    parser.add_argument(
        "--modem", default="a7670", metavar="NAME", help="its modem; none: a dead one (a7670)"
    )
    parser.add_argument("--pin", metavar="PIN", help="of its SIM card (none)")
    parser.add_argument(
        "--micropython",
        default="1.29.0",
        metavar="VERSION",
        help="what it says it is (1.29.0); none: nothing is on it",
    )
    parser.add_argument("--chip", metavar="NAME", help="which chip it says it is (the board's)")
    parser.add_argument(
        "--script", type=types.file, metavar="FILE", help="lines to do, in place of those typed"
    )
    parser.add_argument("--seed", type=int, default=1, help="of everything that is left to chance (1)")
    output.option(parser, "port, flash and clock, once it is on,")


def run(options):
    from hwsim.board_desk import desk

    return desk(options)
