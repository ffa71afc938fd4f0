"""MicroPython onto an ESP32 or one of its family, by Espressif's own `esptool` as a program."""

import contextlib
import os
import re
import shlex
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from flashing.errors import FlashError
from flashing.progress import Steps

# Extended header of an image, byte 12: esp_chip_id_t of ESP-IDF's esp_app_format.h.
CHIP_IDS = {"esp32": 0, "esp32s2": 2, "esp32c3": 5, "esp32s3": 9, "esp32c6": 13}
_MAGIC = 0xE9
_BAUD = 921600
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_WRONG_CHIP = re.compile(r"[Tt]his chip is (\S+?),? not (\S+?)\.")


def complaint(data: bytes, chip: str) -> str:
    """Why these bytes are no image for that chip, ready to follow a sentence; empty if they are."""
    if len(data) < 24 or data[0] != _MAGIC:
        return ": it is no image for an ESP32 (made with esptool, for one offset)"
    (found,) = struct.unpack_from("<H", data, 12)
    if found != CHIP_IDS[chip]:
        names = {number: name for name, number in CHIP_IDS.items()}
        return f": it is for {names.get(found, f'chip {found}')}, not for {chip}"
    return ""


def arguments(board: dict[str, Any], port: str, file: str) -> list[str]:
    """esptool's, without the program."""
    pinned = board.get("micropython", {})
    offset = pinned.get("offset", 0x1000 if board["chip"] == "esp32" else 0)
    baud = board.get("programmer", {}).get("baud", _BAUD)
    options = ["--chip", board["chip"], "--port", port, "--baud", str(baud)]
    options += board.get("programmer", {}).get("options", [])
    return [*options, "--before", "default-reset", "--after", "hard-reset", "write-flash", hex(offset), file]


def put(board: dict[str, Any], port: str, data: bytes, steps: Steps) -> None:
    """esptool writes, reads the MD5 of what it wrote back from the chip, and resets it."""
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "micropython.bin")
        with open(file, "wb") as out:
            out.write(data)
        words = arguments(board, port, file)
        advance = steps.bar("MicroPython", len(data))
        command = [sys.executable, "-m", "esptool", *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            assert process.stdout is not None
            heard = []
            for piece in _pieces(process.stdout.fileno()):
                heard.append(piece)
                share = _PERCENT.search(piece)
                if share and piece.lstrip().startswith("Writing"):
                    advance(min(len(data), int(len(data) * float(share[1]) / 100)))
    if process.returncode:
        raise explain(port, "\n".join(heard), shlex.join(["esptool", *words]))
    advance(len(data))


def _pieces(number: int) -> Iterator[str]:
    """Lines, and what a carriage return or a cursor's move ends."""
    part = b""
    while True:
        with contextlib.suppress(InterruptedError):
            more = os.read(number, 4096)
            if not more:
                break
            *whole, part = re.split(rb"[\r\n]|\x1b\[[0-9;]*[A-Za-z]", part + more)
            yield from (each.decode(errors="replace") for each in whole if each.strip())
    if part.strip():
        yield part.decode(errors="replace")


def explain(port: str, heard: str, command: str) -> FlashError:
    """The technician's error for what esptool printed."""
    wrong = _WRONG_CHIP.search(heard)
    if wrong:
        return FlashError(
            f"wrong board: the chip is an {wrong[1]}, this board has an {wrong[2]}",
            port,
            "choose the board that it is",
            "./flash.py boards",
            "wrong-board",
        )
    if "No module named" in heard and "esptool" in heard:
        return FlashError("esptool is not installed", port, "", "make setup; . .venv/bin/activate", "setup")
    if "Failed to connect" in heard or "No serial data received" in heard:
        return FlashError(
            "the chip's loader does not answer",
            port,
            "hold BOOT, press RESET, let BOOT go, and run the same command again",
            reason="loader",
        )
    if "port is busy" in heard or "Could not exclusively lock" in heard:
        return FlashError(
            "another program holds the port", port, "", f"sudo fuser -v {shlex.quote(port)}", "busy"
        )
    last = [line.strip() for line in heard.splitlines() if line.strip()][-1:] or ["nothing"]
    return FlashError(
        f"esptool failed: {last[0][:200]}",
        port,
        "try once more; another cable, or a port of the computer itself, often helps",
        reason="esptool",
    )
