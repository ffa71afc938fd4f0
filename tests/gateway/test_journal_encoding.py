"""Which encodings of a PostgreSQL database serve."""

import psycopg
import pytest

from gateway.journal import postgres
from gateway.journal.postgres_schema import SchemaError
from tests.gateway.test_journal import terminal


def made(server, encoding):
    """The URL of a database in this encoding."""
    url = server.url()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {encoding} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    return url.replace("/postgres?", f"/{encoding}?")


def test_a_database_that_keeps_any_bytes_gives_text(postgres_server):
    """What `initdb` makes under LANG=C gave bytes, and was refused as one whose "fsync is off"."""
    url = made(postgres_server, "sql_ascii")
    with postgres.transaction(url, write=True) as tx:
        tx.enroll(terminal(unit="Чачак"))
        assert tx.terminals()[0].unit == "Чачак"


def test_a_database_with_no_room_for_every_name_is_refused(postgres_server):
    """An order in other letters was never stored there, refused or confirmed."""
    with pytest.raises(SchemaError, match="encoding is LATIN2.*UTF8"):
        postgres.connect(made(postgres_server, "latin2"))
