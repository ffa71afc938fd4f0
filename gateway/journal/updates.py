"""Tables of updates: releases with their images, roll-outs, and how far each terminal is with its own.

The statements are SQLite's and PostgreSQL's alike.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from protocol.update import ENDED, FAILED

STEP = """
    -- What a release key has signed; each node serves it from here.
    CREATE TABLE releases (
        board TEXT NOT NULL, version INTEGER NOT NULL,
        size INTEGER NOT NULL, digest BLOB NOT NULL, manifest BLOB NOT NULL, image BLOB NOT NULL,
        added_ms INTEGER NOT NULL, withdrawn_ms INTEGER,
        PRIMARY KEY (board, version)
    );

    CREATE TABLE rollouts (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        version INTEGER NOT NULL, target TEXT NOT NULL, share INTEGER NOT NULL,
        most_failures INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('running', 'paused', 'ended')), reason TEXT NOT NULL,
        operator TEXT NOT NULL, made_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL
    );

    -- One for each terminal, the newest. `state` as in protocol/update.py.
    CREATE TABLE updates (
        kid BLOB PRIMARY KEY,
        rollout INTEGER NOT NULL, version INTEGER NOT NULL, state INTEGER NOT NULL,
        done INTEGER NOT NULL DEFAULT 0, size INTEGER NOT NULL DEFAULT 0,
        reason TEXT NOT NULL DEFAULT '', changed_ms INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX updates_rollout ON updates (rollout, state);
"""

RUNNING = "running"
PAUSED = "paused"
OVER = "ended"


@dataclass(frozen=True, slots=True)
class StoredRelease:
    """A release for one kind of board, without its image."""

    board: str
    version: int
    size: int
    digest: bytes
    manifest: bytes
    added_ms: int
    withdrawn_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Rollout:
    """One `send ... update`: `share` in per cent of those `target` names; paused once more than
    `most_failures` of them have failed."""

    id: int
    version: int
    target: str
    share: int
    most_failures: int
    state: str
    reason: str
    operator: str
    made_ms: int
    changed_ms: int


@dataclass(frozen=True, slots=True)
class Update:
    """How far one terminal is; `done` of `size` bytes were fetched."""

    kid: bytes
    rollout: int
    version: int
    state: int
    done: int
    size: int
    reason: str
    changed_ms: int

    @property
    def ended(self) -> bool:
        return self.state in ENDED


class Updating(ABC):
    """What a transaction knows of this; part of `base.Transaction`."""

    @abstractmethod
    def add_release(self, release: StoredRelease, image: bytes) -> None:
        """Raises ValueError when another image of this board and version is there."""

    @abstractmethod
    def releases(self) -> list[StoredRelease]:
        """All, oldest version first."""

    @abstractmethod
    def release(self, board: str, version: int) -> StoredRelease | None:
        """One of them."""

    @abstractmethod
    def release_image(self, board: str, version: int) -> bytes | None:
        """Its image."""

    @abstractmethod
    def withdraw_release(self, board: str, version: int, now_ms: int) -> bool:
        """It is served no more. False when it was not."""

    @abstractmethod
    def add_rollout(self, rollout: Rollout) -> int:
        """The id it got; `rollout.id` is ignored."""

    @abstractmethod
    def rollout(self, number: int) -> Rollout | None:
        """One."""

    @abstractmethod
    def rollouts(self) -> list[Rollout]:
        """All, oldest first."""

    @abstractmethod
    def set_rollout(self, number: int, state: str, reason: str, now_ms: int) -> None:
        """Pause it, go on, or end it."""

    @abstractmethod
    def put_update(self, update: Update) -> None:
        """In place of what was known of this terminal's."""

    @abstractmethod
    def update_of(self, kid: bytes) -> Update | None:
        """Of one terminal."""

    @abstractmethod
    def updates(self, rollout: int | None = None) -> list[Update]:
        """Of all terminals, or those of one roll-out."""

    @abstractmethod
    def failed_updates(self, rollout: int) -> int:
        """How many of a roll-out have failed."""


_RELEASE = "board, version, size, digest, manifest, added_ms, withdrawn_ms"
_ROLLOUT = "version, target, share, most_failures, state, reason, operator, made_ms, changed_ms"
_UPDATE = "kid, rollout, version, state, done, size, reason, changed_ms"


class Updates(Updating):
    """`_run(statement, values)` is the dialect's."""

    _run: Any

    def add_release(self, release: StoredRelease, image: bytes) -> None:
        known = self.release(release.board, release.version)
        if known is not None and known.digest == release.digest:
            # Signed once more, perhaps by another key, or offered again.
            self._run(
                "UPDATE releases SET withdrawn_ms = NULL, manifest = ? WHERE board = ? AND version = ?",
                (release.manifest, release.board, release.version),
            )
            return
        if known is not None:
            raise ValueError("there is another release of this board and version: give it a higher version")
        self._run(
            f"INSERT INTO releases ({_RELEASE}, image) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            (
                *(release.board, release.version, release.size, release.digest, release.manifest),
                *(release.added_ms, release.withdrawn_ms, image),
            ),
        )

    def releases(self) -> list[StoredRelease]:
        rows = self._run(f"SELECT {_RELEASE} FROM releases ORDER BY version, board")  # noqa: S608
        return [StoredRelease(*row) for row in rows]

    def release(self, board: str, version: int) -> StoredRelease | None:
        row = self._run(
            f"SELECT {_RELEASE} FROM releases WHERE board = ? AND version = ?",  # noqa: S608
            (board, version),
        ).fetchone()
        return None if row is None else StoredRelease(*row)

    def release_image(self, board: str, version: int) -> bytes | None:
        row = self._run(
            "SELECT image FROM releases WHERE board = ? AND version = ?", (board, version)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def withdraw_release(self, board: str, version: int, now_ms: int) -> bool:
        done = self._run(
            "UPDATE releases SET withdrawn_ms = ? WHERE board = ? AND version = ? AND withdrawn_ms IS NULL",
            (now_ms, board, version),
        )
        return bool(done.rowcount > 0)

    def add_rollout(self, rollout: Rollout) -> int:
        r = rollout
        row = self._run(
            f"INSERT INTO rollouts ({_ROLLOUT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",  # noqa: S608
            (
                *(r.version, r.target, r.share, r.most_failures, r.state, r.reason, r.operator),
                *(r.made_ms, r.changed_ms),
            ),
        ).fetchone()
        return int(row[0])

    def rollout(self, number: int) -> Rollout | None:
        row = self._run(f"SELECT id, {_ROLLOUT} FROM rollouts WHERE id = ?", (number,)).fetchone()  # noqa: S608
        return None if row is None else Rollout(*row)

    def rollouts(self) -> list[Rollout]:
        return [Rollout(*row) for row in self._run(f"SELECT id, {_ROLLOUT} FROM rollouts ORDER BY id")]  # noqa: S608

    def set_rollout(self, number: int, state: str, reason: str, now_ms: int) -> None:
        self._run(
            "UPDATE rollouts SET state = ?, reason = ?, changed_ms = ? WHERE id = ?",
            (state, reason, now_ms, number),
        )

    def put_update(self, update: Update) -> None:
        u = update
        self._run(
            f"INSERT INTO updates ({_UPDATE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (kid) DO UPDATE "  # noqa: S608
            "SET rollout = excluded.rollout, version = excluded.version, state = excluded.state, "
            "done = excluded.done, size = excluded.size, reason = excluded.reason, "
            "changed_ms = excluded.changed_ms",
            (u.kid, u.rollout, u.version, u.state, u.done, u.size, u.reason, u.changed_ms),
        )

    def update_of(self, kid: bytes) -> Update | None:
        row = self._run(f"SELECT {_UPDATE} FROM updates WHERE kid = ?", (kid,)).fetchone()  # noqa: S608
        return None if row is None else Update(*row)

    def updates(self, rollout: int | None = None) -> list[Update]:
        where, values = ("", ()) if rollout is None else (" WHERE rollout = ?", (rollout,))
        rows: Iterable[Any] = self._run(f"SELECT {_UPDATE} FROM updates{where} ORDER BY kid", values)  # noqa: S608
        return [Update(*row) for row in rows]

    def failed_updates(self, rollout: int) -> int:
        row = self._run(
            "SELECT count(*) FROM updates WHERE rollout = ? AND state IN (?, ?)", (rollout, *FAILED)
        ).fetchone()
        return int(row[0])
