"""The journal alone: one fsync for many, nothing half, nothing lost when the process is killed."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.journal.base import JournalError
from gateway.journal.records import ACCEPTED, ACKNOWLEDGED, Command, NewFrame, Terminal
from gateway.journal.sqlite import SqliteJournal, connect, transaction

ROOT = Path(__file__).resolve().parents[2]
KID = b"kid12345"


def frame(seq, body=b"x", kind=1):
    return NewFrame(1, seq, kind, None, body)


@pytest.fixture
async def journal(tmp_path):
    journal = SqliteJournal(tmp_path / "j.sqlite")
    await journal.open()
    yield journal
    await journal.close()


async def test_a_name_is_stored_once(journal):
    assert await journal.write(lambda tx: tx.insert_frame(KID, frame(1), 5)) == (1, False)
    assert await journal.write(lambda tx: tx.insert_frame(KID, frame(1), 6)) == (0, False)
    assert await journal.write(lambda tx: tx.insert_frame(KID, frame(1, b"y"), 7)) == (0, True)
    assert await journal.write(lambda tx: tx.insert_frame(KID, frame(1, b"y"), 8)) == (0, False)
    number, conflict = await journal.write(lambda tx: tx.insert_frame(b"other678", frame(1), 9))
    assert number > 1
    assert not conflict
    counts = await journal.read(lambda tx: tx.count())
    assert (counts["frames"], counts["conflicts"]) == (2, 1)


async def test_many_names_at_once_are_stored_as_one_by_one(journal):
    """New ones, repeats, conflicts and doubles within one call, against the call for one."""
    await journal.write(lambda tx: [tx.insert_frame(KID, frame(n), 5) for n in (3, 4)])
    items = [
        *((KID, frame(n)) for n in (1, 2, 3)),
        *((KID, frame(4, b"other")), (b"other678", frame(1)), (KID, frame(1)), (KID, frame(2, b"other"))),
        *((KID, frame(9)), (KID, frame(4, b"other"))),
    ]
    got = await journal.write(lambda tx: tx.insert_frames(items, 6))
    kinds = ["new" if number else "conflict" if conflict else "repeat" for number, conflict in got]
    assert kinds == ["new", "new", "repeat", "conflict", "new", "repeat", "conflict", "new", "repeat"]
    rows = await journal.read(lambda tx: tx.frames(2, 99))
    stored = [number for number, _ in got if number]
    assert [(row.id, row.kid, row.seq) for row in rows] == list(
        zip(stored, [KID, KID, b"other678", KID], [1, 2, 1, 9], strict=True)
    )
    fresh = await journal.write(lambda tx: tx.insert_frames([(KID, frame(n)) for n in range(50, 80)], 6))
    assert [row.seq for row in await journal.read(lambda tx: tx.frames(fresh[0][0] - 1, 99))] == [
        *range(50, 80)
    ]


async def test_many_works_share_one_commit(journal):
    """500 writers at once: far fewer groups than works, and every one gets its own result."""

    async def one(seq):
        return await journal.write(lambda tx: tx.insert_frame(KID, frame(seq), 5))

    before = journal.groups
    results = await asyncio.gather(*(one(seq) for seq in range(500)))
    assert len({number for number, _ in results}) == 500
    assert journal.works == 500
    assert journal.groups - before < 50


async def test_a_work_that_fails_takes_nobody_with_it(journal):
    def wrong(tx):
        tx.insert_frame(KID, frame(999), 5)
        raise KeyError("caller's fault")

    async def good(seq):
        return await journal.write(lambda tx: tx.insert_frame(KID, frame(seq), 5))

    results = await asyncio.gather(*(good(n) for n in range(5)), journal.write(wrong), return_exceptions=True)
    assert isinstance(results[-1], KeyError)
    assert [conflict for _, conflict in results[:5]] == [False] * 5
    assert [row.seq for row in await journal.read(lambda tx: tx.frames(0, 99))] == [0, 1, 2, 3, 4]


async def test_durable_when_write_returns(journal, tmp_path):
    await journal.write(lambda tx: tx.insert_frame(KID, frame(1), 5))
    assert connect(tmp_path / "j.sqlite").execute("SELECT count(*) FROM frames").fetchone() == (1,)
    pragmas = {
        n: connect(tmp_path / "j.sqlite").execute(f"PRAGMA {n}").fetchone()[0]
        for n in ("journal_mode", "synchronous")
    }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2}
    assert (tmp_path / "j.sqlite").stat().st_mode & 0o777 == 0o600


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


async def test_relay_marks(journal):
    await journal.write(lambda tx: [tx.insert_frame(KID, frame(n), 5) for n in range(10)])
    assert await journal.read(lambda tx: tx.first_unrelayed()) == 1
    await journal.write(lambda tx: tx.mark_relayed([1, 2, 5], 77))
    assert await journal.read(lambda tx: tx.first_unrelayed()) == 3
    rows = await journal.read(lambda tx: tx.frames(3, 3, unrelayed=True))
    assert [row.id for row in rows] == [4, 6, 7]
    await journal.write(lambda tx: tx.mark_relayed(range(1, 11), 99))
    assert await journal.read(lambda tx: tx.first_unrelayed()) is None
    assert [r.relayed_ms for r in await journal.read(lambda tx: tx.frames(0, 3))] == [77, 77, 99]


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


async def test_panic_stages_happen_once_and_in_the_record(journal):
    assert await journal.write(lambda tx: tx.open_panic(KID, 65537, False, 1, 1, 10))
    assert not await journal.write(lambda tx: tx.open_panic(KID, 65537, False, 1, 2, 11))
    assert not await journal.write(lambda tx: tx.reach(KID, 99, ACKNOWLEDGED, 12))
    assert len(await journal.read(lambda tx: tx.unacknowledged(16))) == 1
    assert await journal.write(lambda tx: tx.reach(KID, 65537, ACCEPTED, 12))
    assert await journal.write(lambda tx: tx.reach(KID, 65537, ACKNOWLEDGED, 13, "desk-1"))
    assert not await journal.write(lambda tx: tx.reach(KID, 65537, ACKNOWLEDGED, 14, "desk-2"))
    panic = await journal.read(lambda tx: tx.panic(KID, 65537))
    assert (panic.stage, panic.operator, panic.acknowledged_ms) == (ACKNOWLEDGED, "desk-1", 13)
    assert await journal.read(lambda tx: tx.unacknowledged(16)) == []


async def test_commands_expire_and_are_found(journal):
    command = Command(0, KID, 2, b"\xa0", 1, 50, "queued", "", "op-1", "message", "", None, None, None, None)
    number = await journal.write(lambda tx: tx.add_command(command))
    assert [c.id for c in await journal.read(lambda tx: tx.open_commands(KID))] == [number]
    assert await journal.read(lambda tx: tx.command(b"other678", number)) is None
    assert await journal.read(lambda tx: tx.expired_commands(49)) == []
    assert len(await journal.read(lambda tx: tx.expired_commands(50))) == 1
    assert await journal.read(lambda tx: tx.commanded_since(0)) == [KID]
    assert await journal.read(lambda tx: tx.commanded_since(number)) == []
    with pytest.raises(sqlite3.IntegrityError):
        await journal.write(lambda tx: tx.add_command(command))  # the operator's id is taken
    assert journal.failed_groups == 0


def terminal(kid=KID, unit="u", state="enrolled"):
    return Terminal(kid, bytes(64), "d", "s", unit, "v", "c", state, 1, 1)


def test_registry_rules(tmp_path):
    path = tmp_path / "j.sqlite"
    with transaction(path, write=True) as tx:
        tx.enroll(terminal())
    for wrong, word in (
        (terminal(unit="other"), "known already"),
        (terminal(b"another1"), "belongs to terminal"),
    ):
        with pytest.raises(ValueError, match=word), transaction(path, write=True) as tx:
            tx.enroll(wrong)
    with transaction(path, write=True) as tx:
        before = tx.revision()[0]
        tx.set_state(KID, "revoked", 5)
        assert [t.state for t in tx.terminals(before)] == ["revoked"]
        tx.enroll(terminal(b"another1"))
        assert len(tx.terminals()) == 2


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


async def test_two_processes_may_write(journal, tmp_path):
    with transaction(tmp_path / "j.sqlite", write=True) as tx:
        tx.enroll(terminal())
    assert len(await journal.read(lambda tx: tx.terminals())) == 1
    await journal.write(lambda tx: tx.insert_frame(KID, frame(0), 5))


WRITER = """
import asyncio, sys
from pathlib import Path
from gateway.journal.records import NewFrame
from gateway.journal.sqlite import SqliteJournal

async def main():
    journal = SqliteJournal(Path(sys.argv[1]))
    await journal.open()
    async def one(lane):
        seq = int(sys.argv[2])
        while True:
            frame = NewFrame(1, seq, 1, None, b"f")
            await journal.write(lambda tx: tx.insert_frame(b"lane%04d" % lane, frame, 1))
            # One write is one line: what is printed was durable before.
            sys.stdout.write("%d %d\\n" % (lane, seq)); sys.stdout.flush()
            seq += 1
    await asyncio.gather(*(one(lane) for lane in range(8)))

asyncio.run(main())
"""


def test_kill_9_at_random_moments(tmp_path):
    """Whatever was answered is there after the kill; nothing is there twice. Counts are printed."""
    random_moment = random.Random(20)
    path = tmp_path / "j.sqlite"
    answered, start = set(), 0
    kills = int(os.environ.get("PATROLA_KILLS", "12"))
    for _ in range(kills):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(start)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        # Not before it works, then after a random number of answers: a moment that does not depend on the
        # machine.
        for _ in range(random_moment.randrange(1, 400)):
            lane, seq = process.stdout.readline().split()
            answered.add((int(lane), int(seq)))
        process.send_signal(signal.SIGKILL)
        for line in process.stdout.read().splitlines(keepends=True):
            if line.endswith("\n"):
                answered.add(tuple(map(int, line.split())))
        process.stdout.close()
        assert process.wait() == -signal.SIGKILL
        start += 100_000
        database = sqlite3.connect(path)
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = [(int(kid[4:]), seq) for kid, seq in database.execute("SELECT kid, seq FROM frames")]
        database.close()
        assert len(rows) == len(set(rows))
        assert answered <= set(rows), "an answered frame is lost"
    print(f"{kills} kills, {len(answered)} answered, {len(rows)} stored, 0 lost, 0 doubled")
