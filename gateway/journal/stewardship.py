"""Tables of those who run the service: which cars are silent, who may give orders, who gave which.

The statements are SQLite's and PostgreSQL's alike.
"""

from typing import Any

from gateway.journal.dispatch import OPEN, WAITING
from gateway.journal.offices import AuditRow, Neighbours, Operator, Presence, Steward

STEP = """
    -- A row for each terminal that ever said what its officers do, or raised an alarm. (boot, seq) is the
    -- report that spoke last of it.
    CREATE TABLE presence (
        kid BLOB PRIMARY KEY,
        boot INTEGER NOT NULL, seq INTEGER NOT NULL, status INTEGER NOT NULL,
        heard_ms INTEGER NOT NULL, every_s INTEGER NOT NULL DEFAULT 0, lost_ms INTEGER
    ) WITHOUT ROWID;
    CREATE INDEX presence_lost ON presence (lost_ms) WHERE lost_ms IS NOT NULL;
    CREATE INDEX presence_heard ON presence (heard_ms) WHERE lost_ms IS NULL;

    CREATE TABLE operators (
        name TEXT PRIMARY KEY, areas TEXT NOT NULL, public_key BLOB,
        state TEXT NOT NULL CHECK (state IN ('active', 'revoked')),
        added_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL
    ) WITHOUT ROWID;

    -- Directorates that see each other's alarms, and perhaps positions; `one` comes before `other`.
    CREATE TABLE neighbours (
        one TEXT NOT NULL, other TEXT NOT NULL, positions INTEGER NOT NULL,
        PRIMARY KEY (one, other), CHECK (one < other)
    ) WITHOUT ROWID;

    CREATE TABLE audit (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at_ms INTEGER NOT NULL, actor TEXT NOT NULL, proof TEXT NOT NULL,
        action TEXT NOT NULL, target TEXT NOT NULL, result TEXT NOT NULL, reason TEXT NOT NULL,
        details TEXT NOT NULL
    );
"""

# Who installs terminals gives no orders, and the other way round.
ROLES_STEP = """
    ALTER TABLE operators ADD COLUMN role TEXT NOT NULL DEFAULT 'operator'
        CHECK (role IN ('operator', 'technician'));
"""

_PRESENCE = "kid, boot, seq, status, heard_ms, every_s, lost_ms"
_OPERATOR = "name, areas, public_key, state, added_ms, changed_ms, role"
_AUDIT = "id, at_ms, actor, proof, action, target, result, reason, details"
# Status 5 is off duty, 0 was never said; a car with an open alarm is on duty whatever it said.
ON_DUTY = (
    "((status > 0 AND status <> 5) OR EXISTS (SELECT 1 FROM panics "
    "WHERE panics.kid = presence.kid AND cleared_ms IS NULL AND state <> 2))"
)
_IF_NEWER = (
    "ON CONFLICT (kid) DO UPDATE SET boot = excluded.boot, seq = excluded.seq, status = excluded.status "
    "WHERE (excluded.boot, excluded.seq) > (presence.boot, presence.seq)"
)
_MAY_SPEAK = (
    "EXISTS (SELECT 1 FROM terminals WHERE terminals.kid = presence.kid AND terminals.state <> 'revoked')"
)


class Stewardship(Steward):
    """`_run(statement, values)` is the dialect's."""

    _run: Any
    _together: Any
    _now_ms: Any

    # --- silent cars

    def note_duty(self, kid: bytes, boot: int, seq: int, status: int | None, now_ms: int) -> None:
        conflict = "ON CONFLICT DO NOTHING" if status is None else _IF_NEWER
        self._run(
            f"INSERT INTO presence (kid, boot, seq, status, heard_ms) VALUES (?, ?, ?, ?, ?) {conflict}",  # noqa: S608
            (kid, boot, seq, status or 0, now_ms),
        )

    def note_heard(self, heard: list[tuple[bytes, int, int]], now_ms: int) -> None:
        # What lies in the future was written by a clock that was wrong.
        self._together(
            "UPDATE presence SET every_s = column1, heard_ms = "
            "CASE WHEN heard_ms > column2 AND heard_ms <= column3 THEN heard_ms ELSE column2 END "
            "FROM (VALUES {}) AS new WHERE kid = column4",
            [(every_s, ms, now_ms, kid) for kid, ms, every_s in heard],
        )

    def presence(self, kid: bytes) -> Presence | None:
        row = self._run(f"SELECT {_PRESENCE} FROM presence WHERE kid = ?", (kid,)).fetchone()  # noqa: S608
        return None if row is None else Presence(*row)

    def presences(self) -> list[Presence]:
        return [Presence(*row) for row in self._run(f"SELECT {_PRESENCE} FROM presence ORDER BY kid")]  # noqa: S608

    def silent_since(self, before_ms: int, future_ms: int) -> list[Presence]:
        rows = self._run(
            f"SELECT {_PRESENCE} FROM presence WHERE lost_ms IS NULL AND (heard_ms <= ? OR heard_ms > ?) "  # noqa: S608
            f"AND {ON_DUTY} AND {_MAY_SPEAK} ORDER BY heard_ms LIMIT 500",
            (before_ms, future_ms),
        )
        return [Presence(*row) for row in rows]

    def lost(self) -> list[Presence]:
        rows = self._run(f"SELECT {_PRESENCE} FROM presence WHERE lost_ms IS NOT NULL ORDER BY kid")  # noqa: S608
        return [Presence(*row) for row in rows]

    def newest_frames(self, kid: bytes, limit: int) -> list[bytes]:
        rows = self._run(
            "SELECT frame FROM frames WHERE kid = ? ORDER BY boot DESC, seq DESC LIMIT ?", (kid, limit)
        )
        return [bytes(row[0]) for row in rows]

    def set_lost(self, kid: bytes, heard_ms: int, lost_ms: int) -> bool:
        done = self._run(
            "UPDATE presence SET lost_ms = ? "  # noqa: S608
            f"WHERE kid = ? AND heard_ms <= ? AND lost_ms IS NULL AND {ON_DUTY}",
            (lost_ms, kid, heard_ms),
        )
        return bool(done.rowcount > 0)

    def set_found(self, kid: bytes, lost_ms: int) -> bool:
        done = self._run("UPDATE presence SET lost_ms = NULL WHERE kid = ? AND lost_ms = ?", (kid, lost_ms))
        return bool(done.rowcount > 0)

    # --- who may give orders

    def put_operator(self, operator: Operator) -> None:
        o = operator
        self._run(
            f"INSERT INTO operators ({_OPERATOR}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE "  # noqa: S608
            "SET areas = excluded.areas, public_key = excluded.public_key, state = excluded.state, "
            "changed_ms = excluded.changed_ms, role = excluded.role",
            (o.name, ",".join(o.areas), o.public_key, o.state, o.added_ms, o.changed_ms, o.role),
        )

    def operator(self, name: str) -> Operator | None:
        row = self._run(f"SELECT {_OPERATOR} FROM operators WHERE name = ?", (name,)).fetchone()  # noqa: S608
        return None if row is None else _operator(row)

    def operators(self) -> list[Operator]:
        return [_operator(row) for row in self._run(f"SELECT {_OPERATOR} FROM operators ORDER BY name")]  # noqa: S608

    def put_neighbours(self, one: str, other: str, positions: bool) -> None:
        first, second = sorted((one, other))
        self._run(
            "INSERT INTO neighbours (one, other, positions) VALUES (?, ?, ?) "
            "ON CONFLICT (one, other) DO UPDATE SET positions = excluded.positions",
            (first, second, int(positions)),
        )

    def drop_neighbours(self, one: str, other: str) -> bool:
        first, second = sorted((one, other))
        done = self._run("DELETE FROM neighbours WHERE one = ? AND other = ?", (first, second))
        return bool(done.rowcount > 0)

    def neighbours(self) -> list[Neighbours]:
        rows = self._run("SELECT one, other, positions FROM neighbours ORDER BY one, other")
        return [Neighbours(one, other, bool(positions)) for one, other, positions in rows]

    # --- who did what

    def add_audit(self, row: AuditRow) -> None:
        self._run(
            "INSERT INTO audit (at_ms, actor, proof, action, target, result, reason, details) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (row.at_ms, row.actor, row.proof, row.action, row.target, row.result, row.reason, row.details),
        )

    def audit(self, after: int, limit: int, actor: str | None, target: str | None) -> list[AuditRow]:
        where, values = ["id > ?"], [after]
        more: list[Any] = []
        if actor is not None:
            where.append("actor = ?")
            more.append(actor)
        if target is not None:
            where.append("(target = ? OR target LIKE ?)")
            more += [target, target + "/%"]
        rows = self._run(
            f"SELECT {_AUDIT} FROM audit WHERE {' AND '.join(where)} ORDER BY id LIMIT ?",  # noqa: S608
            (*values, *more, limit),
        )
        return [AuditRow(*row) for row in rows]

    def prune_audit(self, before_ms: int, limit: int) -> int:
        # In the order of their ids: one of a clock that was wrong stays until those before it have gone.
        rows = self._run("SELECT id, at_ms FROM audit ORDER BY id LIMIT ?", (limit,)).fetchall()
        old = next((place for place, row in enumerate(rows) if row[1] >= before_ms), len(rows))
        if old:
            self._run("DELETE FROM audit WHERE id <= ?", (rows[old - 1][0],))
        return old

    # --- keys at rest

    def set_secret(self, oscore_id: bytes, generation: int, secret: bytes) -> None:
        self._run(
            "UPDATE contexts SET secret = ? WHERE oscore_id = ? AND generation = ?",
            (secret, oscore_id, generation),
        )

    def drop_contexts(self) -> int:
        number = self._run("SELECT count(*) FROM contexts").fetchone()[0]
        self._run("DELETE FROM contexts")
        return int(number)

    # --- how much waits

    def living(self) -> int:
        row = self._run("SELECT count(*) FROM nodes WHERE until_ms > ?", (self._now_ms(),)).fetchone()
        return int(row[0])

    def mark_alive(self, now_ms: int) -> None:
        self._run(
            "INSERT INTO meta (name, value) VALUES ('alive', ?) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (now_ms,),
        )

    def depths(self) -> dict[str, int]:
        queries = {
            "unrelayed": "SELECT count(*) FROM frames WHERE relayed_ms IS NULL",
            "conflicts": "SELECT count(*) FROM conflicts",
            "position": "SELECT coalesce(max(id), 0) FROM frames",
            "panics_unacknowledged": f"SELECT count(*) FROM panics WHERE {WAITING}",  # noqa: S608
            "commands_waiting": f"SELECT count(*) FROM commands WHERE {OPEN}",  # noqa: S608
            "notices_waiting": "SELECT count(*) FROM notices",
            "on_duty": f"SELECT count(*) FROM presence WHERE {ON_DUTY}",  # noqa: S608
            "lost": "SELECT count(*) FROM presence WHERE lost_ms IS NOT NULL",
        }
        found = {name: int(self._run(query).fetchone()[0]) for name, query in queries.items()}
        for state, number in self._run("SELECT state, count(*) FROM terminals GROUP BY state").fetchall():
            found[f"terminals_{state}"] = int(number)
        return found


def _operator(row: Any) -> Operator:
    name, areas, public_key, state, added_ms, changed_ms, role = row
    return Operator(name, tuple(areas.split(",")), public_key, state, added_ms, changed_ms, role)
