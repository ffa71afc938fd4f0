"""The journal in PostgreSQL, for any number of gateways.

Groups of all of them are committed one after another, under an advisory lock, as in one SQLite file: what a
work has read is still so when it writes, and ids grow in the order of commits. The lock is let go when the
connection is lost.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg.pq import TransactionStatus

from gateway.journal import postgres_schema
from gateway.journal.base import JournalError, T, Transaction
from gateway.journal.group import GroupJournal, Item
from gateway.journal.postgres_tables import LIVING, Connection, Flag, PostgresTransaction

_CALLERS = (psycopg.IntegrityError, psycopg.ProgrammingError, psycopg.DataError, psycopg.NotSupportedError)
# "patrola": one lock in the database for all who write to the journal.
_LOCK = 0x706174726F6C61
_BEGIN = f"BEGIN; SELECT pg_advisory_xact_lock({_LOCK})"
_BEGIN_NODE = f"{_BEGIN}; {LIVING}"
_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_CONNECT_S = 5
SERVES = "patrola serve "
_MIN_VERSION = 130000
# SQL_ASCII keeps whatever bytes come.
_ENCODINGS = ("UTF8", "SQL_ASCII")


def connect(url: str, busy_timeout_ms: int = 5000) -> Connection:
    """A connection as the gateway uses it; makes the tables. Raises psycopg.Error and SchemaError."""
    connection = psycopg.connect(
        url,
        autocommit=True,
        connect_timeout=_CONNECT_S,
        application_name="patrola",
        # Else it is the database's own, and of one made under LANG=C (SQL_ASCII) text comes as bytes.
        client_encoding="UTF8",
        # A server that has gone without a word is noticed.
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        tcp_user_timeout=10_000,
    )
    try:
        connection.adapters.register_dumper(bool, Flag)
        connection.execute(
            f"SET lock_timeout = {busy_timeout_ms:d}; "
            # Who hangs with the lock in his hand loses it.
            f"SET idle_in_transaction_session_timeout = {max(busy_timeout_ms, 5000):d}; "
            f"SET search_path = {postgres_schema.SCHEMA}; SET client_min_messages = warning"
        )
        _fit(connection)
        if not postgres_schema.current(connection):
            # Before the transaction: what it sees of the catalogue is as old as its beginning.
            connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
            with connection.transaction():
                postgres_schema.migrate(connection)
            connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
    except BaseException:
        connection.close()
        raise
    return connection


def _fit(connection: Connection) -> None:
    """What is committed must be on disk. Raises SchemaError."""

    def show(name: str) -> str:
        row = connection.execute(f"SHOW {name}").fetchone()
        return str(row[0]) if row else ""

    if connection.info.server_version < _MIN_VERSION:
        raise postgres_schema.SchemaError(f"PostgreSQL {show('server_version')}: needs 13 or newer")
    for name in ("fsync", "full_page_writes"):
        if show(name) != "on":
            raise postgres_schema.SchemaError(f"{name} is off: a power failure would take what was confirmed")
    if show("server_encoding") not in _ENCODINGS:
        raise postgres_schema.SchemaError(
            f"its encoding is {show('server_encoding')}, which has no room for every name and text: make the "
            "database with ENCODING 'UTF8' TEMPLATE template0"
        )
    if show("transaction_read_only") == "on":
        raise postgres_schema.SchemaError("read only: is this a standby?")
    # What is stronger (remote_apply) stays.
    if show("synchronous_commit") in ("off", "local"):
        connection.execute("SET synchronous_commit = on")


def place(url: str) -> str:
    """Host and database, without user or password."""
    try:
        parts = urlsplit(url)
        return f"postgresql://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
    except ValueError:
        return "postgresql"


@contextlib.contextmanager
def transaction(url: str, busy_timeout_ms: int = 5000, *, write: bool) -> Iterator[PostgresTransaction]:
    """One transaction from the command line, beside services. Raises JournalError."""
    connection = None
    try:
        connection = connect(url, busy_timeout_ms)
        connection.execute(_BEGIN if write else _SNAPSHOT)
        yield PostgresTransaction(connection)
        _commit(connection)
    except (psycopg.Error, postgres_schema.SchemaError) as error:
        raise JournalError(f"{place(url)}: {error}".strip()) from error
    finally:
        if connection is not None:
            connection.close()


def serving(url: str, name: str = "") -> bool:
    """A gateway, or the one of that name, works on this database. Raises JournalError."""
    with transaction(url, write=False) as tx:
        names = tx.connected()
        if not name:
            # One whose connection is just lost has its lease yet.
            return any(other.startswith(SERVES) for other in names) or tx.living() > 0
    return _session(name) in names


def _session(name: str) -> str:
    """What the server calls a gateway's connection; it keeps 63 bytes."""
    return f"{SERVES}{name}"[:63]


def _commit(connection: Connection) -> None:
    # After an error that a caller kept to himself the server rolls back, and says so only here.
    if connection.execute("COMMIT").statusmessage != "COMMIT":
        raise psycopg.ProgrammingError("a statement failed within the work")


class PostgresJournal(GroupJournal):
    """See `base.Journal`. `name`: of this process among those that share the journal; nobody else's."""

    def __init__(
        self,
        url: str,
        name: str = "gateway-1",
        *,
        connect: Callable[[str, int], Connection] = connect,
        busy_timeout_ms: int = 5000,
        **group: Any,
    ) -> None:
        super().__init__(**group)
        self._url = url
        self._name = name
        self._connect = connect
        self._busy_timeout_ms = busy_timeout_ms
        self._connection: Connection | None = None
        self._reader: Connection | None = None
        self._cleaned_s = float("-inf")
        self.token = secrets.randbits(62)

    @property
    def place(self) -> str:
        return place(self._url)

    async def open(self) -> None:
        try:
            self._connection = await asyncio.to_thread(self._dial)
            self._reader = await asyncio.to_thread(self._dial)
        except (psycopg.Error, postgres_schema.SchemaError) as error:
            raise JournalError(f"{self.place}: {error}".strip()) from error
        self._begin()
        try:
            self.node = await self.write(lambda tx: tx.join(self._name, self.token))
        except JournalError:
            await self.close()
            raise

    async def close(self) -> None:
        await self._end()
        for connection in (self._reader, self._connection):
            if connection is not None:
                connection.close()
        self._reader = self._connection = None

    def _read(self, work: Callable[[Transaction], T]) -> T:
        try:
            self._reader = self._begun(self._reader, _SNAPSHOT).connection
            try:
                return work(PostgresTransaction(self._reader, self.node))
            finally:
                self._leave(self._reader)
        except (psycopg.Error, postgres_schema.SchemaError) as error:
            raise JournalError(f"reading {self.place}: {error}".strip()) from error

    def _attempt(self, group: list[Item]) -> list[Any]:
        begun = self._begun(self._connection, _BEGIN_NODE)
        self._connection = connection = begun.connection
        try:
            tx = PostgresTransaction(connection, self.node)
            # The third answer of one question.
            if begun.nextset() and begun.nextset():
                tx.know(begun.fetchall())
            outcomes = [work(tx) for work, _ in group]
            _commit(connection)
            return outcomes
        finally:
            self._leave(connection)

    def _begun(self, connection: Connection | None, how: str) -> psycopg.Cursor[tuple[Any, ...]]:
        """A transaction on this connection, or if it is lost, on another."""
        if connection is not None and not connection.closed:
            try:
                return connection.execute(how)
            except psycopg.OperationalError:
                # Nothing was begun, so nothing is done twice. But who waited in vain for the lock is not to
                # wait again.
                if not connection.broken:
                    connection.close()
                    raise
        return self._dial().execute(how)

    def _dial(self) -> Connection:
        """Whoever looks at the server sees which gateway it is, as `serving` does."""
        connection = self._connect(self._url, self._busy_timeout_ms)
        connection.execute("SELECT set_config('application_name', %s, false)", (_session(self._name),))
        return connection

    def _leave(self, connection: Connection) -> None:
        if not connection.closed and connection.info.transaction_status != TransactionStatus.IDLE:
            with contextlib.suppress(psycopg.Error):
                connection.execute("ROLLBACK")

    def _broken(self, error: Exception) -> bool:
        mine = isinstance(error, (psycopg.Error, postgres_schema.SchemaError))
        return mine and not isinstance(error, _CALLERS)

    def _forget(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def _clean(self) -> bool:
        """Deleted rows give their room to others; what the log and copies of it keep is not ours to reach
        (docs/operator.md)."""
        now_s = self._loop.time() if self._loop is not None else 0.0
        if self._connection is None or now_s - self._cleaned_s < _CLEAN_S:
            return False
        self._connection.execute("VACUUM contexts")
        self._cleaned_s = now_s
        return True


_CLEAN_S = 60.0
