"""What differs from one kind of storage to the other for those who run the service: is it whole, who has it,
how is a copy made, how is one put back. This is SQLite's part; PostgreSQL's is beside it."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway import store_postgres
from gateway.config import Config
from gateway.doctor import Finding, fail, ok, warn
from gateway.journal.base import JournalError
from gateway.journal.schema import STEPS
from gateway.journal.sqlite import connect, lock
from gateway.journal.tables import SqliteTransaction

# Larger files are looked through by `backup`, which reads all of it anyway.
_QUICK = 1 << 30
# Far behind every id that may have been given since the copy was made.
SKIP = 1 << 40


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy: `made_ms` when, None for a file that is no copy of ours."""

    frames: int
    newest_ms: int | None
    terminals: int
    made_ms: int | None


def serving(config: Config, own: bool = False) -> bool:
    """A service has this journal. `own`: under the name of this configuration. Raises JournalError."""
    if config.database:
        return store_postgres.serving(config, own)
    path = config.journal_path
    if not Path(f"{path}.lock").exists():
        return False
    try:
        os.close(lock(path))
    except JournalError:
        return True
    except OSError:
        return False
    return False


def check(config: Config) -> Iterator[Finding]:
    if config.database:
        yield from store_postgres.check(config)
        return
    path = config.journal_path
    if not path.exists():
        if os.access(path.parent, os.W_OK):
            yield ok("journal", f"{path} is made at the first start")
        else:
            do = "run this as the service's account, or give it the folder"
            yield fail("journal", f"{path.parent} is not ours to write in", do)
        return
    try:
        with contextlib.closing(_look(path)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > len(STEPS):
                do = "install the newer gateway again: an older one must not serve from this"
                yield fail("journal", f"{path} was written by a newer gateway", do)
                return
            size = path.stat().st_size
            broken = None if size > _QUICK else _broken(connection)
            (frames,) = connection.execute("SELECT coalesce(max(id), 0) FROM frames").fetchone()
    except (sqlite3.Error, OSError) as error:
        yield fail("journal", f"{path}: {error}", "docs/operator.md, After the journal was lost")
        return
    if broken:
        do = "keep the file, and restore the newest backup: `python -m gateway restore --help`"
        yield fail("journal", f"{path} is damaged: {broken}", do)
        return
    try:
        connect(path, 1000).close()
    except (sqlite3.Error, OSError) as error:
        yield fail("journal", f"{path} does not take a write: {error}", "run this as the service's account")
        return
    newest = f"newest frame {frames}" if frames else "no frame yet"
    said = f"{path}, {size / (1 << 20):.1f} MB, {newest}"
    if size > _QUICK:
        do = "`python -m gateway backup` looks it through"
        yield warn("journal", f"{said}; too large to be looked through here", do)
    else:
        yield ok("journal", f"{said}, sound")


def scrub(config: Config) -> bool:
    """Old pages are cut off where the storage keeps them. False: somebody reads them just now. Raises
    JournalError."""
    if config.database:
        return True  # what was changed goes with the next VACUUM, which the server does by itself
    try:
        with contextlib.closing(connect(config.journal_path, 0, False)) as connection:
            return not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.OperationalError:
        return False
    except (sqlite3.Error, OSError) as error:
        raise JournalError(f"{config.journal_path}: {error}") from error


def _words(error: Exception) -> str:
    """For people: `strerror` alone does not name a file of ours that they know nothing of."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def copy(config: Config, target: Path, now_ms: int) -> Copied:
    """The journal as it is at one moment, beside a service that goes on, without the secrets of links. The
    copy appears whole or not at all. Raises JournalError."""
    if config.database:
        raise store_postgres.copy(config)
    path = config.journal_path
    if not path.exists():
        raise JournalError(f"{path}: no such file: there is nothing to copy")
    if target.exists():
        raise JournalError(f"{target} is there already: name another file")
    new = target.with_name(f"{target.name}.{os.getpid()}.new")
    try:
        os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with contextlib.closing(_look(path)) as source, contextlib.closing(_plain(new)) as made:
            # In one step: one snapshot, and nobody who writes meanwhile makes it begin anew.
            source.backup(made, pages=-1)
            # Contexts of an old copy must never be used again: sequence numbers would be.
            made.execute("BEGIN IMMEDIATE")
            made.execute("DELETE FROM contexts")
            made.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('copied', ?)", (now_ms,))
            made.execute("COMMIT")
            # The file anew, without what was deleted; a single file, without a log beside it.
            made.execute("VACUUM")
            broken = _broken(made)
            if broken:
                raise JournalError(f"{path} is damaged: {broken}. The copy was thrown away.")
            found = _copied(made)
        _settle(new, target, link=True)
    except (sqlite3.Error, OSError) as error:
        raise JournalError(f"{target}: {_words(error)}") from error
    finally:
        for ending in ("", "-journal", "-wal", "-shm"):
            Path(f"{new}{ending}").unlink(missing_ok=True)
    return found


def examine(source: Path) -> Copied:
    """Is this a journal that this gateway can serve from? Raises JournalError."""
    try:
        with contextlib.closing(_look(source)) as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if not 1 <= version <= len(STEPS):
                raise JournalError(
                    f"{source}: schema version {version}, this gateway knows 1 to {len(STEPS)}"
                    + (": install the newer" if version else ": no journal of ours")
                )
            broken = _broken(connection)
            if broken:
                raise JournalError(f"{source} is damaged: {broken}")
            return _copied(connection)
    except (sqlite3.Error, OSError) as error:
        raise JournalError(f"{source}: {_words(error)}") from error


@contextlib.contextmanager
def prepared(config: Config, source: Path, away: Path) -> Iterator[SqliteTransaction]:
    """A copy of `source` beside the journal, brought to the newest version, in a transaction; when the block
    ends well it takes the journal's place, and what was there is `away`. Raises JournalError."""
    path = config.journal_path
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with contextlib.closing(_look(source)) as old, contextlib.closing(_plain(new)) as made:
            old.backup(made, pages=-1)
        with contextlib.closing(connect(new, 0)) as made:
            made.execute("BEGIN IMMEDIATE")
            yield SqliteTransaction(made)
            made.execute("COMMIT")
            made.execute("PRAGMA journal_mode = DELETE")
        if path.exists():
            _put_away(path, away)
        _settle(new, path, link=False)
    except (sqlite3.Error, OSError) as error:
        raise JournalError(f"{path}: {error}") from error
    finally:
        for ending in ("", "-journal", "-wal", "-shm"):
            Path(f"{new}{ending}").unlink(missing_ok=True)


def _put_away(path: Path, target: Path) -> None:
    # What belongs to the old file must not be taken for the new one's.
    for ending in ("-wal", "-shm", ""):
        part = Path(f"{path}{ending}")
        if part.exists():
            os.rename(part, f"{target}{ending}")


def _look(path: Path) -> sqlite3.Connection:
    """To read only, and never to create."""
    os.stat(path)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA busy_timeout = 5000")
    connection.execute("PRAGMA query_only = ON")
    return connection


def _plain(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _broken(connection: sqlite3.Connection) -> str:
    said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    return "" if said == "ok" else str(said)


def _copied(connection: sqlite3.Connection) -> Copied:
    frames, newest = connection.execute("SELECT count(*), max(stored_ms) FROM frames").fetchone()
    (terminals,) = connection.execute("SELECT count(*) FROM terminals").fetchone()
    made = connection.execute("SELECT value FROM meta WHERE name = 'copied'").fetchone()
    return Copied(frames, newest, terminals, None if made is None else made[0])


def _settle(new: Path, target: Path, link: bool) -> None:
    """Durable, and only then under its name."""
    for place in (new, new.parent):
        descriptor = os.open(place, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    if link:
        os.link(new, target)
    else:
        os.replace(new, target)
    folder = os.open(target.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
