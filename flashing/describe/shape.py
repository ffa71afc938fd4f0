"""The tables and entries of a board.toml: which there may be, of which kind, which there must be."""

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flashing.describe.chips import CHIPS
from flashing.describe.problem import Problem


@dataclass(frozen=True)
class Entry:
    """`wrong(value)` gives what is wrong with it, None when it is right."""

    wrong: Callable[[Any], str | None]
    must: bool = False


def whole(least: int, most: int) -> Callable[[Any], str | None]:
    def wrong(value: Any) -> str | None:
        if type(value) is not int or not least <= value <= most:
            return f"is {value!r}, a whole number from {least} to {most} is wanted"
        return None

    return wrong


def text(pattern: str = ".+", what: str = "a text") -> Callable[[Any], str | None]:
    def wrong(value: Any) -> str | None:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            return f"is {value!r}, {what} is wanted"
        return None

    return wrong


def one_of(*values: str) -> Callable[[Any], str | None]:
    return lambda value: None if value in values else f"is {value!r}, wanted is one of {', '.join(values)}"


def texts(pattern: str = ".+", what: str = "texts") -> Callable[[Any], str | None]:
    def wrong(value: Any) -> str | None:
        good = isinstance(value, list) and all(isinstance(v, str) and re.fullmatch(pattern, v) for v in value)
        return None if good else f"is {value!r}, a list of {what} is wanted"

    return wrong


def flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else f"is {value!r}, true or false is wanted"


PIN = whole(0, 63)
BYTES = whole(0, 1 << 27)
_UART = {
    "id": Entry(whole(0, 4), must=True),
    "baud": Entry(whole(1200, 3_000_000), must=True),
    "rxbuf": Entry(whole(256, 32766), must=True),
    "txbuf": Entry(whole(0, 32766)),
    "tx": Entry(PIN),
    "rx": Entry(PIN),
    "rts": Entry(PIN),
    "cts": Entry(PIN),
}
KEYS = ("panic", "available", "on_the_way", "on_scene", "busy", "off_duty", "event", "accept")
_REGION = {"address": Entry(BYTES, must=True), "size": Entry(whole(4096, 1 << 27), must=True)}

# Table -> its entries. "": the top. `*` stands for a name of the description's own choice.
TABLES: dict[str, dict[str, Entry]] = {
    "": {
        "title": Entry(text(), must=True),
        "chip": Entry(one_of(*CHIPS), must=True),
        "note": Entry(text()),
        "maker": Entry(text("https?://.+", "the address of the maker's page")),
        "state": Entry(one_of("bench", "described", "tried"), must=True),
    },
    "cpu": {"factor": Entry(whole(1, 1000), must=True)},
    "uarts.gnss": _UART,
    "uarts.modem": _UART,
    "modem": {
        "driver": Entry(one_of("simcom", "quectel"), must=True),
        "model": Entry(text("[a-z0-9]+", "a model in small letters"), must=True),
        "active_low": Entry(texts("pwrkey|reset|supply", '"pwrkey", "reset", "supply"')),
        "commands": Entry(texts("AT[ -~]+", "AT commands")),
    },
    "pins": {
        name: Entry(PIN)
        for name in ("red", "green", "buzzer", "vibrator", "ignition")
        + ("modem_pwrkey", "modem_reset", "modem_supply")
    },
    "held.*": {"pin": Entry(PIN, must=True), "level": Entry(whole(0, 1), must=True)},
    "keys": {name: Entry(PIN, must=name == "panic") for name in KEYS},
    "adc": {"supply": Entry(PIN, must=True), "supply_full_mv": Entry(whole(3300, 120000), must=True)},
    "flash": {
        "size": Entry(whole(1 << 20, 1 << 27), must=True),
        "block": Entry(whole(4096, 4096), must=True),
    },
    "flash.micropython": _REGION,
    "flash.files": _REGION,
    "flash.journal": _REGION,
    "flash.slots": {"name": Entry(one_of("program0", "program1"), must=True), **_REGION},
    "console": {"baud": Entry(whole(9600, 3_000_000), must=True), "usb": Entry(flag)},
    "usb": {"ids": Entry(texts("[0-9a-f]{4}:[0-9a-f]{4}", '"vid:pid" in hexadecimal'), must=True)},
    "programmer": {"baud": Entry(whole(9600, 3_000_000)), "options": Entry(texts())},
    "micropython": {
        "version": Entry(text(r"\d+\.\d+\.\d+", "a version like 1.29.0"), must=True),
        "file": Entry(text(), must=True),
        "sha256": Entry(text("[0-9a-f]{64}", "64 hexadecimal digits")),
        "offset": Entry(BYTES),
        "url": Entry(text("https?://.+", "an address")),
    },
    # What the board's maker has wired, and why a strapping pin is used all the same: pin -> in words.
    "taken": {"*": Entry(text())},
    "strapping": {"*": Entry(text())},
}
_LISTS = {"flash.slots"}
_MUST = (
    "uarts.gnss",
    "uarts.modem",
    "modem",
    "pins",
    "keys",
    "flash",
    "flash.journal",
    "flash.slots",
    "console",
)
_REAL = ("flash.micropython", "flash.files", "usb", "micropython")


def problems(board: dict[str, Any]) -> Iterator[Problem]:
    """What of the tables and their values is wrong. The chip's own rules are `rules`' business."""
    yield from _table(board, "")
    wanted = _MUST + (() if board.get("chip") == "sim" else _REAL)
    for name in wanted:
        if _at(board, name) is None:
            yield Problem(f"[{name}]", "is missing", "see boards/SIM/board.toml for what stands in it")


def _at(board: dict[str, Any], name: str) -> Any:
    found: Any = board
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _table(table: dict[str, Any], name: str) -> Iterator[Problem]:
    entries = TABLES.get(name, {})
    prefix = f"{name}." if name else ""
    inner = {each[len(prefix) :].split(".")[0] for each in TABLES if each.startswith(prefix) and each != name}
    for key, value in table.items():
        place = f"[{name}] {key}" if name else key
        below = prefix + key
        if key in inner or "*" in inner and isinstance(value, dict):
            yield from _below(below if below in TABLES or key in inner else prefix + "*", place, value)
        elif key in entries or "*" in entries:
            wrong = entries.get(key, entries.get("*"))
            said = wrong.wrong(value) if wrong else None
            if said:
                yield Problem(place, said, "correct it")
        else:
            near = difflib.get_close_matches(key, [*entries, *inner], 1)
            yield Problem(
                place, "is not an entry of a board", f'write "{near[0]}"' if near else "take it out"
            )
    for key, entry in entries.items():
        if entry.must and key not in table:
            yield Problem(f"[{name}] {key}" if name else key, "is missing", "add it")


def _below(name: str, place: str, value: Any) -> Iterator[Problem]:
    if name in _LISTS:
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            yield Problem(f"[[{name}]]", "is no list of tables", f"begin each with [[{name}]]")
            return
        for row in value:
            yield from _table(row, name)
    elif not isinstance(value, dict):
        yield Problem(place, f"is {value!r}, a table is wanted", f"begin it with [{name}]")
    else:
        yield from _table(value, name)
