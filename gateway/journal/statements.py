"""What every part of a transaction in SQL stands on.

The statements are written once, in words that SQLite and PostgreSQL both understand, with `?` for each value;
where they differ, `sqlite` and `postgres` have their own. All integers have 64 bits with a sign.
"""

import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, repeat
from typing import Any, Protocol

from gateway.journal.base import Transaction

# Rows of one statement. Python's driver for SQLite lets the interpreter go at each step, and has to get it
# back from a loop that is busy: that, not the disk, is what a group waited for.
AT_ONCE = 256
# Columns of a frame, in the order of `records.Row`.
ROW = "id, kid, boot, seq, kind, panic, stored_ms, relayed_ms, frame"


class Cursor(Protocol):
    """What is used of the drivers' cursors."""

    @property
    def rowcount(self) -> int: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def __iter__(self) -> Iterator[Any]: ...


class Statements(Transaction):
    """`node`: who relays what is stored here; None where nobody shares the work. `handed`: see the base."""

    def __init__(
        self,
        run: Callable[[str, Sequence[Any]], Cursor],
        many: Callable[[str, Iterable[Sequence[Any]]], Any],
        node: int | None = None,
    ) -> None:
        self._execute = run
        self._many = many
        self.node = node
        self.handed: set[int] = set()
        self.called = 0
        self.commanded: set[bytes] = set()
        self.noticed = False

    def _run(self, statement: str, values: Sequence[Any] = ()) -> Cursor:
        return self._execute(statement, values)

    @abstractmethod
    def _table(self, columns: str, rest: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of `SELECT columns rest`, hundreds of them as one step, in any order."""

    def _together(self, statement: str, rows: Sequence[Sequence[Any]]) -> list[Cursor]:
        """A statement for hundreds of rows as few steps; `{}` in it stands for the list of its VALUES, whose
        columns are `column1` and on. Some rows may be in it twice."""
        cursors = []
        for begin in range(0, len(rows), AT_ONCE):
            page = rows[begin : begin + AT_ONCE]
            # A power of two, or a multiple of 32: few statements to be kept ready, and few rows twice.
            size = 1 << (len(page) - 1).bit_length() if len(page) <= 32 else (len(page) + 31) & ~31
            values = chain.from_iterable(chain(page, repeat(page[-1], size - len(page))))
            cursors.append(self._run(filled(statement, size, len(page[0])), list(values)))
        return cursors

    def _now_ms(self) -> int:
        """The clock by which nodes hold their leases: one for all of them."""
        return time.time_ns() // 1_000_000


@lru_cache(128)
def filled(statement: str, rows: int, columns: int) -> str:
    """With so many marks in place of `{}`."""
    row = ", ".join("?" * columns)
    return statement.format(", ".join([f"({row})" if columns > 1 else row] * rows))
