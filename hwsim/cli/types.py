"""What the options of several commands have in common: they are checked when they are read."""

import argparse
import importlib
import math
import tempfile
from pathlib import Path


def _number(kind, text, fits, words):
    try:
        value = kind(text)
    except ValueError:
        value = math.nan
    if not (abs(value) < math.inf and fits(value)):
        raise argparse.ArgumentTypeError(f"{words}, not {text}")
    return value


def probability(text):
    return _number(float, text, lambda value: 0 <= value < 1, "a probability from 0 to below 1")


def terminals(text):
    return _number(int, text, lambda value: 1 <= value <= 200, "1 to 200 terminals")


def count(text):
    return _number(int, text, lambda value: value >= 1, "a whole number, 1 or more")


def day_kind(text):
    """A profile of faults."""
    from hwsim.faults import PROFILES

    if text not in PROFILES:
        raise argparse.ArgumentTypeError(f"one of {', '.join(PROFILES)}, not {text}")
    return text


def days(text):
    return _number(int, text, lambda value: value >= 3, "three days or more: fewer show no growth")


def file(text):
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"no such file: {text}")
    return Path(text)


def new_file(text):
    """Seen to be writable before the work begins; what is in it stays until then."""
    try:
        open(text, "a", encoding="utf-8").close()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error.strerror}") from None
    return Path(text)


def folder(text):
    """Made if it is not there, and seen to be writable."""
    try:
        Path(text).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=text).close()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error.strerror}") from None
    return Path(text)


def part(text):
    """MODULE:CLASS, and it is there."""
    module, _, name = text.partition(":")
    try:
        found = getattr(importlib.import_module(module), name, None) if module and name else None
    except ImportError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error}") from None
    if found is None:
        raise argparse.ArgumentTypeError(f"MODULE:CLASS that can be imported, not {text}")
    return text


def positive(text):
    return _number(float, text, lambda value: value > 0, "a number, more than 0")


def speed(text):
    return _number(float, text, lambda value: value >= 0, "a number, 0 or more")


def public_key(text):
    """X || Y of P-256, in hexadecimal."""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 64:
        raise argparse.ArgumentTypeError(f"128 hexadecimal digits, as `gateway key` shows them, not {text}")
    return key


def address(text):
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"HOST:PORT, not {text}")
    return host.strip("[]"), int(port)


def option(parser, name, kind, default, metavar, text):
    """An option with a value that is said in its help."""
    said = f"{default:g}" if isinstance(default, float) else default
    parser.add_argument(name, type=kind, default=default, metavar=metavar, help=f"{text} ({said})")
