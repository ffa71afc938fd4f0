"""The disk under the gateway's journal: how long a commit takes, and how it fails. The file is a real SQLite
file, and so are its errors; only their cause is set here."""

import os
import shutil
import sqlite3
from pathlib import Path

_COMMIT_US = 2_000
_FILES = ("", "-wal")


class Disk:
    """`full`: nothing more can be written. `fsync_error`: "lost" or "kept": a commit fails, and nobody can
    know whether it is there. `commit_us` is what a commit takes."""

    def __init__(self):
        self.full = False
        self.fsync_error = None
        self.commit_us = _COMMIT_US
        self.failed = 0
        self._connections = []
        self._locks = []

    def fare(self, kernel, full=None, fsync_error=None, slow_ms=None):
        """How it does from now on. `full`: a truth; `fsync_error`: "lost", "kept", True (one or the other) or
        False; `slow_ms`: what a commit takes."""
        if full is not None:
            self.full = bool(full)
        if fsync_error is not None:
            either = kernel.rng("gateway/disk").choice(("lost", "kept"))
            self.fsync_error = either if fsync_error is True else fsync_error or None
        if slow_ms is not None:
            self.commit_us = int(slow_ms * 1000)
        kernel.emit("gateway", "disk", full=self.full, fsync=self.fsync_error, us=self.commit_us)

    def factory(self):
        """A class for `sqlite3.connect`."""

        class Connection(_Connection):
            disk = self

        return Connection

    def opened(self, connection):
        self._connections.append(connection)
        return connection

    def locked(self, descriptor):
        self._locks.append(descriptor)
        return descriptor

    def crash(self, path, power):
        """Its program is gone at once, and with `power` the machine too: close what was open, and leave the
        files as they were. Without power only what was synced stays: with `synchronous = FULL` every commit
        (SQLite, "synchronous"), else what the last checkpoint wrote."""
        path = Path(path)
        connections, self._connections = self._connections, []
        synced = all(connection.durable() for connection in connections)
        kept = []
        for ending in _FILES:
            file = Path(f"{path}{ending}")
            if file.exists() and not (power and ending and not synced):
                kept.append((shutil.copyfile(file, f"{file}.kept"), file))
        for connection in connections:
            connection.close()
        for ending in (*_FILES, "-shm"):
            Path(f"{path}{ending}").unlink(missing_ok=True)
        for copy, file in kept:
            os.replace(copy, file)
        locks, self._locks = self._locks, []
        for descriptor in locks:
            os.close(descriptor)

    def closed(self):
        """Its program ended in good order: it has closed everything itself."""
        self._connections.clear()
        self._locks.clear()


class _Connection(sqlite3.Connection):
    """One whose commits can fail."""

    disk = None
    _before = 0

    def durable(self):
        try:
            return self.execute("PRAGMA synchronous").fetchone()[0] >= 2
        except sqlite3.Error:
            return True  # closed: it has nothing to lose

    def execute(self, sql, *arguments):
        if sql.startswith("BEGIN"):
            self._before = self.total_changes
        elif sql == "COMMIT" and self.total_changes != self._before:
            self._commit()
        elif self.disk.full and sql.startswith("PRAGMA wal_checkpoint"):
            self.disk.failed += 1
            raise sqlite3.OperationalError("database or disk is full")
        return super().execute(sql, *arguments)

    def _commit(self):
        disk = self.disk
        if disk.full:
            disk.failed += 1
            raise sqlite3.OperationalError("database or disk is full")
        if disk.fsync_error:
            disk.failed += 1
            if disk.fsync_error == "kept":
                super().execute("COMMIT")
            raise sqlite3.OperationalError("disk I/O error")
