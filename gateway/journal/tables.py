"""The operations of the journal on one SQLite connection, inside a transaction that the caller opened."""

import sqlite3

from gateway.journal.frames import Name, Values
from gateway.journal.operations import Operations

_VALUES = (
    "INTO frames (kid, boot, seq, kind, panic, stored_ms, frame, node) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 "
    "WHERE NOT EXISTS (SELECT 1 FROM pruned WHERE kid = ?1 AND boot = ?2 AND first <= ?3 AND last >= ?3)"
)
_ONE = f"INSERT {_VALUES} ON CONFLICT (kid, boot, seq) DO NOTHING RETURNING id"
_MANY = f"INSERT OR IGNORE {_VALUES}"


class SqliteTransaction(Operations):
    """See `base.Transaction`; what is here is SQLite's alone."""

    def __init__(self, connection: sqlite3.Connection, node: int | None = None) -> None:
        super().__init__(connection.execute, connection.executemany, node)

    def _insert(self, values: list[Values]) -> dict[Name, int]:
        fresh: dict[Name, int] = {}
        if len(values) < 3:
            for value in values:
                row = self._run(_ONE, value).fetchone()
                if row is not None:
                    fresh[value[:3]] = row[0]
            return fresh
        (before,) = self._run(
            "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'frames'), 0)"
        ).fetchone()
        if self._many(_MANY, values).rowcount == len(values):
            # Nobody writes beside us: they got the next ids, in this order.
            return {value[:3]: number for number, value in enumerate(values, before + 1)}
        for value in values:
            row = self._run(
                "SELECT id FROM frames WHERE kid = ? AND boot = ? AND seq = ? AND id > ?",
                (*value[:3], before),
            ).fetchone()
            if row is not None:
                fresh[value[:3]] = row[0]
        return fresh

    def first_unrelayed(self) -> int | None:
        mine = "" if self.node is None else " AND node = ?"
        row = self._run(
            f"SELECT min(id) FROM frames INDEXED BY frames_unrelayed WHERE relayed_ms IS NULL{mine}",  # noqa: S608
            () if self.node is None else (self.node,),
        ).fetchone()
        value: int | None = row[0]
        return value

    def revision(self) -> tuple[int, int]:
        row = self._run(
            "SELECT (SELECT value FROM meta WHERE name = 'registry'), "
            "coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'commands'), 0)"
        ).fetchone()
        return row[0], row[1]

    def skip_ids(self, number: int) -> None:
        # A terminal keeps the ids of commands in small integers.
        for name, skip in (("frames", number), ("audit", number), ("notices", number), ("commands", 1 << 20)):
            self._run("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = ?", (skip, name))
            if self._run("SELECT 1 FROM sqlite_sequence WHERE name = ?", (name,)).fetchone() is None:
                self._run("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, skip))
