"""The public half of the release key, which a terminal needs to take updates in the field."""

from pathlib import Path
from typing import Any

from flashing.errors import FlashError, Usage

NAME = "release_key"
_DIGITS = 128
_MAX_BYTES = 65536


def read(path: Path) -> str:
    """The 128 digits in the file that `release --make-key` wrote beside the key. Raises FlashError."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES)
    except OSError as error:
        raise FlashError(
            f"the release key cannot be read: {error.strerror}",
            str(path),
            "bring the file .pub of whoever makes the releases",
            reason="release-key",
        ) from None
    if b"PRIVATE KEY" in data:
        raise FlashError(
            "this is the private release key, which has no business at a workbench",
            str(path),
            "use the file .pub that lies beside it, and take the private key off this computer",
            reason="release-key",
        )
    text = data.decode(errors="replace").strip().lower()
    if len(text) != _DIGITS or set(text) - set("0123456789abcdef"):
        raise FlashError(
            f"this is no release key: it has {len(text)} characters, not {_DIGITS} hexadecimal digits",
            str(path),
            "bring the file .pub of whoever makes the releases",
            reason="release-key",
        )
    return text


def into(common: dict[str, Any], path: Path | None) -> dict[str, Any]:
    """What all cars have in common, with the key in that file. Raises FlashError."""
    if path is None:
        return common
    key = read(path)
    if str(common.get(NAME, key)).lower() != key:
        raise Usage(
            f"--release-key {path} and {NAME!r} in the settings are two keys",
            "terminals take releases of one key alone: leave the wrong one out",
        )
    return {**common, NAME: key}
