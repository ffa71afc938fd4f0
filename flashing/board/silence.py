"""A port that gives no prompt: what its bytes say about why."""

from flashing.errors import FlashError

# What the ROM of an ESP32 prints when its flash holds nothing to start.
_BLANK = (b"invalid header: 0x", b"flash read err", b"No bootable app", b"invalid segment length")
_LOADER = (b"waiting for download", b"DOWNLOAD(", b"DOWNLOAD_BOOT", b"download mode")
_LOOP = (b"rst:0x",)

# docs/technician.md, "A closed console".
_CLOSED = (
    "A finished terminal has closed its console: switch it off, hold AVAILABLE and OFF DUTY, switch it on, "
    "and let go when both lamps have lit"
)


def explain(port: str, heard: bytes) -> FlashError:
    """`heard`: all that came while a prompt was asked for."""
    if not heard:
        return FlashError(
            "no answer: not one byte came",
            port,
            "check that the board has power and that this is its port; press its RESET. A board without "
            f"MicroPython may be silent too: give its file with --micropython FILE. {_CLOSED}",
            reason="silent",
        )
    if any(sign in heard for sign in _LOADER):
        return FlashError(
            "the chip waits in its loader and starts nothing",
            port,
            "press RESET without BOOT; or give MicroPython's file with --micropython FILE",
            reason="blank",
        )
    if any(sign in heard for sign in _BLANK) or sum(heard.count(sign) for sign in _LOOP) > 2:
        return FlashError(
            "the chip is there, but its flash holds no MicroPython that starts",
            port,
            "give MicroPython's file with --micropython FILE",
            reason="blank",
        )
    odd = sum(1 for byte in heard if byte >= 0x80 or (byte < 0x20 and byte not in b"\r\n\t\x1b\x04"))
    if odd * 4 > len(heard):
        return FlashError(
            f"{len(heard)} bytes came, but they make no sense: another speed, or no MicroPython",
            port,
            "check that this is the board's port, and that --baud is its speed",
            reason="garbled",
        )
    last = heard.decode(errors="replace").strip().rsplit("\n", 1)[-1].strip()
    return FlashError(
        f"something runs there that does not let go of the console; its last line: {last[:70]!r}",
        port,
        f"{_CLOSED}. If it is none, press RESET and run the same command within a few seconds",
        reason="closed",
    )
