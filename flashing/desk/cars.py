"""The list of cars: one row each, checked as a whole before anything is written anywhere.

A CSV file with a header, as spreadsheets write it: commas, semicolons or tabs. Columns are what the registry
wants to know of a car and any setting of the terminal (docs/configuration.md). What all cars have in common
may stand in a JSON file of settings beside it.
"""

import csv
import difflib
import io
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firmware import config as settings
from flashing.errors import FlashError
from protocol.enrolment import MAX_TEXT

PLACE = ("directorate", "station", "unit")
NEEDED = (*PLACE, "vehicle")
REGISTRY = (*NEEDED, "call_sign")
KINDS = {key: kind for key, kind, *_ in settings.TABLE}
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
MAX_ROWS = 5000
_COLUMNS = f"the first line names the columns: {', '.join(REGISTRY)} and settings such as apn, pin, host"
# What the gateway takes as a level of a topic; a test holds the two together.
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?\Z")


@dataclass(frozen=True)
class Car:
    """One row. `config` is the terminal's settings, whole and right; `where` is for messages."""

    directorate: str
    station: str
    unit: str
    vehicle: str
    call_sign: str
    config: dict[str, Any] = field(repr=False)
    where: str = ""

    @property
    def place(self) -> str:
        return f"{self.directorate}/{self.station}/{self.unit}"

    def settings(self) -> str:
        """What is written onto the terminal: always the same bytes for the same settings."""
        return json.dumps(self.config, sort_keys=True)


def read(path: Path, common: dict[str, Any]) -> list[Car]:
    """Every car of the file. Raises FlashError that names each mistake with its line and column."""
    rows = _rows(path)
    cars, wrong = [], []
    seen: dict[str, int] = {}
    for number, row in rows:
        try:
            car = make(row, common, f"{path}, line {number}")
        except ValueError as error:
            wrong += [f"line {number}: {text}" for text in error.args]
            continue
        if car.place in seen:
            wrong.append(f"line {number}: {car.place} stands in line {seen[car.place]} already")
        seen[car.place] = number
        cars.append(car)
    if wrong:
        more = f"; and {len(wrong) - 12} more" if len(wrong) > 12 else ""
        count = "one mistake" if len(wrong) == 1 else f"{len(wrong)} mistakes"
        raise FlashError(
            f"the list of cars has {count}; nothing was written",
            str(path),
            "\n          ".join(wrong[:12]) + more,
            reason="cars",
        )
    return cars


def find(cars: list[Car], wanted: str, path: Path) -> Car:
    """By unit, or by directorate/station/unit where a unit's name comes twice."""
    found = [car for car in cars if wanted in (car.place, car.unit)]
    if len(found) == 1:
        return found[0]
    if found:
        raise FlashError(
            f"{len(found)} cars are called {wanted}",
            str(path),
            f"say which: --unit {' or --unit '.join(car.place for car in found)}",
            reason="cars",
        )
    names = ", ".join(car.unit for car in cars[:8]) + (", ..." if len(cars) > 8 else "")
    raise FlashError(f"no car {wanted} in the list", str(path), f"there are: {names}", reason="cars")


def make(row: dict[str, str], common: dict[str, Any], where: str) -> Car:
    """One car. Raises ValueError with one text for each mistake."""
    wrong: list[str] = []
    about = {name: row.get(name, "").strip() for name in REGISTRY}
    for name in NEEDED:
        if not about[name]:
            wrong.append(f"{name}: is empty")
        elif name in PLACE and not SLUG.match(about[name]):
            wrong.append(
                f"{name}: {about[name]!r}: only a-z 0-9 _ -, beginning and ending with a letter or digit"
            )
    about["call_sign"] = about["call_sign"] or about["unit"]
    for name in ("vehicle", "call_sign"):
        if about[name] and (len(about[name]) > MAX_TEXT or not about[name].isprintable()):
            wrong.append(f"{name}: {about[name]!r}: 1 to {MAX_TEXT} printable characters")
    given = dict(common)
    for key, text in row.items():
        if key in REGISTRY or not text.strip():
            continue
        try:
            given[key] = _value(key, text.strip())
        except ValueError as error:
            wrong.append(f"{key}: {error}")
    given["unit"] = "/".join(about[name] for name in PLACE)
    wrong += settings.check(given)[1]  # type: ignore[no-untyped-call]
    if wrong:
        raise ValueError(*wrong)
    return Car(**about, config=given, where=where)


def shared(path: Path | None) -> dict[str, Any]:
    """The JSON file of what all cars have in common. Raises FlashError."""
    if path is None:
        return {}
    try:
        given = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise FlashError(f"the settings cannot be read: {error.strerror}", str(path)) from None
    except ValueError as error:
        raise FlashError(
            f"the settings are not JSON: {error}", str(path), "look there", reason="cars"
        ) from None
    if not isinstance(given, dict):
        raise FlashError("the settings are not a JSON object", str(path), "begin with { and end with }")
    unknown = [key for key in given if key not in KINDS and key != "keys"]
    if unknown:
        raise FlashError(
            f"{unknown[0]!r} is not a setting",
            str(path),
            "look for a slip of the pen in docs/configuration.md",
        )
    return given


def _value(key: str, text: str) -> Any:
    kind = KINDS[key]
    if key == "pin" and text.isdigit() and len(text) < 4:
        raise ValueError(
            f"{len(text)} digits; a PIN has 4 to 8. A spreadsheet drops zeros in front: make the column text"
        )
    if kind == "i":
        try:
            return int(text)
        except ValueError:
            raise ValueError(f"{text!r} is no whole number") from None
    if kind == "b":
        if text.lower() not in _TRUTH:
            raise ValueError(f"{text!r}: true or false")
        return _TRUTH[text.lower()]
    return text


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise FlashError(f"the list of cars cannot be read: {error.strerror}", str(path)) from None
    except UnicodeDecodeError:
        raise FlashError(
            "the list of cars is not UTF-8",
            str(path),
            'save it as "CSV UTF-8" in the spreadsheet',
            reason="cars",
        ) from None
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    names = [name.strip().lower() for name in next(reader, [])]
    missing = [name for name in NEEDED if name not in names]
    twice = [name for name in names if name and names.count(name) > 1]
    if missing or twice:
        raise FlashError(
            f"the list of cars lacks the column {missing[0]}"
            if missing
            else f"two columns are called {twice[0]}",
            f"{path}, line 1",
            _COLUMNS,
            reason="cars",
        )
    unknown = [name for name in names if name and name not in (*REGISTRY, *KINDS)]
    if unknown:
        near = difflib.get_close_matches(unknown[0], (*REGISTRY, *KINDS), 1)
        raise FlashError(
            f"there is no column {unknown[0]!r}",
            f"{path}, line 1",
            f"call it {near[0]!r}, if that is meant" if near else _COLUMNS,
            reason="cars",
        )
    rows = []
    for values in reader:
        if not any(value.strip() for value in values):
            continue
        if len(values) > len(names):
            raise FlashError(
                f"{len(values)} fields, and the first line names {len(names)}",
                f"{path}, line {reader.line_num}",
                f"put a text that holds {delimiter!r} into quotation marks",
                reason="cars",
            )
        rows.append((reader.line_num, dict(zip(names, values, strict=False))))
        if len(rows) > MAX_ROWS:
            raise FlashError(
                f"more than {MAX_ROWS} cars", str(path), "make several lists of it", reason="cars"
            )
    if not rows:
        raise FlashError("the list of cars is empty", str(path), "one line for each car", reason="cars")
    return rows
