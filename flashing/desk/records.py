"""What is kept of each unit on the technician's computer: a folder `records/`, in it a folder for each unit,
with what its provisioning, its test and its label have left. Nothing in it is secret.
"""

import json
import os
from pathlib import Path
from typing import Any

from flashing.errors import FlashError

FOLDER = Path("records")
PROVISION = "provision.json"
TEST = "test.json"
TEST_PAGE = "test.html"


def folder(records: Path, place: str) -> Path:
    return records / place.replace("/", ".")


def write(path: Path, data: bytes) -> Path:
    """Whole or not at all. Raises FlashError."""
    new = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with new.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except OSError as error:
        raise FlashError(
            f"a record cannot be written: {error.strerror}", str(path), "free the disk"
        ) from None
    return path


def put(records: Path, place: str, name: str, values: dict[str, Any]) -> Path:
    text = json.dumps(values, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    return write(folder(records, place) / name, text.encode())


def get(records: Path, place: str, name: str) -> dict[str, Any] | None:
    """None where there is none, or where what is there cannot be read: it is made anew then."""
    try:
        values = json.loads((folder(records, place) / name).read_bytes())
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None


def provisioned(records: Path, wanted: str) -> dict[str, Any]:
    """What is known of a unit, by its name or by directorate/station/unit. Raises FlashError."""
    found = []
    for path in sorted(records.glob(f"*/{PROVISION}")):
        try:
            values = json.loads(path.read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(values, dict) and wanted in (
            values.get("unit"),
            str(values.get("unit")).split("/")[-1],
        ):
            found.append(values)
    if len(found) == 1:
        return found[0]
    if found:
        names = " or ".join(str(values["unit"]) for values in found)
        raise FlashError(f"{len(found)} units are called {wanted}", str(records), f"say which: {names}")
    raise FlashError(
        f"nothing is known here of a unit {wanted}",
        str(records),
        "provision it first, on this computer, or name its records with --records FOLDER",
        reason="no-record",
    )
