"""The operations of the journal in SQLite's words. One connection, inside a transaction that the caller opened."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from gateway.journal.base import (
    ACCEPTED,
    ACKNOWLEDGED,
    CLEARED,
    REVOKED,
    SHOWN,
    Command,
    NewFrame,
    Notice,
    Panic,
    Replay,
    Row,
    Terminal,
    Transaction,
)

_ROW = "id, kid, boot, seq, kind, panic, stored_ms, relayed_ms, frame"
_TERMINAL = "kid, public_key, directorate, station, unit, vehicle, call_sign, state, secret, salt, enrolled_ms, changed_ms"
_PANIC = "kid, panic, drill, state, frame_id, opened_ms, accepted_ms, acknowledged_ms, shown_ms, cleared_ms, operator"
_COMMAND = (
    "id, kid, kind, body, issued_ms, expires_ms, state, reason, origin, name, operator, panic, stage, "
    "reply_topic, correlation"
)
_STAGES = {ACCEPTED: "accepted_ms", ACKNOWLEDGED: "acknowledged_ms", SHOWN: "shown_ms", CLEARED: "cleared_ms"}
_OPEN = "state IN ('queued', 'delivered')"


class SqliteTransaction(Transaction):
    """See `base.Transaction`; all values travel as bound parameters."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._run = connection.execute
        self._many = connection.executemany

    def insert_frame(self, kid: bytes, frame: NewFrame, now_ms: int) -> tuple[int, bool]:
        panic = None if frame.panic is None else frame.panic[0]
        row = self._run(
            "INSERT INTO frames (kid, boot, seq, kind, panic, stored_ms, frame) VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (kid, boot, seq) DO NOTHING RETURNING id",
            (kid, frame.boot, frame.seq, frame.kind, panic, now_ms, frame.frame),
        ).fetchone()
        if row is not None:
            return row[0], False
        name = (kid, frame.boot, frame.seq)
        known = self._run("SELECT frame FROM frames WHERE kid = ? AND boot = ? AND seq = ?", name).fetchone()
        if known is not None and known[0] == frame.frame:
            return 0, False
        # A name is for ever, but a verified frame is never thrown away: it may be an alarm.
        done = self._run(
            "INSERT INTO conflicts (kid, boot, seq, stored_ms, frame) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (*name, now_ms, frame.frame),
        )
        return 0, done.rowcount > 0

    def frames(
        self,
        after: int,
        limit: int,
        kid: bytes | None = None,
        unrelayed: bool = False,
        kind: int | None = None,
    ) -> list[Row]:
        where, values = ["id > ?"], [after]  # type: tuple[list[str], list[Any]]
        if kid is not None:
            where.append("kid = ?")
            values.append(kid)
        if unrelayed:
            where.append("relayed_ms IS NULL")
        if kind is not None:
            where.append("kind = ?")
            values.append(kind)
        rows = self._run(
            f"SELECT {_ROW} FROM frames WHERE {' AND '.join(where)} ORDER BY id LIMIT ?",  # noqa: S608 - no value
            (*values, limit),
        )
        return [Row(*row) for row in rows]

    def first_unrelayed(self) -> int | None:
        row = self._run(
            "SELECT min(id) FROM frames INDEXED BY frames_unrelayed WHERE relayed_ms IS NULL"
        ).fetchone()
        value: int | None = row[0]
        return value

    def mark_relayed(self, ids: Sequence[int], now_ms: int) -> None:
        self._many(
            "UPDATE frames SET relayed_ms = ? WHERE id = ? AND relayed_ms IS NULL",
            [(now_ms, number) for number in ids],
        )

    def count(self) -> dict[str, int]:
        queries = {
            "frames": "SELECT count(*) FROM frames",
            "unrelayed": "SELECT count(*) FROM frames WHERE relayed_ms IS NULL",
            "conflicts": "SELECT count(*) FROM conflicts",
            "panics_unacknowledged": "SELECT count(*) FROM panics WHERE acknowledged_ms IS NULL AND cleared_ms IS NULL",
            "commands_waiting": f"SELECT count(*) FROM commands WHERE {_OPEN}",
            "notices_waiting": "SELECT count(*) FROM notices",
            "terminals": "SELECT count(*) FROM terminals",
        }
        return {name: self._run(query).fetchone()[0] for name, query in queries.items()}

    def replay(self, kid: bytes) -> Replay:
        row = self._run("SELECT highest, bitmap, sequence FROM replay WHERE kid = ?", (kid,)).fetchone()
        # SQLite's integers are signed: the 64 bits of the window are kept as they stand.
        return Replay(-1, 0, 0) if row is None else Replay(row[0], row[1] & (1 << 64) - 1, row[2])

    def save_replay(self, kid: bytes, highest: int, bitmap: int) -> None:
        signed = bitmap - (1 << 64) if bitmap >> 63 else bitmap
        self._run(
            "INSERT INTO replay (kid, highest, bitmap) VALUES (?, ?, ?) ON CONFLICT (kid) DO UPDATE SET "
            "bitmap = CASE WHEN excluded.highest = highest THEN bitmap | excluded.bitmap ELSE excluded.bitmap END, "
            "highest = excluded.highest WHERE excluded.highest >= highest",
            (kid, highest, signed),
        )

    def reserve(self, kid: bytes, upto: int) -> None:
        self._run(
            "INSERT INTO replay (kid, sequence) VALUES (?, ?) "
            "ON CONFLICT (kid) DO UPDATE SET sequence = max(sequence, excluded.sequence)",
            (kid, upto),
        )

    def _next_revision(self) -> int:
        row = self._run(
            "UPDATE meta SET value = value + 1 WHERE name = 'registry' RETURNING value"
        ).fetchone()
        value: int = row[0]
        return value

    def enroll(self, terminal: Terminal) -> None:
        t = terminal
        known = self._run("SELECT kid, state FROM terminals WHERE sender_id = ?", (t.sender_id,)).fetchone()
        if known is not None and known[0] != t.kid:
            raise ValueError(
                f"another terminal, {known[0].hex()}, has the same first 7 bytes: make a new key pair"
            )
        if known is not None:
            raise ValueError(f"terminal {t.kid.hex()} is known already and is {known[1]}")
        place = (t.directorate, t.station, t.unit)
        taken = self._run(
            "SELECT kid FROM terminals WHERE directorate = ? AND station = ? AND unit = ? AND state <> ?",
            (*place, REVOKED),
        ).fetchone()
        if taken is not None:
            raise ValueError(
                f"unit {'/'.join(place)} belongs to terminal {taken[0].hex()}: revoke that one first"
            )
        self._run(
            f"INSERT INTO terminals ({_TERMINAL}, sender_id, revision) VALUES ({', '.join('?' * 14)})",  # noqa: S608
            (
                *(t.kid, t.public_key, *place, t.vehicle, t.call_sign, t.state, t.secret, t.salt),
                *(t.enrolled_ms, t.changed_ms, t.sender_id, self._next_revision()),
            ),
        )

    def set_state(self, kid: bytes, state: str, now_ms: int) -> Terminal | None:
        self._run(
            "UPDATE terminals SET state = ?, changed_ms = ?, revision = ? WHERE kid = ?",
            (state, now_ms, self._next_revision(), kid),
        )
        row = self._run(f"SELECT {_TERMINAL} FROM terminals WHERE kid = ?", (kid,)).fetchone()  # noqa: S608
        return None if row is None else Terminal(*row)

    def revision(self) -> tuple[int, int]:
        row = self._run(
            "SELECT (SELECT value FROM meta WHERE name = 'registry'), "
            "coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'commands'), 0)"
        ).fetchone()
        return row[0], row[1]

    def terminals(self, since: int = 0) -> list[Terminal]:
        rows = self._run(
            f"SELECT {_TERMINAL} FROM terminals WHERE revision > ? ORDER BY revision",  # noqa: S608
            (since,),
        )
        return [Terminal(*row) for row in rows]

    def open_panic(self, kid: bytes, panic: int, drill: bool, state: int, frame_id: int, now_ms: int) -> bool:
        done = self._run(
            "INSERT INTO panics (kid, panic, drill, state, frame_id, opened_ms) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            (kid, panic, drill, state, frame_id, now_ms),
        )
        return done.rowcount > 0

    def reopen_panic(
        self, kid: bytes, panic: int, drill: bool, state: int, frame_id: int, now_ms: int
    ) -> None:
        self._run("DELETE FROM panics WHERE kid = ? AND panic = ?", (kid, panic))
        self.open_panic(kid, panic, drill, state, frame_id, now_ms)

    def set_panic_state(self, kid: bytes, panic: int, state: int) -> None:
        self._run("UPDATE panics SET state = ? WHERE kid = ? AND panic = ?", (state, kid, panic))

    def reach(self, kid: bytes, panic: int, stage: int, now_ms: int, operator: str = "") -> bool:
        column = _STAGES[stage]
        done = self._run(
            f"UPDATE panics SET {column} = ?, operator = CASE WHEN ? = '' THEN operator ELSE ? END "  # noqa: S608
            f"WHERE kid = ? AND panic = ? AND {column} IS NULL",
            (now_ms, operator, operator, kid, panic),
        )
        return done.rowcount > 0

    def panic(self, kid: bytes, panic: int) -> Panic | None:
        row = self._run(f"SELECT {_PANIC} FROM panics WHERE kid = ? AND panic = ?", (kid, panic)).fetchone()  # noqa: S608
        return None if row is None else _panic(row)

    def unacknowledged(self) -> list[Panic]:
        rows = self._run(
            f"SELECT {_PANIC} FROM panics WHERE acknowledged_ms IS NULL AND cleared_ms IS NULL "  # noqa: S608
            "ORDER BY opened_ms, kid, panic"
        )
        return [_panic(row) for row in rows]

    def add_command(self, command: Command) -> int:
        c = command
        row = self._run(
            "INSERT INTO commands (kid, kind, body, issued_ms, expires_ms, state, reason, origin, name, operator, "
            "panic, stage, reply_topic, correlation) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (
                *(
                    c.kid,
                    c.kind,
                    c.body,
                    c.issued_ms,
                    c.expires_ms,
                    c.state,
                    c.reason,
                    c.origin,
                    c.name,
                    c.operator,
                ),
                *(c.panic, c.stage, c.reply_topic, c.correlation),
            ),
        ).fetchone()
        value: int = row[0]
        return value

    def command(self, kid: bytes, number: int) -> Command | None:
        row = self._run(f"SELECT {_COMMAND} FROM commands WHERE id = ? AND kid = ?", (number, kid)).fetchone()  # noqa: S608
        return None if row is None else Command(*row)

    def command_by_origin(self, kid: bytes, origin: str) -> Command | None:
        row = self._run(
            f"SELECT {_COMMAND} FROM commands WHERE kid = ? AND origin = ?", (kid, origin)
        ).fetchone()  # noqa: S608
        return None if row is None else Command(*row)

    def open_commands(self, kid: bytes) -> list[Command]:
        rows = self._run(f"SELECT {_COMMAND} FROM commands WHERE kid = ? AND {_OPEN} ORDER BY id", (kid,))  # noqa: S608
        return [Command(*row) for row in rows]

    def set_command(self, number: int, state: str, reason: str = "") -> None:
        self._run("UPDATE commands SET state = ?, reason = ? WHERE id = ?", (state, reason, number))

    def expired_commands(self, now_ms: int) -> list[Command]:
        rows = self._run(
            f"SELECT {_COMMAND} FROM commands WHERE expires_ms IS NOT NULL AND expires_ms <= ? AND {_OPEN} "  # noqa: S608
            "ORDER BY id LIMIT 500",
            (now_ms,),
        )
        return [Command(*row) for row in rows]

    def commanded_since(self, revision: int) -> list[bytes]:
        return [row[0] for row in self._run("SELECT DISTINCT kid FROM commands WHERE id > ?", (revision,))]

    def add_notice(
        self, kid: bytes, topic: str, payload: bytes, correlation: bytes | None, now_ms: int
    ) -> int:
        row = self._run(
            "INSERT INTO notices (kid, topic, payload, correlation, created_ms) VALUES (?, ?, ?, ?, ?) RETURNING id",
            (kid, topic, payload, correlation, now_ms),
        ).fetchone()
        value: int = row[0]
        return value

    def notices(self, after: int, limit: int) -> list[Notice]:
        rows = self._run(
            "SELECT id, kid, topic, payload, correlation FROM notices WHERE id > ? ORDER BY id LIMIT ?",
            (after, limit),
        )
        return [Notice(*row) for row in rows]

    def drop_notices(self, ids: Iterable[int]) -> None:
        self._many("DELETE FROM notices WHERE id = ?", [(number,) for number in ids])


def _panic(row: Sequence[Any]) -> Panic:
    return Panic(row[0], row[1], bool(row[2]), *row[3:])
