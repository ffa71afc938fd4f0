"""The disk fails: terminals are told to come back, nothing counts as stored, and the same bytes work
afterwards."""

import asyncio

from gateway.journal.sqlite import connect
from protocol import cbor, coap, oscore
from tests.gateway.bench import UNIT, Bench


def break_disk(bench):
    """No page can be added from now on, as on a full disk; real SQLite errors. Returns the mending."""
    journal = bench.app.journal
    path = journal._path

    def limit():
        pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
        journal._connection.execute(f"PRAGMA max_page_count = {pages}")

    # After an error the journal opens the file anew; keep it broken by making that fail too.
    original = journal._attempt

    def attempt(group):
        import sqlite3

        raise sqlite3.OperationalError("database or disk is full")

    limit()
    journal._attempt = attempt
    assert path.exists()
    return lambda: setattr(journal, "_attempt", original)


async def test_5_03_then_the_same_bytes_are_stored(bench):
    client = await bench.terminal()
    t = client.terminal
    assert (await client.post(t.frame())).code == coap.CHANGED
    mend = break_disk(bench)
    protected = t.post(t.panic())
    first = await client.exchange(protected)
    assert coap.code_text(first.code) == "5.03"
    assert first.uint(coap.MAX_AGE) == 5
    assert (await bench.count())["frames"] == 1
    assert not bench.events("panic.open")
    second = await client.exchange(protected)
    assert coap.code_text(second.code) == "5.03"
    mend()
    third = await client.exchange(protected)
    assert coap.code_text(third.code) == "2.04"
    assert cbor.decode(third.payload)[1] == 3
    assert (await bench.count())["frames"] == 2
    assert len(bench.events("panic.open")) == 1
    fourth = await client.exchange(protected)
    assert fourth.code == coap.CHANGED


async def test_an_outage_is_told_once_and_so_is_its_end(bench):
    """Each car asks again all the time: their number is in the metrics, and in a line a minute."""
    client = await bench.terminal()
    await client.post(client.terminal.frame())
    mend = break_disk(bench)
    protected = client.terminal.post(client.terminal.frame())
    for _ in range(20):
        assert coap.code_text((await client.exchange(protected)).code) == "5.03"
    assert bench.app.health.failures >= 20
    rows = [row for row in bench.events() if row["level"] == "error"]
    assert len({row["event"] for row in rows}) == len(rows), rows
    assert "database or disk is full" in bench.events("journal.failed")[0]["error"]
    assert not bench.events("journal.well")
    # A commit of nothing proves nothing.
    await bench.app.health.alive()
    assert not bench.events("journal.well")
    mend()
    assert (await client.exchange(protected)).code == coap.CHANGED
    (well,) = bench.events("journal.well")
    assert well["failures"] == bench.app.health.failures
    assert await bench.app.health.ready() == ""


async def test_no_nonce_is_spent_twice(bench):
    """Three different answers to one request: each under its own nonce, as seen on the air."""
    client = await bench.terminal()
    t = client.terminal
    await client.post(t.frame())
    mend = break_disk(bench)
    data, outer, binding = t.post(t.frame())
    pivs = []
    for n in range(4):
        if n == 3:
            mend()
        client.socket.send(data)
        answer = coap.decode(await client.socket.get())
        _, _, piv = oscore.peek(answer)
        pivs.append(piv)
    assert pivs[3] is None  # the request's own nonce, only for what is durable
    assert None not in pivs[:3]
    assert len(set(pivs)) == 4


async def test_a_first_contact_without_a_disk_gets_an_unprotected_hint(bench):
    client = await bench.terminal()
    mend = break_disk(bench)
    protected = client.terminal.post(client.terminal.frame())
    answer = await client.exchange(protected)
    assert coap.code_text(answer.code) == "5.03"
    assert answer.option(coap.OSCORE) is None
    assert len(answer.encode()) <= len(protected[0])
    mend()
    assert (await client.exchange(protected)).code == coap.CHANGED


async def test_an_overloaded_journal_answers_5_03_and_recovers(tmp_path):
    bench = await Bench(tmp_path).also(journal={"queue_limit": 2, "busy_timeout_ms": 20000}).start()
    clients = [await bench.terminal(f"vr-{n}") for n in range(6)]
    for client in clients:
        await client.post(client.terminal.frame())
    blocker = connect(tmp_path / "patrola.sqlite")
    blocker.execute("BEGIN IMMEDIATE")
    asking = [asyncio.create_task(c.post(c.terminal.frame())) for c in clients]
    await bench.until(lambda: sum(task.done() for task in asking) >= 2)
    assert {coap.code_text(t.result().code) for t in asking if t.done()} == {"5.03"}
    blocker.execute("ROLLBACK")
    codes = [r.code for r in await asyncio.gather(*asking)]
    assert coap.CHANGED in codes
    stored = (await bench.count())["frames"]
    assert stored == 6 + codes.count(coap.CHANGED)
    await bench.stop()


async def test_a_journal_that_is_gone_is_not_begun_anew(bench):
    """A file system that vanished: 5.03, and no empty file in its place, in which every Partial IV would
    be new again."""
    client = await bench.terminal()
    t = client.terminal
    await client.post(t.frame())
    journal = bench.app.journal
    path = journal._path
    path.rename(path.with_suffix(".away"))
    journal._connection.close()
    journal._connection = None  # as after an I/O error
    protected = t.post(t.frame())
    assert coap.code_text((await client.exchange(protected)).code) == "5.03"
    assert not path.exists()
    path.with_suffix(".away").rename(path)
    assert (await client.exchange(protected)).code == coap.CHANGED


async def test_an_operators_request_is_stored_as_soon_as_the_disk_is_back(relayed):
    """The broker would bring it again only with the next connection, which may be days away."""
    bench, consumer = relayed
    client = await bench.terminal()
    await client.post(client.terminal.frame())
    mend = break_disk(bench)
    consumer.publish(f"{UNIT}/command", {"id": "a", "command": "message", "text": "x"})
    await bench.until(lambda: bench.events("command.unstored"))
    mend()
    await bench.until(lambda: consumer.json("/command/result"))
    assert [r["result"] for r in consumer.json("/command/result")] == ["queued"]
