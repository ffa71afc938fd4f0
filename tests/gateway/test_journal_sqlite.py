"""The journal in a SQLite file: what is this kind's alone."""

import asyncio
import shutil

import pytest

from gateway.journal.base import ContextError, JournalError, Spent
from gateway.journal.records import Claim, Claimed
from gateway.journal.sqlite import SqliteJournal, connect, transaction
from tests.gateway.test_contexts import new
from tests.gateway.test_journal import KID, frame, terminal


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


@pytest.fixture
async def claiming(journal):
    """Context `a` of a terminal has claimed its first number."""
    await journal.write(lambda tx: tx.enroll(terminal()))
    await journal.write(lambda tx: tx.add_context(new(b"a"), 1))
    await claim(journal, 1)
    return journal


async def claim(journal, *numbers, name=b"a", generation=1):
    outcomes = await journal.write(lambda tx: tx.claim([Claim(name, generation, n) for n in numbers]))
    return [type(outcome) for outcome in outcomes]


async def test_what_the_writer_saw_last_of_a_context_is_not_read_again(claiming):
    said = []
    claiming._connection.set_trace_callback(said.append)
    assert await claim(claiming, 1, 2) == [Spent, Claimed]
    assert not [text for text in said if "FROM contexts" in text and text.startswith("SELECT")]
    row = await claiming.read(lambda tx: tx.context(b"a"))
    assert (row.highest, row.bitmap) == (2, 0b11)


async def test_what_others_write_ends_what_the_writer_remembers(claiming, tmp_path):
    other = connect(tmp_path / "j.sqlite")
    other.execute("UPDATE contexts SET highest = 9, bitmap = 1")
    assert await claim(claiming, 9, 10) == [Spent, Claimed]
    other.execute("UPDATE frames SET kind = 1")  # nothing of ours, and nothing is lost by it
    assert await claim(claiming, 10, 11) == [Spent, Claimed]
    other.close()
    with transaction(tmp_path / "j.sqlite", write=True) as tx:
        tx.set_state(KID, "revoked", 5)
    assert await claim(claiming, 12) == [ContextError]


async def test_what_the_gateway_itself_does_to_a_context_ends_what_it_remembers(claiming):
    for generation, name in ((2, b"b"), (3, b"c")):
        await claiming.write(lambda tx, name=name: tx.add_context(new(name), 1))
        await claiming.write(lambda tx, at=(name, generation): tx.use_context(*at, 2, 300_000))
    # `b` took the place of `a`, and `c` that of `b`, which serves a while longer.
    assert await claim(claiming, 2) == [ContextError]
    assert await claim(claiming, 2, name=b"b", generation=2) == [Claimed]
    await claiming.write(lambda tx: tx.retire_contexts(300_000, 900_000))
    assert await claim(claiming, 3, name=b"b", generation=2) == [ContextError]
    assert await claim(claiming, 3, name=b"c", generation=3) == [Claimed]
    await claiming.write(lambda tx: tx.set_state(KID, "revoked", 5))
    assert await claim(claiming, 4, name=b"c", generation=3) == [ContextError]


async def test_a_claim_that_was_rolled_back_is_not_remembered(claiming):
    def failing(tx):
        tx.claim([Claim(b"a", 1, 2)])
        raise KeyError

    with pytest.raises(KeyError):
        await claiming.write(failing)
    assert await claim(claiming, 2) == [Claimed]


async def test_no_more_contexts_are_remembered_than_there_is_room_for(claiming, monkeypatch):
    monkeypatch.setattr("gateway.journal.tables._MOST_KNOWN", 1)
    await claiming.write(lambda tx: tx.use_context(b"a", 1, 2, 300_000))
    await claiming.write(lambda tx: tx.add_context(new(b"b"), 1))
    for number in range(2, 6):
        assert await claim(claiming, number) == [Claimed]
        assert await claim(claiming, number, name=b"b", generation=2) == [Claimed]
        assert len(claiming._known) <= 2
