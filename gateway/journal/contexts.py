"""Security contexts and the gateway's own key in SQL; see `statements`."""

from abc import abstractmethod
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from gateway.journal.base import ContextError, Spent
from gateway.journal.dispatch import Dispatch
from gateway.journal.records import (
    CURRENT,
    NEXT,
    RETIRING,
    REVOKED,
    Claim,
    Claimed,
    NewContext,
    StoredContext,
)
from protocol.limits import REPLAY_WINDOW

_CONTEXT = (
    "oscore_id, kid, gateway_id, secret, salt, state, generation, made_ms, used_ms, retire_ms, highest, "
    "bitmap, sequence"
)
_ALL_64 = (1 << 64) - 1
_NOTHING_MORE = Claimed()


class Line:
    """The part of a context's row that requests change. The window is that of `protocol.replay`: whichever
    process gets a datagram, it is asked here."""

    __slots__ = ("bitmap", "changed", "generation", "highest", "sequence", "state")

    def __init__(self, generation: int, state: str, highest: int, bitmap: int, sequence: int) -> None:
        self.generation = generation
        self.state = state
        self.highest = highest
        self.bitmap = bitmap & _ALL_64
        self.sequence = sequence
        self.changed = False

    def mark(self, number: int) -> bool:
        """False when it was used, or is too old to tell."""
        age = self.highest - number
        if age >= 0:
            if age >= REPLAY_WINDOW or self.bitmap >> age & 1:
                return False
            self.bitmap |= 1 << age
        else:
            self.bitmap = (self.bitmap << -age & _ALL_64) | 1 if -age < REPLAY_WINDOW else 1
            self.highest = number
        self.changed = True
        return True

    def reserve(self, count: int) -> tuple[int, int]:
        first = self.sequence
        self.sequence += count
        self.changed = True
        return first, first + count

    @property
    def signed(self) -> int:
        # The store's integers have a sign: the 64 bits of the window are kept as they stand.
        return self.bitmap - (1 << 64) if self.bitmap >> 63 else self.bitmap


class Contexts(Dispatch):
    """Each terminal has at most one of each state. An id may be given anew, so what changes one also names
    its generation."""

    def add_context(self, new: NewContext, now_ms: int) -> StoredContext:
        row = self._run("SELECT state FROM terminals WHERE kid = ?", (new.kid,)).fetchone()
        if row is None or row[0] == REVOKED:
            raise ContextError(f"terminal {new.kid.hex()}: {'unknown' if row is None else REVOKED}")
        if self._run("SELECT 1 FROM contexts WHERE oscore_id = ?", (new.oscore_id,)).fetchone():
            raise ContextError(f"id {new.oscore_id.hex()}: taken")
        # Counted from all of them: one that was replaced unused may be in a terminal all the same.
        (newest,) = self._run("SELECT max(generation) FROM contexts WHERE kid = ?", (new.kid,)).fetchone()
        self._run("DELETE FROM contexts WHERE kid = ? AND state = ?", (new.kid, NEXT))
        generation = (newest or 0) + 1
        self._run(
            "INSERT INTO contexts (oscore_id, kid, gateway_id, secret, salt, state, generation, made_ms) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (new.oscore_id, new.kid, new.gateway_id, new.secret, new.salt, NEXT, generation, now_ms),
        )
        return StoredContext(
            *(new.oscore_id, new.kid, new.gateway_id, new.secret, new.salt, NEXT, generation, now_ms)
        )

    def context(self, oscore_id: bytes) -> StoredContext | None:
        row = self._run(f"SELECT {_CONTEXT} FROM contexts WHERE oscore_id = ?", (oscore_id,)).fetchone()  # noqa: S608
        return None if row is None else _context(row)

    def contexts(self, kid: bytes | None = None) -> list[StoredContext]:
        where = "" if kid is None else " WHERE kid = ?"
        rows = self._run(
            f"SELECT {_CONTEXT} FROM contexts{where} ORDER BY kid, generation",  # noqa: S608 - no value
            () if kid is None else (kid,),
        )
        return [_context(row) for row in rows]

    def use_context(self, oscore_id: bytes, generation: int, now_ms: int, retire_ms: int) -> None:
        row = self._run(
            "SELECT kid FROM contexts WHERE oscore_id = ? AND generation = ? AND state = ?",
            (oscore_id, generation, NEXT),
        ).fetchone()
        if row is None:
            return
        kid = row[0]
        self._run("DELETE FROM contexts WHERE kid = ? AND state = ?", (kid, RETIRING))
        self._run(
            "UPDATE contexts SET state = ?, retire_ms = ? WHERE kid = ? AND state = ?",
            (RETIRING, retire_ms, kid, CURRENT),
        )
        self._run(
            "UPDATE contexts SET state = ?, used_ms = ? WHERE oscore_id = ?", (CURRENT, now_ms, oscore_id)
        )

    def claim(self, claims: Sequence[Claim]) -> list[Claimed | ContextError]:
        lines = self._lines({one.oscore_id for one in claims})
        out = [self._claim(one, lines.get(one.oscore_id)) for one in claims]
        self._save([(name, line) for name, line in lines.items() if line.changed])
        return out

    def _claim(self, one: Claim, line: Line | None) -> Claimed | ContextError:
        if line is None or line.generation != one.generation:
            return ContextError(f"context {one.oscore_id.hex()}: not there any more")
        if one.number is not None and not line.mark(one.number):
            return Spent(f"context {one.oscore_id.hex()}: Partial IV {one.number} seen before")
        if one.first_ms is not None and line.state == NEXT:
            self.use_context(one.oscore_id, one.generation, one.first_ms, one.retire_ms)
            line.state = CURRENT
        return Claimed(line.reserve(one.block)) if one.block else _NOTHING_MORE

    @abstractmethod
    def _lines(self, names: Collection[bytes]) -> dict[bytes, Line]:
        """Those that may serve; a revoked terminal's have no secret."""

    @abstractmethod
    def _save(self, lines: Iterable[tuple[bytes, Line]]) -> None:
        """What requests have changed."""

    def retire_contexts(self, now_ms: int, latest_ms: int) -> list[StoredContext]:
        rows = self._run(
            f"SELECT {_CONTEXT} FROM contexts WHERE retire_ms <= ? OR retire_ms > ?",  # noqa: S608 - no value
            (now_ms, latest_ms),
        ).fetchall()
        over = [_context(row) for row in rows]
        self._together("DELETE FROM contexts WHERE oscore_id IN ({})", [(one.oscore_id,) for one in over])
        return over

    def forget_secrets(self, kid: bytes) -> None:
        """The rows stay, so that a revoked terminal is known by what it sends."""
        self._run("UPDATE contexts SET secret = ?, salt = ? WHERE kid = ?", (b"", b"", kid))

    def gateway_key(self) -> bytes | None:
        row = self._run("SELECT public_key FROM gateway_key").fetchone()
        return None if row is None else row[0]

    def set_gateway_key(self, public_key: bytes) -> None:
        self._run(
            "INSERT INTO gateway_key VALUES (1, ?) "
            "ON CONFLICT (one) DO UPDATE SET public_key = excluded.public_key",
            (public_key,),
        )


def _context(row: Sequence[Any]) -> StoredContext:
    values = list(row)
    values[11] &= _ALL_64
    return StoredContext(*values)
