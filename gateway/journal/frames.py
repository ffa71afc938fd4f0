"""Frames in SQL; see `statements`."""

from abc import abstractmethod
from collections.abc import Sequence
from itertools import groupby

from gateway.journal.contexts import Contexts
from gateway.journal.dispatch import OPEN, WAITING
from gateway.journal.records import NewFrame, Row
from gateway.journal.statements import ROW

Name = tuple[bytes, int, int]
# kid, boot, seq, kind, panic, stored_ms, frame, node of a new row.
Values = tuple[bytes, int, int, int, int | None, int, bytes, int]


class Frames(Contexts):
    """A name is stored once; ids grow in the order of commits."""

    def insert_frame(self, kid: bytes, frame: NewFrame, now_ms: int) -> tuple[int, bool]:
        return self.insert_frames([(kid, frame)], now_ms)[0]

    def insert_frames(self, items: Sequence[tuple[bytes, NewFrame]], now_ms: int) -> list[tuple[int, bool]]:
        if not items:
            return []
        relays = self._relays({kid for kid, _ in items}) if self.node else {}
        mine = self.node or 0
        values: list[Values] = [
            (kid, boot, seq, kind, None if panic is None else panic[0], now_ms, frame, relays.get(kid, mine))
            for kid, (boot, seq, kind, panic, frame) in items
        ]
        fresh = self._insert(values)
        if isinstance(fresh, range):
            if not relays:
                return [(number, False) for number in fresh]
            fresh = {value[:3]: number for value, number in zip(values, fresh, strict=True)}
        out = []
        for kid, new in items:
            number = fresh.pop((kid, new.boot, new.seq), 0)
            out.append((number, False if number else self._conflict(kid, new, now_ms)))
            if number and kid in relays:
                self.handed.add(number)
        if self.handed:
            for node in set(relays.values()):
                self._hand(node)
        return out

    @abstractmethod
    def _insert(self, values: list[Values]) -> dict[Name, int] | range:
        """Ids of those whose names were never there, not even before they were pruned; a range when all are
        new, in this order."""

    def _conflict(self, kid: bytes, new: NewFrame, now_ms: int) -> bool:
        """This name is taken. True when by other bytes, and these were not kept aside before."""
        name = (kid, new.boot, new.seq)
        known = self._run("SELECT frame FROM frames WHERE kid = ? AND boot = ? AND seq = ?", name).fetchone()
        if self.pruned_repeat(kid, new) if known is None else known[0] == new.frame:
            return False
        # A name is for ever, but a verified frame is never thrown away: it may be an alarm.
        done = self._run(
            "INSERT INTO conflicts (kid, boot, seq, stored_ms, frame) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            (*name, now_ms, new.frame),
        )
        return bool(done.rowcount > 0)

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
            if self.node is not None:
                where.append("node = ?")
                values.append(self.node)
        if kind is not None:
            where.append("kind = ?")
            values.append(kind)
        rest = f"FROM frames WHERE {' AND '.join(where)} ORDER BY id LIMIT ?"
        return [Row(*row) for row in sorted(self._table(ROW, rest, (*values, limit)))]

    def mark_relayed(self, ids: Sequence[int], now_ms: int) -> None:
        # Mostly they come in the order they were stored.
        runs = []
        for _, run in groupby(enumerate(sorted(ids)), lambda pair: pair[1] - pair[0]):
            numbers = [number for _, number in run]
            runs.append((now_ms, numbers[0], numbers[-1]))
        self._many(
            "UPDATE frames SET relayed_ms = ? WHERE id BETWEEN ? AND ? AND relayed_ms IS NULL",
            runs,
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
