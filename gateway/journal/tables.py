"""The operations of the journal in SQLite's words. One connection, inside a transaction that the caller
opened."""

from collections.abc import Sequence

from gateway.journal.contexts import Contexts
from gateway.journal.dispatch import OPEN, WAITING
from gateway.journal.records import (
    REVOKED,
    NewFrame,
    Row,
    Terminal,
)

_ROW = "id, kid, boot, seq, kind, panic, stored_ms, relayed_ms, frame"
_TERMINAL = "kid, public_key, directorate, station, unit, vehicle, call_sign, state, enrolled_ms, changed_ms"


class SqliteTransaction(Contexts):
    """See `base.Transaction`; all values travel as bound parameters."""

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
            "INSERT INTO conflicts (kid, boot, seq, stored_ms, frame) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
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
        where = ["id > ?"]
        values: list[int | bytes] = [after]
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
            "panics_unacknowledged": f"SELECT count(*) FROM panics WHERE {WAITING}",  # noqa: S608
            "commands_waiting": f"SELECT count(*) FROM commands WHERE {OPEN}",  # noqa: S608
            "notices_waiting": "SELECT count(*) FROM notices",
            "terminals": "SELECT count(*) FROM terminals",
        }
        return {name: self._run(query).fetchone()[0] for name, query in queries.items()}

    def _next_revision(self) -> int:
        row = self._run(
            "UPDATE meta SET value = value + 1 WHERE name = 'registry' RETURNING value"
        ).fetchone()
        value: int = row[0]
        return value

    def enroll(self, terminal: Terminal) -> None:
        t = terminal
        known = self._run("SELECT state FROM terminals WHERE kid = ?", (t.kid,)).fetchone()
        if known is not None:
            raise ValueError(
                f"terminal {t.kid.hex()} is known already and is {known[0]}. To enroll it anew: revoke it, "
                "and make a new key pair on it"
            )
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
            f"INSERT INTO terminals ({_TERMINAL}, revision) VALUES ({', '.join('?' * 11)})",  # noqa: S608
            (
                *(t.kid, t.public_key, *place, t.vehicle, t.call_sign, t.state),
                *(t.enrolled_ms, t.changed_ms, self._next_revision()),
            ),
        )

    def set_state(self, kid: bytes, state: str, now_ms: int) -> Terminal | None:
        self._run(
            "UPDATE terminals SET state = ?, changed_ms = ?, revision = ? WHERE kid = ?",
            (state, now_ms, self._next_revision(), kid),
        )
        if state == REVOKED:
            self.forget_secrets(kid)
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
