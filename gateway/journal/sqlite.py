"""The journal in one SQLite file: write-ahead log, an fsync at each commit. Another process (enroll, revoke)
may write meanwhile."""

import asyncio
import contextlib
import fcntl
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gateway.journal.base import JournalError, T, Transaction
from gateway.journal.contexts import Line
from gateway.journal.group import GroupJournal, Item
from gateway.journal.schema import migrate
from gateway.journal.tables import SqliteTransaction
from gateway.journal.turns import Turns

# These say that a statement was wrong, not the file.
_CALLERS = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError, sqlite3.InterfaceError)


def connect(
    path: Path,
    busy_timeout_ms: int = 5000,
    create: bool = True,
    *,
    factory: type[sqlite3.Connection] = sqlite3.Connection,
) -> sqlite3.Connection:
    """A connection as the gateway uses it. Creates the file, readable by its owner only: it holds the
    secrets of the link. Without `create` a missing file is an OSError."""
    if create:
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    else:
        os.stat(path)
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=256, factory=factory
    )
    try:
        connection.execute(f"PRAGMA busy_timeout = {busy_timeout_ms:d}")
        connection.execute("PRAGMA journal_mode = WAL")
        # FULL: the commit is on disk when it returns. NORMAL would lose the last ones with the power.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        # With 2 MB of pages, and a file made and thrown away for each large statement, as SQLite has it by
        # itself, a sixth more was written for each frame.
        connection.execute("PRAGMA cache_size = -16384")
        connection.execute("PRAGMA temp_store = MEMORY")
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def lock(path: Path) -> int:
    """Make sure that one service works on this file; the descriptor holds the lock until it is closed.

    Raises JournalError when another has it. Two services would each reserve the same OSCORE sequence numbers.
    """
    descriptor = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise JournalError(f"{path}: another gateway serves from this journal") from None
    return descriptor


@contextlib.contextmanager
def transaction(path: Path, busy_timeout_ms: int = 5000, *, write: bool) -> Iterator[Transaction]:
    """One durable transaction, for the command line; without `write` it disturbs nobody.

    Raises JournalError when the file cannot be used."""
    if not write and not path.exists():
        raise JournalError(f"{path}: no such file; `serve` and `enroll` create it")
    connection: sqlite3.Connection | None = None
    turns: Turns | None = None
    try:
        connection = connect(path, busy_timeout_ms)
        if write and os.path.exists(f"{path}.turns"):
            turns = Turns(f"{path}.turns", create=False)
            turns.take(busy_timeout_ms)
        connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
        yield SqliteTransaction(connection)
        connection.execute("COMMIT")
    except (sqlite3.Error, OSError) as error:
        raise JournalError(f"{path}: {error}") from error
    finally:
        if turns is not None:
            turns.close()
        if connection is not None:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            connection.close()


class SqliteJournal(GroupJournal):
    """See `base.Journal`. `connect(path, busy_timeout_ms, create)` and `lock(path)` are how it gets at the
    file. The lock says that there is no other service. `shared`: there are, by other names than `name`, and
    their parent has the lock."""

    def __init__(
        self,
        path: Path,
        *,
        connect: Callable[[Path, int, bool], sqlite3.Connection] = connect,
        lock: Callable[[Path], int] = lock,
        busy_timeout_ms: int = 5000,
        name: str = "gateway-1",
        shared: bool = False,
        **group: Any,
    ) -> None:
        super().__init__(**group)
        self._path = path
        self._busy_timeout_ms = busy_timeout_ms
        self._connect = connect
        self._take = lock
        self._connection: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        # Of contexts, as the writing connection saw them last, and the number of the file's state by which it
        # can tell whether anybody else has written since.
        self._known: dict[bytes, Line] = {}
        self._version = -1
        self._lock = -1
        self._turns: Turns | None = None
        self._name = name
        self._shared = shared
        self.token = secrets.randbits(62)

    @property
    def place(self) -> str:
        return str(self._path)

    async def open(self) -> None:
        try:
            busy_ms = self._busy_timeout_ms
            if self._shared:
                self._turns = Turns(f"{self._path}.turns")
            else:
                self._lock = self._take(self._path)
            self._connection = await asyncio.to_thread(self._connect, self._path, busy_ms, True)
            self._reader = await asyncio.to_thread(self._connect, self._path, busy_ms, True)
            self._reader.execute("PRAGMA query_only = ON")
            await asyncio.to_thread(self._settle)
        except (sqlite3.Error, OSError) as error:
            raise JournalError(f"{self._path}: {error}") from error
        self._begin()
        try:
            if self._shared:
                self.node = await self.write(lambda tx: tx.join(self._name, self.token))
            elif await self.read(lambda tx: tx.shared_before()):
                await self.write(lambda tx: tx.adopt())
        except JournalError:
            await self.close()
            raise

    async def close(self) -> None:
        await self._end()
        for connection in (self._reader, self._connection):
            if connection is not None:
                connection.close()
        self._reader = self._connection = None
        self._known, self._version = {}, -1
        if self._lock >= 0:
            os.close(self._lock)
        if self._turns is not None:
            self._turns.close()
        self._lock, self._turns = -1, None

    def _read(self, work: Callable[[Transaction], T]) -> T:
        if self._reader is None:
            raise JournalError("journal is closed")
        try:
            # One snapshot for the whole work.
            self._reader.execute("BEGIN")
            try:
                return work(SqliteTransaction(self._reader, self.node))
            finally:
                if self._reader.in_transaction:
                    self._reader.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise JournalError(f"reading {self._path}: {error}") from error

    def _settle(self) -> None:
        """What an earlier process left in the write-ahead log goes to disk again, into the file: after an
        fsync that failed its last rows may be in memory alone, and look as if they were stored.
        A full disk is no reason not to start."""
        assert self._connection is not None
        with contextlib.suppress(sqlite3.OperationalError):
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _clean(self) -> bool:
        """secure_delete overwrites in the file itself; old pages stand in the write-ahead log until it is
        cut."""
        if self._connection is None:
            return False
        # Nobody waits: commits come before this.
        self._connection.execute("PRAGMA busy_timeout = 0")
        busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        self._connection.execute(f"PRAGMA busy_timeout = {self._busy_timeout_ms:d}")
        return not busy

    def _broken(self, error: Exception) -> bool:
        return isinstance(error, (sqlite3.Error, OSError)) and not isinstance(error, _CALLERS)

    def _attempt(self, group: list[Item]) -> list[Any]:
        if self._connection is None:
            # A new, empty file would be taken for terminals that never spoke: old Partial IVs once more.
            self._connection = self._connect(self._path, self._busy_timeout_ms, False)
        connection = self._connection
        if self._turns is not None:
            self._turns.take(self._busy_timeout_ms)
        try:
            connection.execute("BEGIN IMMEDIATE")
            tx = SqliteTransaction(connection, self.node, self._remembered(connection))
            outcomes = [work(tx) for work, _ in group]
            connection.execute("COMMIT")
            return outcomes
        except BaseException:
            # Nothing of it came to be, or nobody knows.
            self._known.clear()
            raise
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if self._turns is not None:
                self._turns.give()

    def _remembered(self, connection: sqlite3.Connection) -> dict[bytes, Line] | None:
        """In a transaction: what is known of contexts, if nobody but this connection has written since.
        Where several share the file, somebody always has."""
        if self.node:
            return None
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._known.clear()
            self._version = version
        return self._known

    def _forget(self) -> None:
        self._known.clear()
        self._version = -1
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
