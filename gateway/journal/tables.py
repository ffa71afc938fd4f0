"""The operations of the journal on one SQLite connection, inside a transaction that the caller opened."""

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from gateway.journal.contexts import Line
from gateway.journal.frames import Name, Values
from gateway.journal.operations import Operations
from gateway.journal.statements import AT_ONCE, Cursor, filled

_ONE = (
    "INSERT INTO frames (kid, boot, seq, kind, panic, stored_ms, frame, node) "
    "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE NOT EXISTS "
    "(SELECT 1 FROM pruned WHERE kid = ?1 AND boot = ?2 AND first <= ?3 AND last >= ?3) "
    "ON CONFLICT (kid, boot, seq) DO NOTHING RETURNING id"
)
_MANY = (
    "INSERT OR IGNORE INTO frames (kid, boot, seq, kind, panic, stored_ms, frame, node) "
    "SELECT * FROM (VALUES {}) AS new WHERE NOT EXISTS "
    "(SELECT 1 FROM pruned WHERE kid = column1 AND boot = column2 AND first <= column3 AND last >= column3)"
)
# Contexts that the writer remembers from one commit to the next, some 200 bytes each: to read them anew at
# each claim took 1.5 % of all that is done for a frame.
_MOST_KNOWN = 50_000
# Columns that JSON cannot hold.
_BLOBS = frozenset(("kid", "frame", "payload", "correlation", "body"))
_SAVE = (
    "UPDATE contexts SET highest = column1, bitmap = column2, sequence = column3 "
    "FROM (VALUES {}) AS new WHERE oscore_id = column4"
)
_LINES = (
    "SELECT json_group_array(json_array(hex(oscore_id), generation, state, highest, bitmap, sequence)) "
    "FROM contexts WHERE length(secret) > 0 AND oscore_id IN ({})"
)


class SqliteTransaction(Operations):
    """See `base.Transaction`; what is here is SQLite's alone."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        node: int | None = None,
        known: dict[bytes, Line] | None = None,
    ) -> None:
        """`known`: what is remembered of contexts, as this connection sees the file now."""
        super().__init__(connection.execute, connection.executemany, node)
        self._known = known

    def _run(self, statement: str, values: Sequence[Any] = ()) -> Cursor:
        # Whoever changes a context in any other way than a claim ends what is remembered of them.
        if self._known and "contexts" in statement and not statement.startswith("SELECT"):
            self._known.clear()
        return self._execute(statement, values)

    def _insert(self, values: list[Values]) -> dict[Name, int] | range:
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
        if sum(done.rowcount for done in self._at_once(_MANY, values)) == len(values):
            # Nobody writes beside us: they got the next ids, in this order.
            return range(before + 1, before + 1 + len(values))
        for value in values:
            row = self._run(
                "SELECT id FROM frames WHERE kid = ? AND boot = ? AND seq = ? AND id > ?",
                (*value[:3], before),
            ).fetchone()
            if row is not None:
                fresh[value[:3]] = row[0]
        return fresh

    def _lines(self, names: Collection[bytes]) -> dict[bytes, Line]:
        known = self._known
        if known is None:
            return self._read_lines([(name,) for name in names])
        unknown = [(name,) for name in names if name not in known]
        if unknown:
            if len(known) > _MOST_KNOWN:
                known.clear()
                unknown = [(name,) for name in names]
            known.update(self._read_lines(unknown))
        return {name: known[name] for name in names if name in known}

    def _read_lines(self, names: Sequence[tuple[bytes]]) -> dict[bytes, Line]:
        found = {}
        for cursor in self._together(_LINES, names):
            for name, *line in json.loads(cursor.fetchone()[0]):
                found[bytes.fromhex(name)] = Line(*line)
        return found

    def _save(self, lines: Iterable[tuple[bytes, Line]]) -> None:
        rows = []
        for name, line in lines:
            line.changed = False
            rows.append((line.highest, line.signed, line.sequence, name))
        known, self._known = self._known, None
        self._together(_SAVE, rows)
        self._known = known

    def _at_once(self, statement: str, rows: Sequence[Sequence[Any]]) -> Iterator[Any]:
        """The statement for all the rows, each of them once."""
        begin = 0
        while begin < len(rows):
            size = min(AT_ONCE, 1 << (len(rows) - begin).bit_length() - 1)
            page = rows[begin : begin + size]
            yield self._run(filled(statement, size, len(page[0])), list(chain.from_iterable(page)))
            begin += size

    def _table(self, columns: str, rest: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        # 500 frames, one by one, took 400 ms beside a busy loop; so 12.
        statement, hexed = _as_one(columns, rest)
        rows = json.loads(self._run(statement, values).fetchone()[0])
        for row in rows:
            for place in hexed:
                if row[place] is not None:
                    row[place] = bytes.fromhex(row[place])
        return [tuple(row) for row in rows]

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


@lru_cache(64)
def _as_one(columns: str, rest: str) -> tuple[str, tuple[int, ...]]:
    """(the statement whose one value is a JSON array of all rows, which columns are hex there)."""
    names = columns.split(", ")
    hexed = [i for i, name in enumerate(names) if name.rpartition(".")[2] in _BLOBS]
    cells = [f"iif(c{i} IS NULL, NULL, hex(c{i}))" if i in hexed else f"c{i}" for i in range(len(names))]
    inner = ", ".join(f"{name} AS c{i}" for i, name in enumerate(names))
    return (
        f"SELECT json_group_array(json_array({', '.join(cells)})) FROM (SELECT {inner} {rest})",  # noqa: S608
        tuple(hexed),
    )
