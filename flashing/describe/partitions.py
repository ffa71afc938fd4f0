"""The partition table of an ESP32 board, from its description.

ESP-IDF Programming Guide, Partition Tables. MicroPython finds its files by the label `vfs`, and maps for
reading only what is labelled `romfs` (ports/esp32/esp32_partition.c): both slots lie in that one.
"""

from typing import Any

_HEAD = """\
# Made from board.toml: tests/flash holds this file to it.
# Name,   Type, SubType, Offset,   Size
"""
_NVS, _PHY, _APP = 0x9000, 0xF000, 0x10000


def csv(board: dict[str, Any]) -> str:
    """boards/<NAME>/micropython/partitions.csv."""
    flash = board["flash"]
    ours = flash["micropython"]
    first, second = flash["slots"]
    rows = [
        ("nvs", "data", "nvs", _NVS, _PHY - _NVS),
        ("phy_init", "data", "phy", _PHY, _APP - _PHY),
        ("factory", "app", "factory", _APP, ours["address"] + ours["size"] - _APP),
        ("vfs", "data", "fat", flash["files"]["address"], flash["files"]["size"]),
        ("journal", "data", "0x90", flash["journal"]["address"], flash["journal"]["size"]),
        ("romfs", "data", "0x8f", first["address"], first["size"] + second["size"]),
    ]
    lines = [
        f"{name + ',':<10}{kind + ',':<6}{sub + ',':<9}{at:#x}, {size:#x}"
        for name, kind, sub, at, size in rows
    ]
    return _HEAD + "\n".join(lines) + "\n"
