"""Which journal the configuration speaks of."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from gateway.config import Config
from gateway.journal import postgres, sqlite
from gateway.journal.base import Journal, Transaction
from gateway.journal.postgres import PostgresJournal
from gateway.journal.sqlite import SqliteJournal
from gateway.machine import Machine


def make(config: Config, machine: Machine, on_error: Callable[[str], None], shared: bool = False) -> Journal:
    """Not open yet. `shared`: other processes of this machine serve from the same file, and their parent has
    locked it. In a PostgreSQL database any number may serve, from anywhere."""
    group: dict[str, Any] = {
        "queue_limit": config.whole("journal.queue_limit"),
        "group_limit": config.whole("journal.group_limit"),
        "busy_timeout_ms": config.whole("journal.busy_timeout_ms"),
        "on_error": on_error,
        "background": machine.background,
        "name": config.text("gateway.id"),
    }
    if config.database:
        return PostgresJournal(config.database, **group)
    return SqliteJournal(
        config.journal_path, connect=machine.connect, lock=machine.lock, shared=shared, **group
    )


@contextlib.contextmanager
def transaction(config: Config, *, write: bool) -> Iterator[Transaction]:
    """One transaction from the command line, beside a running service. Raises JournalError."""
    busy_ms = config.whole("journal.busy_timeout_ms")
    if config.database:
        with postgres.transaction(config.database, busy_ms, write=write) as tx:
            yield tx
    else:
        with sqlite.transaction(config.journal_path, busy_ms, write=write) as tx:
            yield tx
