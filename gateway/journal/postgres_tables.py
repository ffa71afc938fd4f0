"""The operations of the journal on one PostgreSQL connection, inside a transaction that the caller opened."""

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper

from gateway.journal.contexts import Line
from gateway.journal.frames import Name, Values
from gateway.journal.operations import Operations

Connection = psycopg.Connection[tuple[Any, ...]]

_INSERT = (
    "INSERT INTO frames (kid, boot, seq, kind, panic, stored_ms, frame, node) "
    "SELECT a, b, c, d, e, f, g, h FROM unnest(%s::bytea[], %s::bigint[], %s::bigint[], %s::bigint[], "
    "%s::bigint[], %s::bigint[], %s::bytea[], %s::bigint[]) "
    "WITH ORDINALITY AS new (a, b, c, d, e, f, g, h, n) "
    "WHERE NOT EXISTS (SELECT 1 FROM pruned WHERE kid = a AND boot = b AND first <= c AND last >= c) "
    "ORDER BY n ON CONFLICT (kid, boot, seq) DO NOTHING RETURNING id, kid, boot, seq"
)
LIVING = (
    "SELECT id, handed, until_ms > (extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM nodes "
    "ORDER BY id"
)
_LINES = (
    "SELECT oscore_id, length(secret), generation, state, highest, bitmap, sequence FROM contexts "
    "WHERE oscore_id = ANY(?)"
)
_SAVE = (
    "UPDATE contexts SET highest = a, bitmap = b, sequence = c FROM "
    "unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bytea[]) AS new (a, b, c, d) WHERE oscore_id = d"
)


class Flag(Dumper):
    """Yes and no are 1 and 0, as in SQLite."""

    oid = psycopg.adapters.types["int8"].oid

    def dump(self, obj: bool) -> Buffer:
        return b"1" if obj else b"0"


@lru_cache(4096)
def _translated(statement: str) -> Any:
    return statement.replace("?", "%s")


class PostgresTransaction(Operations):
    """See `base.Transaction`; what is here is PostgreSQL's alone: where SQLite does many small steps, it is
    asked once, as each question is a way over the network."""

    def __init__(self, connection: Connection, node: int | None = None) -> None:
        super().__init__(self._one, self._each, node)
        self._connection = connection

    def _one(self, statement: str, values: Sequence[Any] = ()) -> Any:
        return self._connection.execute(_translated(statement), values, binary=True)

    def _each(self, statement: str, rows: Iterable[Sequence[Any]]) -> Any:
        cursor = self._connection.cursor()
        wanted = list(rows)
        if wanted:
            cursor.executemany(_translated(statement), wanted)
        return cursor

    def _table(self, columns: str, rest: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._one(f"SELECT {columns} {rest}", values).fetchall()  # noqa: S608
        return rows

    def _now_ms(self) -> int:
        (now,) = self._one("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint").fetchone()
        return int(now)

    def _insert(self, values: list[Values]) -> dict[Name, int]:
        columns = [list(column) for column in zip(*values, strict=True)]
        rows = self._connection.execute(_INSERT, columns, binary=True)
        return {(row[1], row[2], row[3]): row[0] for row in rows}

    def _lines(self, names: Collection[bytes]) -> dict[bytes, Line]:
        rows = self._one(_LINES, (list(names),))
        return {row[0]: Line(*row[2:]) for row in rows if row[1]}

    def _save(self, lines: Iterable[tuple[bytes, Line]]) -> None:
        rows = [(line.highest, line.signed, line.sequence, name) for name, line in lines]
        if rows:
            self._connection.execute(_SAVE, [list(column) for column in zip(*rows, strict=True)])

    def connected(self) -> list[str]:
        """What those who are connected to this database call themselves."""
        rows = self._run(
            "SELECT application_name FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name IS NOT NULL"
        ).fetchall()
        return [str(row[0]) for row in rows]

    def first_unrelayed(self) -> int | None:
        # OFFSET 0: not along all frames by their ids, which is far where all are relayed.
        mine = "" if self.node is None else " AND node = ?"
        row = self._run(
            f"SELECT min(id) FROM (SELECT id FROM frames WHERE relayed_ms IS NULL{mine} OFFSET 0) AS one",  # noqa: S608
            () if self.node is None else (self.node,),
        ).fetchone()
        value: int | None = row[0]
        return value

    def revision(self) -> tuple[int, int]:
        row = self._run(
            "SELECT (SELECT value FROM meta WHERE name = 'registry'), "
            "coalesce((SELECT max(id) FROM commands), 0)"
        ).fetchone()
        return row[0], row[1]

    def skip_ids(self, number: int) -> None:
        # A terminal keeps the ids of commands in small integers.
        for name, skip in (("frames", number), ("audit", number), ("notices", number), ("commands", 1 << 20)):
            sequence = f"pg_get_serial_sequence('{name}', 'id')"
            self._run(f"SELECT setval({sequence}, nextval({sequence}) + ?)", (skip,))
