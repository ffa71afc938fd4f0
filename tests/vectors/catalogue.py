"""What lies in the folder of vectors: how many cases each file has, or why nobody has to run it.

The counts are made here on their own, not by the tests that run the cases. A file is known by its folder and
its shape, not by its name, so more files of the same kind are run without a change here.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Entry:
    """`cases` None: not to be run, for the reason in `note`; `unknown`: nobody knows what it is."""

    cases: int | None
    note: str = ""
    unknown: bool = False


# The one place for what is not run. Folder or name -> reason.
ASIDE = {
    "licences/": "licences of the vectors' authors",
    "suit/": "manifests of updates, which nothing of ours reads yet",
    "README.md": "about the vectors",
}
UNKNOWN = Entry(None, "of a shape that no test reads: teach tests/vectors/catalogue.py and a test", True)


def catalogue(root: Path) -> dict[str, Entry]:
    """Every file below `root`, by its name in it."""
    names = {path.relative_to(root).as_posix(): path for path in sorted(_walk(root))}
    return {name: entry(name, path) for name, path in names.items()}


def _walk(root: Path) -> list[Path]:
    # Path.rglob does not enter linked folders.
    found: list[Path] = []
    for path in root.iterdir():
        if path.is_dir():
            found += _walk(path)
        elif not path.name.startswith("."):
            found.append(path)
    return found


def entry(name: str, path: Path) -> Entry:
    for start, reason in ASIDE.items():
        if name.startswith(start) or path.name == start:
            return Entry(None, reason)
    count = _COUNTERS.get(name.split("/")[0])
    try:
        cases = count(path) if count else None
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        cases = None
    return UNKNOWN if cases is None else Entry(cases)


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _cbor(path: Path) -> int | None:
    data = _json(path)
    if isinstance(data, list):
        return sum("hex" in case for case in data)
    if "cases" in data:
        return len(data["cases"])
    return sum(key.startswith("map_key_order") for key in data) or None


def _cose(path: Path) -> int | None:
    if path.suffix == ".txt":
        return len(re.findall(r"\bkty\b|\"1\":", path.read_text(encoding="utf-8"))) or None
    data = _json(path)
    return 1 if {"input", "output"} <= set(data) else None


def _crypto(path: Path) -> int | None:
    if path.suffix == ".txt":
        return len(re.findall(r"^(?:MD|OKM)\s*=", path.read_text(encoding="utf-8"), re.MULTILINE)) or None
    data = _json(path)
    if "testGroups" in data:
        return int(data.get("numberOfTests", sum(len(group["tests"]) for group in data["testGroups"])))
    return len(data["cases"])


def _oscore(path: Path) -> int | None:
    data = _json(path)
    if "cases" in data:
        return len(data["cases"])
    return 1 if "secret_hex" in data or "algorithm" in data else None


def _edhoc(path: Path) -> int | None:
    data = _json(path)
    if "items" in data:
        return len(data["items"])
    return 1 if "protected_coap_request" in data else None


def _coap(path: Path) -> int | None:
    data = _json(path)
    if "flows" in data:
        return sum("hex" in message for flow in data["flows"] for message in flow["messages"])
    return len(data["parse"]) + len(data["encode_header"])


def _nmea(path: Path) -> int | None:
    name = path.name
    if name.endswith(".pynmea2.json"):
        return len(_json(path))
    if name == "micropygps.json":
        return sum(len(rows) for key, rows in _json(path)["data"].items() if key.startswith("test_"))
    if path.suffix == ".chk":
        return sum(line.startswith(b"{") for line in path.read_bytes().split(b"\n"))
    if name.endswith("_expected.txt"):
        return len(re.findall(r"^\w+ [sS]entence", path.read_text(encoding="ascii"), re.MULTILINE))
    if path.suffix in (".log", ".nmea", ".txt"):
        return sum(line not in (b"", b"\r") for line in path.read_bytes().split(b"\n"))
    return None


def _modem(path: Path) -> int | None:
    if path.suffix not in (".txt", ".log"):
        return None
    lines = path.read_bytes().split(b"\n")
    return sum(bool(line.strip(b" \r\0")) and not line.startswith(b"#") for line in lines)


_COUNTERS: dict[str, Callable[[Path], int | None]] = {
    "cbor": _cbor,
    "cose": _cose,
    "crypto": _crypto,
    "oscore": _oscore,
    "edhoc": _edhoc,
    "coap": _coap,
    "nmea": _nmea,
    "modem": _modem,
}
