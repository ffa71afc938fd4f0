"""UF2 onto the drive that an RP2040 shows in its loader: https://github.com/microsoft/uf2"""

import os
import struct
import time
from pathlib import Path

from flashing.errors import FlashError
from flashing.progress import Steps

FAMILIES = {"rp2040": 0xE48BFF56, "rp2350": 0xE48BFF59}
_LABELS = {"rp2040": "RPI-RP2", "rp2350": "RP2350"}
_MOUNTS = Path("/proc/self/mounts")
_MAGIC = (0x0A324655, 0x9E5D5157)
_END = 0x0AB16F30
_BLOCK = 512
_HAS_FAMILY = 0x2000
_WAIT_S = 15.0
_PIECE = 16 * _BLOCK


def complaint(data: bytes, chip: str) -> str:
    """Why these bytes are no UF2 file for that chip, ready to follow a sentence; empty if they are."""
    if len(data) < _BLOCK or len(data) % _BLOCK:
        return ": it is no whole UF2 file"
    families = set()
    for at in range(0, len(data), _BLOCK):
        first, second, flags = struct.unpack_from("<III", data, at)
        (end,) = struct.unpack_from("<I", data, at + _BLOCK - 4)
        if (first, second) != _MAGIC or end != _END:
            return ": it is no UF2 file"
        if flags & _HAS_FAMILY:
            families.add(struct.unpack_from("<I", data, at + 28)[0])
    if FAMILIES[chip] not in families:
        names = {number: name for name, number in FAMILIES.items()}
        found = ", ".join(names.get(each, f"family {each:08x}") for each in sorted(families))
        return f": it is for {found or 'no chip that it names'}, not for {chip}"
    return ""


def drive(chip: str, mounts: Path = _MOUNTS) -> Path | None:
    """Where the chip's loader is mounted; None when it is not."""
    for line in mounts.read_text(encoding="utf-8").splitlines():
        place = Path(line.split()[1].encode().decode("unicode_escape"))  # a space is written \\040
        try:
            told = (place / "INFO_UF2.TXT").read_text(encoding="ascii", errors="replace")
        except OSError:
            continue
        if _LABELS[chip] in told:
            return place
    return None


def put(
    chip: str, port: str, data: bytes, steps: Steps, mounts: Path = _MOUNTS, wait_s: float = _WAIT_S
) -> None:
    """Write the file to the drive. The chip restarts by itself when it has the last block."""
    place, until = drive(chip, mounts), time.monotonic() + wait_s
    while place is None and time.monotonic() < until:
        time.sleep(0.2)
        place = drive(chip, mounts)
    if place is None:
        label = _LABELS[chip]
        raise FlashError(
            f"the drive {label} of the {chip}'s loader is not mounted",
            port,
            f"hold BOOTSEL while you plug the cable in; where no desktop mounts {label} by itself, use this",
            f"udisksctl mount -b /dev/disk/by-label/{label}",
            "no-drive",
        )
    advance = steps.bar("MicroPython", len(data))
    try:
        with open(place / "micropython.uf2", "wb", buffering=0) as file:
            for at in range(0, len(data), _PIECE):
                file.write(data[at : at + _PIECE])
                os.fsync(file.fileno())
                advance(min(at + _PIECE, len(data)))
    except OSError as error:
        # The last blocks are on the chip before their write is over: it restarts and takes the drive away.
        if drive(chip, mounts) is not None:
            raise FlashError(
                f"the drive took no more: {error.strerror}",
                str(place),
                "unplug the board, hold BOOTSEL, and plug it in again",
                reason="drive",
            ) from None
    advance(len(data))
