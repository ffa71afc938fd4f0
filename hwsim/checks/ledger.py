"""The witness at headquarters: which frames are committed at this moment. Of the real gateway it reads the
file with a connection of its own, which sees what is committed and nothing else."""

import hashlib
import sqlite3

from hwsim.checks import signed

_STAGES = ("opened_ms", "accepted_ms", "acknowledged_ms", "shown_ms", "cleared_ms")


class DeskLedger:
    """Of the bench's own headquarters, which keeps frames in memory."""

    def __init__(self, frames):
        self._frames = frames

    def missing(self, names):
        return [name for name in names if (bytes.fromhex(name[0]), *name[1:]) not in self._frames]

    def new_rows(self):
        """(number, name, digest, kind, panic, relayed) of frames not told before."""
        return [
            (number, (kid.hex(), boot, seq), None, fields[signed.KIND], None, True)
            for number, ((kid, boot, seq), fields) in enumerate(self._frames.items())
        ]

    def conflicts(self):
        return []

    def withdrawn(self):
        return set()

    def alarms(self):
        return {}

    def close(self):
        pass


class SqliteLedger:
    """Of the gateway's file at `path`. While there is none, nothing is committed."""

    def __init__(self, path):
        self._path = path
        self._connection = None
        self._inode = None

    def missing(self, names):
        found = set()
        for kid, boot, seq in names:
            query = "SELECT 1 FROM frames WHERE kid = ? AND boot = ? AND seq = ?"
            if self._rows(query, (bytes.fromhex(kid), boot, seq)):
                found.add((kid, boot, seq))
        return [name for name in names if name not in found]

    def new_rows(self):
        rows = self._rows("SELECT id, kid, boot, seq, kind, panic, relayed_ms, frame FROM frames ORDER BY id")
        return [
            (number, (kid.hex(), boot, seq), hashlib.sha256(frame).digest(), kind, panic, relayed is not None)
            for number, kid, boot, seq, kind, panic, relayed, frame in rows
        ]

    def conflicts(self):
        rows = self._rows("SELECT kid, boot, seq FROM conflicts")
        return [(kid.hex(), boot, seq) for kid, boot, seq in rows]

    def withdrawn(self):
        """Terminals that may say nothing any more."""
        return {kid.hex() for (kid,) in self._rows("SELECT kid FROM terminals WHERE state <> 'enrolled'")}

    def alarms(self):
        rows = self._rows(f"SELECT kid, panic, {', '.join(_STAGES)} FROM panics")  # noqa: S608
        return {(kid.hex(), panic): dict(zip(_STAGES, stages, strict=True)) for kid, panic, *stages in rows}

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _rows(self, query, values=()):
        try:
            inode = self._path.stat().st_ino
        except FileNotFoundError:
            self.close()
            return []
        if inode != self._inode:  # the store was lost, and another was made
            self.close()
            self._inode = inode
        try:
            if self._connection is None:
                self._connection = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)
                self._connection.execute("PRAGMA query_only = 1")
            return self._connection.execute(query, values).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise
