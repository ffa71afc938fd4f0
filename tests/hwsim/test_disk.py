"""The disk under the gateway's journal: real SQLite files, and what a crash leaves of them."""

import sqlite3

import pytest

from gateway.journal.sqlite import connect
from hwsim.disk import Disk


@pytest.fixture
def disk():
    return Disk()


def opened(disk, path):
    return disk.opened(connect(path, factory=disk.factory()))


def put(connection, *values):
    connection.execute("BEGIN IMMEDIATE")
    for value in values:
        connection.execute("INSERT INTO probe VALUES (?, ?)", (value, value))
    connection.execute("COMMIT")


def kept(path):
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT key FROM probe WHERE value = key ORDER BY key").fetchall()
    connection.close()
    return [row[0] for row in rows]


@pytest.fixture
def store(disk, tmp_path):
    path = tmp_path / "j.sqlite"
    connection = opened(disk, path)
    connection.execute("CREATE TABLE IF NOT EXISTS probe (key, value)")
    return path, connection


@pytest.mark.parametrize("power", [False, True])
def test_a_crash_keeps_what_was_committed_and_nothing_else(disk, store, power):
    path, connection = store
    put(connection, "1", "2")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO probe VALUES ('3', '3')")
    disk.crash(path, power)
    assert kept(path) == ["1", "2"]


def test_without_full_synchronisation_a_power_cut_takes_commits(disk, store):
    """The model can say no: a gateway that skips the fsync of a commit loses it."""
    path, connection = store
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("PRAGMA synchronous = NORMAL")
    put(connection, "1")
    disk.crash(path, True)
    assert kept(path) == []


def test_without_full_synchronisation_a_kill_takes_nothing(disk, store):
    path, connection = store
    connection.execute("PRAGMA synchronous = NORMAL")
    put(connection, "1")
    disk.crash(path, False)
    assert kept(path) == ["1"]


@pytest.mark.parametrize(
    ("fault", "words", "stays"),
    [
        ({"full": True}, "full", []),
        ({"fsync_error": "lost"}, "I/O", []),
        ({"fsync_error": "kept"}, "I/O", ["1"]),
    ],
)
def test_commits_fail(disk, store, fault, words, stays):
    path, connection = store
    for name, value in fault.items():
        setattr(disk, name, value)
    with pytest.raises(sqlite3.OperationalError, match=words):
        put(connection, "1")
    if connection.in_transaction:
        connection.execute("ROLLBACK")
    disk.full = disk.fsync_error = None
    assert kept(path) == stays and disk.failed == 1
    put(connection, "2")
    assert kept(path) == [*stays, "2"]


def test_reading_goes_on_while_the_disk_is_full(disk, store):
    path, connection = store
    put(connection, "1")
    disk.full = True
    connection.execute("BEGIN")
    assert connection.execute("SELECT count(*) FROM probe WHERE key = '1'").fetchone() == (1,)
    connection.execute("COMMIT")
