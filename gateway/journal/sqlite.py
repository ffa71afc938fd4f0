"""The journal in one SQLite file: write-ahead log, an fsync at each commit, one writer thread with group
commit.

Works that wait while a commit is under way become the next group: the busier the gateway, the more frames
share one fsync, and with nothing to wait for there is no delay. Another process (enroll, revoke) may write
meanwhile.
"""

import asyncio
import contextlib
import fcntl
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from gateway.background import Background, Thread
from gateway.journal.base import Journal, JournalError, T, Transaction
from gateway.journal.schema import migrate
from gateway.journal.tables import SqliteTransaction

_Work = Callable[[Transaction], Any]
# These say that a statement was wrong, not the file.
_CALLERS = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError, sqlite3.InterfaceError)
_Item = tuple[_Work, "asyncio.Future[Any]"]


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
    connection = None
    try:
        connection = connect(path, busy_timeout_ms)
        connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
        yield SqliteTransaction(connection)
        connection.execute("COMMIT")
    except (sqlite3.Error, OSError) as error:
        raise JournalError(f"{path}: {error}") from error
    finally:
        if connection is not None:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            connection.close()


class SqliteJournal(Journal):
    """See `base.Journal`. `on_error(message)` is told of each failed group. `background(turn, name)` is where
    it commits, `connect(path, busy_timeout_ms, create)` and `lock(path)` are how it gets at the file."""

    def __init__(
        self,
        path: Path,
        *,
        background: Callable[[Callable[[], bool], str], Background] = Thread,
        connect: Callable[[Path, int, bool], sqlite3.Connection] = connect,
        lock: Callable[[Path], int] = lock,
        queue_limit: int = 4096,
        group_limit: int = 512,
        busy_timeout_ms: int = 5000,
        on_error: Callable[[str], None] | None = None,
    ) -> None:
        self._path = path
        self._queue_limit = queue_limit
        self._group_limit = group_limit
        self._busy_timeout_ms = busy_timeout_ms
        self._on_error = on_error
        self._queue: deque[_Item] = deque()
        self._connect = connect
        self._take = lock
        self._background = background
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._writer: Background | None = None
        self._connection: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._lock = -1
        self._node = 0
        self._reading = ThreadPoolExecutor(1, "journal-read")
        self._under_way = 0
        self._scrubs: deque[asyncio.Future[bool]] = deque()
        self.groups = 0
        self.works = 0
        self.failed_groups = 0

    @property
    def waiting(self) -> int:
        return len(self._queue) + self._under_way

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            self._lock = self._take(self._path)
            busy_ms = self._busy_timeout_ms
            self._connection = await asyncio.to_thread(self._connect, self._path, busy_ms, True)
            self._reader = await asyncio.to_thread(self._connect, self._path, busy_ms, True)
            self._reader.execute("PRAGMA query_only = ON")
        except (sqlite3.Error, OSError) as error:
            raise JournalError(f"{self._path}: {error}") from error
        self._writer = self._background(self._turn, "journal-write")

    async def close(self) -> None:
        self._closing = True
        if self._writer is not None:
            await self._writer.close()
            self._writer = None
        await asyncio.to_thread(self._reading.shutdown)
        for connection in (self._reader, self._connection):
            if connection is not None:
                connection.close()
        self._reader = self._connection = None
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    async def write(self, work: Callable[[Transaction], T]) -> T:
        if self._loop is None or self._writer is None or self._closing:
            raise JournalError("journal is closed")
        if len(self._queue) >= self._queue_limit:
            raise JournalError(f"journal overloaded: {len(self._queue)} requests wait for the disk")
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.append((work, future))
        self._writer.wake()
        return await future

    async def read(self, work: Callable[[Transaction], T]) -> T:
        if self._loop is None or self._closing:
            raise JournalError("journal is closed")
        return await self._loop.run_in_executor(self._reading, self._read, work)

    async def scrub(self) -> bool:
        if self._loop is None or self._writer is None or self._closing:
            raise JournalError("journal is closed")
        future: asyncio.Future[bool] = self._loop.create_future()
        self._scrubs.append(future)
        self._writer.wake()
        return await future

    def _read(self, work: Callable[[Transaction], T]) -> T:
        if self._reader is None:
            raise JournalError("journal is closed")
        try:
            # One snapshot for the whole work.
            self._reader.execute("BEGIN")
            try:
                return work(SqliteTransaction(self._reader, self._node))
            finally:
                if self._reader.in_transaction:
                    self._reader.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise JournalError(f"reading {self._path}: {error}") from error

    def _turn(self) -> bool:
        """In the background: one group. False when there was none."""
        if not self._queue and not self._scrubs:
            return False
        scrub = self._scrubs.popleft() if self._scrubs else None
        self._under_way = min(len(self._queue), self._group_limit)
        group = [self._queue.popleft() for _ in range(self._under_way)]
        outcomes = self._commit(group) if group else []
        self._under_way = 0
        if self._loop is not None:
            # The loop is gone only when the process is ending without close().
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_settle, group, outcomes)
                if scrub is not None:
                    cleaned = self._truncate()
                    self._loop.call_soon_threadsafe(_settle, [(None, scrub)], [cleaned])
        return True

    def _truncate(self) -> bool | JournalError:
        """secure_delete overwrites in the file itself; old pages stand in the write-ahead log until it is
        cut."""
        if self._connection is None:
            return False
        try:
            # Nobody waits: commits come before this.
            self._connection.execute("PRAGMA busy_timeout = 0")
            busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            self._connection.execute(f"PRAGMA busy_timeout = {self._busy_timeout_ms:d}")
        except (sqlite3.Error, OSError) as error:
            return self._failed(error)
        return not busy

    def _commit(self, group: list[_Item]) -> list[Any]:
        """One outcome for each work: its result, or the exception that its caller gets."""
        try:
            outcomes = self._attempt(group)
        except Exception as error:
            if isinstance(error, (sqlite3.Error, OSError)) and not isinstance(error, _CALLERS):
                failure = self._failed(error)
                return [failure for _ in group]
            if len(group) == 1:
                return [error]
            # One work is wrong (a caller's fault, not the disk's): each alone, so that the others don't
            # suffer.
            return [self._commit([item])[0] for item in group]
        self.groups += 1
        self.works += len(group)
        return outcomes

    def _attempt(self, group: list[_Item]) -> list[Any]:
        if self._connection is None:
            # A new, empty file would be taken for terminals that never spoke: old Partial IVs once more.
            self._connection = self._connect(self._path, self._busy_timeout_ms, False)
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            tx = SqliteTransaction(connection, self._node)
            outcomes = [work(tx) for work, _ in group]
            connection.execute("COMMIT")
            return outcomes
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _failed(self, error: Exception) -> JournalError:
        self.failed_groups += 1
        # After an I/O error nothing the connection remembers is to be trusted (a failed fsync may be "good"
        # the second time): start from the file again.
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        message = f"{self._path}: {error}"
        if self._on_error is not None and self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._on_error, message)
        return JournalError(message)


def _settle(group: "list[tuple[Any, asyncio.Future[Any]]]", outcomes: list[Any]) -> None:
    for (_, future), outcome in zip(group, outcomes, strict=True):
        if future.done():
            continue  # its caller was cancelled
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
