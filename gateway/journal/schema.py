"""Tables of the SQLite journal, and the steps from one version of them to the next."""

import sqlite3

from gateway.journal import retention, stewardship, updates

# Each element takes the file from version i to i + 1 (PRAGMA user_version). Never change one that was
# released. From the fourth on they are PostgreSQL's too, in its words (see `postgres_schema`); one that
# cannot be said alike is a pair, for SQLite and for PostgreSQL.
Step = str | tuple[str, str]
STEPS: tuple[Step, ...] = (
    """
    CREATE TABLE terminals (
        kid BLOB PRIMARY KEY CHECK (length(kid) = 8),
        sender_id BLOB NOT NULL UNIQUE,
        public_key BLOB NOT NULL CHECK (length(public_key) = 64),
        directorate TEXT NOT NULL, station TEXT NOT NULL, unit TEXT NOT NULL,
        vehicle TEXT NOT NULL, call_sign TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('enrolled', 'suspended', 'revoked')),
        secret BLOB NOT NULL, salt BLOB NOT NULL,
        enrolled_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL,
        revision INTEGER NOT NULL
    ) WITHOUT ROWID;
    -- One topic tree belongs to one terminal; a revoked one leaves its place to the next.
    CREATE UNIQUE INDEX terminals_unit ON terminals (directorate, station, unit) WHERE state <> 'revoked';
    CREATE INDEX terminals_revision ON terminals (revision);

    CREATE TABLE replay (
        kid BLOB PRIMARY KEY,
        highest INTEGER NOT NULL DEFAULT -1,
        bitmap INTEGER NOT NULL DEFAULT 0,
        sequence INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID;

    CREATE TABLE frames (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kid BLOB NOT NULL, boot INTEGER NOT NULL, seq INTEGER NOT NULL,
        kind INTEGER NOT NULL, panic INTEGER,
        stored_ms INTEGER NOT NULL, relayed_ms INTEGER,
        frame BLOB NOT NULL,
        UNIQUE (kid, boot, seq)
    );
    CREATE INDEX frames_unrelayed ON frames (kid) WHERE relayed_ms IS NULL;

    -- Frames whose name another frame had already: a terminal that lost its counters.
    CREATE TABLE conflicts (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kid BLOB NOT NULL, boot INTEGER NOT NULL, seq INTEGER NOT NULL,
        stored_ms INTEGER NOT NULL,
        frame BLOB NOT NULL,
        UNIQUE (kid, boot, seq, frame)
    );

    CREATE TABLE panics (
        kid BLOB NOT NULL, panic INTEGER NOT NULL,
        drill INTEGER NOT NULL, state INTEGER NOT NULL, frame_id INTEGER NOT NULL,
        opened_ms INTEGER NOT NULL, accepted_ms INTEGER, acknowledged_ms INTEGER,
        shown_ms INTEGER, cleared_ms INTEGER,
        operator TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (kid, panic)
    ) WITHOUT ROWID;
    CREATE INDEX panics_open ON panics (opened_ms) WHERE acknowledged_ms IS NULL AND cleared_ms IS NULL;

    CREATE TABLE commands (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kid BLOB NOT NULL, kind INTEGER NOT NULL, body BLOB NOT NULL,
        issued_ms INTEGER NOT NULL, expires_ms INTEGER,
        state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '',
        origin TEXT, name TEXT NOT NULL, operator TEXT NOT NULL,
        panic INTEGER, stage INTEGER,
        reply_topic TEXT, correlation BLOB
    );
    CREATE UNIQUE INDEX commands_origin ON commands (kid, origin) WHERE origin IS NOT NULL;
    CREATE INDEX commands_open ON commands (kid) WHERE state IN ('queued', 'delivered');
    CREATE INDEX commands_expiry ON commands (expires_ms)
        WHERE expires_ms IS NOT NULL AND state IN ('queued', 'delivered');

    CREATE TABLE notices (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kid BLOB NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL, correlation BLOB,
        created_ms INTEGER NOT NULL
    );

    CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    INSERT INTO meta VALUES ('registry', 0);
    """,
    # Link keys come from EDHOC: a terminal may have several contexts. Those set at provisioning go on serving
    # as the first generation, under the Sender ID they had: the first 7 bytes of the terminal's id.
    """
    CREATE TABLE contexts (
        oscore_id BLOB PRIMARY KEY,
        kid BLOB NOT NULL,
        gateway_id BLOB NOT NULL,
        secret BLOB NOT NULL, salt BLOB NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('next', 'current', 'retiring')),
        generation INTEGER NOT NULL,
        made_ms INTEGER NOT NULL, used_ms INTEGER, retire_ms INTEGER,
        highest INTEGER NOT NULL DEFAULT -1,
        bitmap INTEGER NOT NULL DEFAULT 0,
        sequence INTEGER NOT NULL DEFAULT 0,
        CHECK ((state = 'retiring') = (retire_ms IS NOT NULL)),
        UNIQUE (kid, generation)
    ) WITHOUT ROWID;
    -- One of each: what a terminal can have at most.
    CREATE UNIQUE INDEX contexts_state ON contexts (kid, state);
    CREATE INDEX contexts_retiring ON contexts (retire_ms) WHERE retire_ms IS NOT NULL;

    INSERT INTO contexts
        SELECT sender_id, kid, x'01',
            CASE state WHEN 'revoked' THEN x'' ELSE secret END,
            CASE state WHEN 'revoked' THEN x'' ELSE salt END,
            'current', 1, enrolled_ms, enrolled_ms, NULL,
            coalesce(highest, -1), coalesce(bitmap, 0), coalesce(sequence, 0)
        FROM terminals LEFT JOIN replay USING (kid);
    DROP TABLE replay;

    CREATE TABLE registry (
        kid BLOB PRIMARY KEY CHECK (length(kid) = 8),
        public_key BLOB NOT NULL CHECK (length(public_key) = 64),
        directorate TEXT NOT NULL, station TEXT NOT NULL, unit TEXT NOT NULL,
        vehicle TEXT NOT NULL, call_sign TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('enrolled', 'suspended', 'revoked')),
        enrolled_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL,
        revision INTEGER NOT NULL
    ) WITHOUT ROWID;
    INSERT INTO registry SELECT kid, public_key, directorate, station, unit, vehicle, call_sign, state,
        enrolled_ms, changed_ms, revision FROM terminals;
    DROP TABLE terminals;
    ALTER TABLE registry RENAME TO terminals;
    CREATE UNIQUE INDEX terminals_unit ON terminals (directorate, station, unit) WHERE state <> 'revoked';
    CREATE INDEX terminals_revision ON terminals (revision);

    -- The public key that terminals were given: a gateway that has lost its own must not pass for this one.
    CREATE TABLE gateway_key (one INTEGER PRIMARY KEY CHECK (one = 1), public_key BLOB NOT NULL);
    """,
    # Several processes share the work: `node` is who relays a row. 0: where nobody shares it.
    """
    CREATE TABLE nodes (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        token INTEGER NOT NULL,
        -- Until when it relays, if it says no more; 0: what it left was taken over. Who has lost the broker
        -- lets it pass.
        until_ms INTEGER NOT NULL,
        -- Grows with each row that another node stored for it.
        handed INTEGER NOT NULL DEFAULT 0
    );
    ALTER TABLE frames ADD COLUMN node INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE notices ADD COLUMN node INTEGER NOT NULL DEFAULT 0;
    DROP INDEX frames_unrelayed;
    CREATE INDEX frames_unrelayed ON frames (kid, node) WHERE relayed_ms IS NULL;
    """,
    stewardship.STEP,
    retention.STEP,
    stewardship.ROLES_STEP,
    updates.STEP,
)


class SchemaError(sqlite3.DatabaseError):
    """The file was written by a newer gateway, or is no journal of ours."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to the newest version, in one transaction; safe when several processes start at once."""
    if connection.execute("PRAGMA user_version").fetchone()[0] == len(STEPS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(STEPS):
            raise SchemaError(
                f"journal has schema version {version}, this gateway knows {len(STEPS)}: install the newer"
            )
        for step in STEPS[version:]:
            for statement in _statements(both(step)[0]):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(STEPS)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def both(step: Step) -> tuple[str, str]:
    """(for SQLite, for PostgreSQL)."""
    return (step, step) if isinstance(step, str) else step


def _statements(script: str) -> list[str]:
    # executescript() would commit by itself.
    out, part = [], ""
    for line in script.splitlines(keepends=True):
        part += line
        if sqlite3.complete_statement(part):
            out.append(part)
            part = ""
    return out
