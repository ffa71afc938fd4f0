"""What `store` does, for a journal in PostgreSQL. Copies are made by PostgreSQL's own tools."""

import time
from collections.abc import Iterator

from gateway.config import Config
from gateway.doctor import Finding, fail, ok
from gateway.journal import postgres
from gateway.journal.base import JournalError
from gateway.journal.choose import transaction
from gateway.journal.postgres import place


def check(config: Config) -> Iterator[Finding]:
    """It can be reached, is fit to keep what it confirms, and takes a write."""
    where = place(config.database)
    try:
        with transaction(config, write=True) as tx:
            tx.mark_alive(time.time_ns() // 1_000_000)
            depths = tx.depths()
    except JournalError as error:
        do = "is the server up, are journal.url or DATABASE_URL right, may this account write there?"
        yield fail("journal", str(error), do)
        return
    yield ok("journal", f"{where}, newest frame {depths['position']}")


def serving(config: Config, own: bool) -> bool:
    """A gateway is connected to the database; with `own` this one and none on another machine."""
    return postgres.serving(config.database, config.text("gateway.id") if own else "")


def copy(config: Config) -> JournalError:
    return JournalError(
        f"the journal is {place(config.database)}: copy it by pg_dump --format=custom, or keep the server's "
        "write-ahead log (pg_basebackup); a copy holds the secrets of links, so seal them: gateway secrets"
    )


def restore(config: Config) -> JournalError:
    return JournalError(
        f"the journal is {place(config.database)}: stop every gateway, put it back by pg_restore --clean, "
        "then run `python -m gateway restore --in-place`, which makes it fit to serve"
    )
