"""Security contexts and the gateway's own key in SQLite's words; see `tables`."""

from collections.abc import Sequence
from typing import Any

from gateway.journal.base import ContextError
from gateway.journal.dispatch import Dispatch
from gateway.journal.records import CURRENT, NEXT, RETIRING, REVOKED, NewContext, StoredContext

_CONTEXT = (
    "oscore_id, kid, gateway_id, secret, salt, state, generation, made_ms, used_ms, retire_ms, highest, "
    "bitmap, sequence"
)
_ALL_64 = (1 << 64) - 1


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

    def save_window(self, oscore_id: bytes, generation: int, highest: int, bitmap: int) -> None:
        # SQLite's integers are signed: the 64 bits of the window are kept as they stand.
        signed = bitmap - (1 << 64) if bitmap >> 63 else bitmap
        done = self._run(
            "UPDATE contexts SET "
            "bitmap = CASE WHEN ?1 = highest THEN bitmap | ?2 WHEN ?1 > highest THEN ?2 ELSE bitmap END, "
            "highest = max(highest, ?1) WHERE oscore_id = ?3 AND generation = ?4",
            (highest, signed, oscore_id, generation),
        )
        self._changed(done.rowcount, oscore_id)

    def reserve(self, oscore_id: bytes, generation: int, upto: int) -> None:
        done = self._run(
            "UPDATE contexts SET sequence = max(sequence, ?) WHERE oscore_id = ? AND generation = ?",
            (upto, oscore_id, generation),
        )
        self._changed(done.rowcount, oscore_id)

    def _changed(self, rows: int, oscore_id: bytes) -> None:
        if rows != 1:
            raise ContextError(f"context {oscore_id.hex()}: not there any more")

    def retire_contexts(self, now_ms: int, latest_ms: int) -> list[StoredContext]:
        rows = self._run(
            f"SELECT {_CONTEXT} FROM contexts WHERE retire_ms <= ? OR retire_ms > ?",  # noqa: S608 - no value
            (now_ms, latest_ms),
        ).fetchall()
        over = [_context(row) for row in rows]
        self._many("DELETE FROM contexts WHERE oscore_id = ?", [(one.oscore_id,) for one in over])
        return over

    def forget_secrets(self, kid: bytes) -> None:
        """The rows stay, so that a revoked terminal is known by what it sends."""
        self._run("UPDATE contexts SET secret = x'', salt = x'' WHERE kid = ?", (kid,))

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
