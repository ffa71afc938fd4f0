"""Frames in the log."""

from gateway.journal.records import Row
from gateway.log import Log
from gateway.topics import KINDS


def told(log: Log, rows: list[Row], relayed: bool = False) -> None:
    """Frames that were stored or relayed, in the log. A line for each costs as much as the commit: that is
    for `debug`. Otherwise how many they were in a second, and those of an alarm by name."""
    every = log.shows("debug")
    lines = [name(row) for row in rows if every or row.panic is not None]
    if relayed:
        log.together("frame.relayed", lines)
    else:
        log.together("frame.stored", lines)
    if not every:
        log.count("frames.relayed" if relayed else "frames.stored", len(rows))


def name(row: Row) -> dict[str, object]:
    """A frame in a log line."""
    out: dict[str, object] = {"kid": row.kid, "boot": row.boot, "seq": row.seq, "kind": KINDS[row.kind]}
    if row.panic is not None:
        out["panic"] = row.panic
    return out
