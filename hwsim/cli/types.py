"""What the options of several commands have in common: they are checked when they are read."""

import argparse
from pathlib import Path


def probability(text):
    value = float(text)
    if not 0.0 <= value < 1.0:
        raise argparse.ArgumentTypeError(f"a probability from 0 to below 1, not {text}")
    return value


def terminals(text):
    value = int(text)
    if not 1 <= value <= 200:
        raise argparse.ArgumentTypeError(f"1 to 200 terminals, not {text}")
    return value


def count(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"1 or more, not {text}")
    return value


def file(text):
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"no such file: {text}")
    return Path(text)


def positive(text):
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"more than 0, not {text}")
    return value


def speed(text):
    value = float(text)
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"0 or more, not {text}")
    return value


def address(text):
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"HOST:PORT, not {text}")
    return host, int(port)


def option(parser, name, kind, default, metavar, text):
    """An option with a value that is said in its help."""
    said = f"{default:g}" if isinstance(default, float) else default
    parser.add_argument(name, type=kind, default=default, metavar=metavar, help=f"{text} ({said})")
