"""Putting MicroPython itself onto a chip: through the ROM of an ESP32, or onto the drive of an RP2040's.

`put(board, port, file, steps)` does what the chip in the board's description asks for. The file is one that
the technician has, and only the one whose SHA-256 the board's description pins; nothing is ever fetched.
"""

from pathlib import Path
from typing import Any

from flashing.errors import FlashError
from flashing.programmer import esp, image_file, uf2
from flashing.progress import Steps


def put(board: dict[str, Any], port: str, file: Path, steps: Steps) -> None:
    """Raises FlashError. The chip starts MicroPython when this returns, or is about to."""
    chip = board["chip"]
    if chip not in esp.CHIP_IDS and chip not in uf2.FAMILIES:
        raise FlashError(
            f"nothing here puts MicroPython on a {chip}",
            port,
            "leave --micropython out; a simulated board gets another one by python -m hwsim board",
            reason="chip",
        )
    data = image_file.checked(board, file)
    if chip in esp.CHIP_IDS:
        esp.put(board, port, data, steps)
    else:
        uf2.put(chip, port, data, steps)
