"""Frames whose time is over: deleted in small steps, their names kept, so that a repeat stays a repeat.

Names are kept as ranges of sequence numbers within one boot of a terminal. A range holds nothing that was
never stored: a frame that a terminal brings late, after a month without a link, is new. The statements are
SQLite's and PostgreSQL's alike.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gateway.journal.records import NewFrame
from protocol import report
from protocol.cose import sign1_parse
from protocol.errors import ProtocolError
from protocol.report import KIND_PANIC

STEP = """
    -- Names of deleted frames: every one from `first` to `last` was stored; a few may still be there.
    CREATE TABLE pruned (
        kid BLOB NOT NULL, boot INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
        newest_ms INTEGER NOT NULL,
        PRIMARY KEY (kid, boot, first)
    ) WITHOUT ROWID;
    -- An alarm under a name that was used before is told, unless it is the very same.
    CREATE TABLE pruned_panics (
        kid BLOB NOT NULL, boot INTEGER NOT NULL, seq INTEGER NOT NULL, digest BLOB NOT NULL,
        PRIMARY KEY (kid, boot, seq)
    ) WITHOUT ROWID;
"""

DAY_MS = 86_400_000
# Frames of a kind that stays longer may lie between two ranges: so many are looked at to join them.
_GAP = 64
# Stored later than this from now: by a clock that was wrong. It is neither old nor does it say what comes
# after it.
_AHEAD_MS = DAY_MS
_NEAR = 8


class Pruned(NamedTuple):
    """One step. `last`: the last id looked at; `done`: all after it is too young; `kept`: the least id of a
    frame that is old enough, and had to stay."""

    last: int
    done: bool
    deleted: int
    kept: int | None


class Pruning(ABC):
    """What a transaction knows of this; part of `base.Transaction`."""

    @abstractmethod
    def prune(self, after: int, limit: int, before_ms: Mapping[int, int], now_ms: int) -> Pruned:
        """Look at `limit` frames after that id, and delete those stored before `before_ms` of their kind,
        that the broker has confirmed and that belong to no open alarm."""

    @abstractmethod
    def pruned_repeat(self, kid: bytes, new: NewFrame) -> bool:
        """Of a name that was pruned: is this the frame that had it? False when it cannot be."""


class Retention(Pruning):
    """`_run(statement, values)` is the dialect's."""

    _run: Any
    _together: Any
    _table: Any

    def prune(self, after: int, limit: int, before_ms: Mapping[int, int], now_ms: int) -> Pruned:
        columns = "id, kid, boot, seq, kind, stored_ms, relayed_ms, panic"
        rows = sorted(self._table(columns, "FROM frames WHERE id > ? ORDER BY id LIMIT ?", (after, limit)))
        youngest = max(before_ms.values(), default=0)
        last, kept, done = after, None, len(rows) < limit
        old: list[tuple[Any, ...]] = []
        for row in rows:
            number, _, _, _, kind, stored_ms, relayed_ms, _ = row
            if youngest <= stored_ms <= now_ms + _AHEAD_MS:
                done = True
                break
            last = number
            if stored_ms >= before_ms.get(kind, 0):
                continue
            if relayed_ms is None or self._open(row):
                kept = number if kept is None else kept
                continue
            old.append(row)
        self._delete(old)
        return Pruned(last, done, len(old), kept)

    def pruned_repeat(self, kid: bytes, new: NewFrame) -> bool:
        name = (kid, new.boot, new.seq)
        if new.kind == KIND_PANIC:
            known = self._run(
                "SELECT digest FROM pruned_panics WHERE kid = ? AND boot = ? AND seq = ?", name
            ).fetchone()
            return known is not None and bytes(known[0]) == _digest(new.frame)
        row = self._run(
            "SELECT newest_ms FROM pruned WHERE kid = ? AND boot = ? AND first <= ? AND last >= ?",
            (*name, new.seq),
        ).fetchone()
        if row is None:
            return False
        # Made after all that was deleted had been stored: a terminal that counts from the beginning again.
        made_ms = _made_ms(new.frame)
        return made_ms is None or made_ms <= row[0] + DAY_MS

    def _open(self, row: Sequence[Any]) -> bool:
        """Does it belong to an alarm that was not cleared?"""
        if row[7] is None:
            return False
        alarm = self._run(
            "SELECT cleared_ms FROM panics WHERE kid = ? AND panic = ?", (row[1], row[7])
        ).fetchone()
        return alarm is not None and alarm[0] is None

    def _delete(self, rows: list[tuple[Any, ...]]) -> None:
        for number, kid, boot, seq, kind, *_ in rows:
            if kind == KIND_PANIC:
                (frame,) = self._run("SELECT frame FROM frames WHERE id = ?", (number,)).fetchone()
                self._run(
                    "INSERT INTO pruned_panics (kid, boot, seq, digest) VALUES (?, ?, ?, ?) "
                    "ON CONFLICT DO NOTHING",
                    (kid, boot, seq, _digest(frame)),
                )
        starts: dict[tuple[bytes, int], list[tuple[int, int]]] = {}
        for _, kid, boot, seq, _, stored_ms, *_ in rows:
            starts.setdefault((bytes(kid), boot), []).append((seq, stored_ms))
        for (kid, boot), names in starts.items():
            for first, last, newest_ms in _runs(sorted(names)):
                self._remember(kid, boot, first, last, newest_ms)
        self._together("DELETE FROM frames WHERE id IN ({})", [row[:1] for row in rows])

    def _remember(self, kid: bytes, boot: int, first: int, last: int, newest_ms: int) -> None:
        """One range more, joined with those near it if all that lies between is known. The frames are still
        there."""
        near = self._run(
            "SELECT first, last, newest_ms FROM pruned WHERE kid = ? AND boot = ? AND first <= ? "
            "ORDER BY first DESC LIMIT ?",
            (kid, boot, last + 1 + _GAP, _NEAR),
        ).fetchall()
        # Beginning with the nearest, so that each gap is looked at alone.
        for low, high, known_ms in sorted(near, key=lambda r: _between(first, last, r[0], r[1])):
            if self._joins(kid, boot, *sorted(((first, last), (low, high)))):
                self._run("DELETE FROM pruned WHERE kid = ? AND boot = ? AND first = ?", (kid, boot, low))
                first, last = min(first, low), max(last, high)
                newest_ms = max(newest_ms, known_ms)
        self._run(
            "INSERT INTO pruned (kid, boot, first, last, newest_ms) VALUES (?, ?, ?, ?, ?)",
            (kid, boot, first, last, newest_ms),
        )

    def _joins(self, kid: bytes, boot: int, one: tuple[int, int], other: tuple[int, int]) -> bool:
        missing = other[0] - one[1] - 1
        if missing <= 0:
            return True
        if missing > _GAP:
            return False
        (there,) = self._run(
            "SELECT count(*) FROM frames WHERE kid = ? AND boot = ? AND seq BETWEEN ? AND ?",
            (kid, boot, one[1] + 1, other[0] - 1),
        ).fetchone()
        return bool(there == missing)


def _digest(frame: bytes) -> bytes:
    return hashlib.sha256(frame).digest()[:16]


def _made_ms(frame: bytes) -> int | None:
    """When the terminal made it, if it says so."""
    try:
        made: int | None = report.decode(sign1_parse(bytes(frame)).payload).get(report.TIME)
    except ProtocolError:
        return None
    return made


def _between(first: int, last: int, low: int, high: int) -> int:
    return max(0, low - last, first - high)


def _runs(names: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """(first, last, newest) of each run of consecutive numbers."""
    run: tuple[int, int, int] | None = None
    for seq, stored_ms in names:
        if run is not None and seq == run[1] + 1:
            run = (run[0], seq, max(run[2], stored_ms))
            continue
        if run is not None:
            yield run
        run = (seq, seq, stored_ms)
    if run is not None:
        yield run
