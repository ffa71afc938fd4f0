"""The journal in a SQLite file: what is this kind's alone."""

import asyncio
import shutil

import pytest

from gateway.journal.base import JournalError
from gateway.journal.sqlite import SqliteJournal, connect, transaction
from tests.gateway.test_journal import KID, frame


@pytest.fixture
async def journal(tmp_path):
    journal = SqliteJournal(tmp_path / "j.sqlite")
    await journal.open()
    yield journal
    await journal.close()


async def test_durable_when_write_returns(journal, tmp_path):
    await journal.write(lambda tx: tx.insert_frame(KID, frame(1), 5))
    assert connect(tmp_path / "j.sqlite").execute("SELECT count(*) FROM frames").fetchone() == (1,)
    pragmas = {
        n: connect(tmp_path / "j.sqlite").execute(f"PRAGMA {n}").fetchone()[0]
        for n in ("journal_mode", "synchronous")
    }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2}
    assert (tmp_path / "j.sqlite").stat().st_mode & 0o777 == 0o600


async def test_what_an_earlier_process_left_in_its_log_is_settled_at_the_start(tmp_path):
    """Its last fsync may have failed: what is read from the log may be on no disk."""
    killed = SqliteJournal(tmp_path / "j.sqlite")
    await killed.open()
    await killed.write(lambda tx: tx.insert_frame(KID, frame(1), 5))
    for ending in ("", "-wal"):
        shutil.copyfile(tmp_path / f"j.sqlite{ending}", tmp_path / f"left.sqlite{ending}")
    await killed.close()
    shutil.copyfile(tmp_path / "left.sqlite", tmp_path / "before.sqlite")
    assert connect(tmp_path / "before.sqlite").execute("SELECT count(*) FROM frames").fetchone() == (0,)
    journal = SqliteJournal(tmp_path / "left.sqlite")
    await journal.open()
    shutil.copyfile(tmp_path / "left.sqlite", tmp_path / "file.sqlite")
    await journal.close()
    assert connect(tmp_path / "file.sqlite").execute("SELECT count(*) FROM frames").fetchone() == (1,)


async def test_disk_full_keeps_nothing_and_goes_on_when_there_is_room(tmp_path):
    errors = []
    journal = SqliteJournal(tmp_path / "j.sqlite", on_error=errors.append)
    await journal.open()
    await journal.write(lambda tx: tx.insert_frame(KID, frame(0), 5))
    pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    journal._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(JournalError, match="full"):
        await journal.write(lambda tx: [tx.insert_frame(KID, frame(n, bytes(400)), 5) for n in range(1, 200)])
    assert journal.failed_groups == 1
    # A new connection was made for the next group; the limit was the old one's.
    await journal.write(lambda tx: tx.insert_frame(KID, frame(500), 5))
    assert [row.seq for row in await journal.read(lambda tx: tx.frames(0, 999))] == [0, 500]
    assert len(errors) == 1
    await journal.close()


async def test_overload_is_refused_at_once(tmp_path):
    journal = SqliteJournal(tmp_path / "j.sqlite", queue_limit=10, busy_timeout_ms=20_000)
    await journal.open()
    blocker = connect(tmp_path / "j.sqlite")
    blocker.execute("BEGIN IMMEDIATE")
    waiting = []
    for seq in range(30):
        waiting.append(
            asyncio.create_task(journal.write(lambda tx, seq=seq: tx.insert_frame(KID, frame(seq), 5)))
        )
        await asyncio.sleep(0.005)
    refused = [task for task in waiting if task.done()]
    assert 15 <= len(refused) <= 20
    assert all(isinstance(task.exception(), JournalError) for task in refused)
    blocker.execute("ROLLBACK")
    await asyncio.gather(*(task for task in waiting if task not in refused))
    await journal.close()


async def test_reading_a_long_journal_uses_an_index(journal):
    def plan(tx, query, *values):
        return " ".join(row[3] for row in tx._run("EXPLAIN QUERY PLAN " + query, values))

    page = await journal.read(
        lambda tx: plan(
            tx, "SELECT frame FROM frames WHERE id > ? AND relayed_ms IS NULL ORDER BY id LIMIT 5", 0
        )
    )
    assert "INTEGER PRIMARY KEY" in page
    assert "TEMP B-TREE" not in page
    one = await journal.read(
        lambda tx: plan(
            tx,
            "SELECT frame FROM frames WHERE id > ? AND kid = ? AND relayed_ms IS NULL AND node = ? "
            "ORDER BY id LIMIT 5",
            0,
            KID,
            0,
        )
    )
    assert "frames_unrelayed" in one
    assert "TEMP B-TREE" not in one


def test_a_newer_file_and_a_foreign_file_are_refused(tmp_path):
    path = tmp_path / "j.sqlite"
    connect(path).execute("PRAGMA user_version = 99")
    with pytest.raises(JournalError, match="version 99"), transaction(path, write=False):
        pass
    (tmp_path / "text").write_bytes(b"not a database at all" * 100)
    with pytest.raises(JournalError, match="not a database"), transaction(tmp_path / "text", write=False):
        pass
    with pytest.raises(JournalError, match="no such file"), transaction(tmp_path / "absent", write=False):
        pass


async def test_one_service_at_a_time(journal, tmp_path):
    second = SqliteJournal(tmp_path / "j.sqlite")
    with pytest.raises(JournalError, match="another gateway serves"):
        await second.open()
    await journal.close()
    await second.open()
    await second.close()
