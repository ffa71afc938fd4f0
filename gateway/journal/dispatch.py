"""Alarms, commands and notices in SQL; see `statements`."""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

from gateway.journal.nodes import Nodes
from gateway.journal.records import (
    ACCEPTED,
    ACKNOWLEDGED,
    CLEARED,
    SHOWN,
    Command,
    Notice,
    Panic,
    Row,
)
from gateway.journal.statements import ROW

_PANIC = (
    "kid, panic, drill, state, frame_id, opened_ms, accepted_ms, acknowledged_ms, shown_ms, cleared_ms, "
    "operator"
)
_ID = attrgetter("id")
_WIDTH = len(_PANIC.split(", "))
_COMMAND = (
    "id, kid, kind, body, issued_ms, expires_ms, state, reason, origin, name, operator, panic, stage, "
    "reply_topic, correlation"
)
_STAGES = {ACCEPTED: "accepted_ms", ACKNOWLEDGED: "acknowledged_ms", SHOWN: "shown_ms", CLEARED: "cleared_ms"}
WAITING = "acknowledged_ms IS NULL AND cleared_ms IS NULL"
OPEN = "state IN ('queued', 'delivered')"


class Dispatch(Nodes):
    """Alarms, commands, and what is to be told of them."""

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

    def unacknowledged(self, newest: int) -> list[Panic]:
        place = "row_number() OVER (PARTITION BY kid ORDER BY opened_ms DESC, panic DESC) AS place"
        latest = f"FROM (SELECT *, {place} FROM panics WHERE {WAITING}) AS latest WHERE place <= ?"  # noqa: S608
        rows = self._table(_PANIC, latest, (newest,))
        return sorted(map(_panic, rows), key=_by_age)

    def still_waiting(self, alarms: Sequence[tuple[bytes, int]]) -> list[tuple[Panic, Row | None]]:
        if not alarms:
            return []
        pairs = ", ".join(["(?, ?)"] * len(alarms))
        rows = self._table(
            f"{_of('panics', _PANIC)}, {_of('frames', ROW)}",
            f"FROM (VALUES {pairs}) AS asked CROSS JOIN panics "  # noqa: S608
            "LEFT JOIN frames ON frames.id = panics.frame_id AND frames.kid = panics.kid "
            f"WHERE panics.kid = column1 AND panics.panic = column2 AND {WAITING}",
            [value for alarm in alarms for value in alarm],
        )
        both = [(_panic(row[:_WIDTH]), None if row[_WIDTH] is None else Row(*row[_WIDTH:])) for row in rows]
        return sorted(both, key=lambda pair: _by_age(pair[0]))

    def add_command(self, command: Command) -> int:
        c = command
        self.commanded.add(c.kid)
        row = self._run(
            "INSERT INTO commands (kid, kind, body, issued_ms, expires_ms, state, reason, origin, name, "
            "operator, panic, stage, reply_topic, correlation) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
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
            f"SELECT {_COMMAND} FROM commands WHERE kid = ? AND origin = ?",  # noqa: S608
            (kid, origin),
        ).fetchone()
        return None if row is None else Command(*row)

    def open_commands(self, kid: bytes) -> list[Command]:
        rows = self._table(_COMMAND, f"FROM commands WHERE kid = ? AND {OPEN}", (kid,))  # noqa: S608
        return sorted((Command(*row) for row in rows), key=_ID)

    def set_command(self, number: int, state: str, reason: str = "") -> None:
        self._run("UPDATE commands SET state = ?, reason = ? WHERE id = ?", (state, reason, number))

    def expired_commands(self, now_ms: int) -> list[Command]:
        rows = self._run(
            f"SELECT {_COMMAND} FROM commands WHERE expires_ms IS NOT NULL AND expires_ms <= ? AND {OPEN} "  # noqa: S608
            "ORDER BY id LIMIT 500",
            (now_ms,),
        )
        return [Command(*row) for row in rows]

    def commanded_since(self, revision: int) -> list[bytes]:
        return [row[0] for row in self._run("SELECT DISTINCT kid FROM commands WHERE id > ?", (revision,))]

    def add_notice(
        self, kid: bytes, topic: str, payload: bytes, correlation: bytes | None, now_ms: int
    ) -> int:
        self.noticed = True
        row = self._run(
            "INSERT INTO notices (kid, topic, payload, correlation, created_ms, node) "
            "VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
            (kid, topic, payload, correlation, now_ms, self.node or 0),
        ).fetchone()
        value: int = row[0]
        return value

    def notices(self, after: int, limit: int) -> list[Notice]:
        mine = "" if self.node is None else " AND node = ?"
        rows = self._table(
            "id, kid, topic, payload, correlation",
            f"FROM notices WHERE id > ?{mine} ORDER BY id LIMIT ?",  # noqa: S608
            (after, limit) if self.node is None else (after, self.node, limit),
        )
        return sorted((Notice(*row) for row in rows), key=_ID)

    def drop_notices(self, ids: Iterable[int]) -> None:
        self._together("DELETE FROM notices WHERE id IN ({})", [(number,) for number in ids])


def _of(table: str, columns: str) -> str:
    return ", ".join(f"{table}.{column}" for column in columns.split(", "))


def _by_age(panic: Panic) -> tuple[int, bytes, int]:
    return panic.opened_ms, panic.kid, panic.panic


def _panic(row: Sequence[Any]) -> Panic:
    return Panic(row[0], row[1], bool(row[2]), *row[3:])
