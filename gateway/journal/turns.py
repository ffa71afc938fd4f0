"""Whose turn it is to write to a SQLite file, where several processes do.

SQLite's own waiting is a sleep that grows: of several busy processes one would starve. A lock of the system
keeps them in line. But it waits for ever, and who has it may be stopped (SIGSTOP, a debugger, a frozen
container): here the wait has an end, and the error says who it is.
"""

import contextlib
import errno
import fcntl
import os
import threading
from pathlib import Path

_DIGITS = 10


class Turns:
    """`path` is a file beside the journal. One thread at a time asks. Raises OSError."""

    def __init__(self, path: Path | str, create: bool = True) -> None:
        self._descriptor = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o600)
        self._state = threading.Condition()
        self._in_line = self._asked = self._ours = self._closed = False

    def take(self, patience_ms: int) -> None:
        """Wait for it, at most so long; raises OSError when it does not come."""
        with self._state:
            if not self._in_line:
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self._sign()
                    return
                self._in_line = True
                threading.Thread(target=self._wait, name="journal-turn", daemon=True).start()
            self._asked = True
            got = self._state.wait_for(lambda: self._ours, patience_ms / 1000)
            self._asked = self._ours = False
            if not got:
                holder = self._holder()
                raise OSError(errno.EBUSY, f"process {holder} writes since more than {patience_ms} ms; {_DO}")
            self._sign()

    def give(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Who still waits in line lets it go when its turn comes: nothing keeps the file open then."""
        with self._state:
            self._closed = True
            os.close(self._descriptor)

    def _wait(self) -> None:
        with contextlib.suppress(OSError):
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        with self._state:
            self._in_line = False
            self._ours = self._asked
            if not self._asked and not self._closed:
                # Who asked went away meanwhile: the next in line.
                with contextlib.suppress(OSError):
                    self.give()
            self._state.notify()

    def _sign(self) -> None:
        # For people who look for it. A full disk must not keep anybody from writing.
        with contextlib.suppress(OSError):
            os.pwrite(self._descriptor, str(os.getpid()).ljust(_DIGITS).encode(), 0)

    def _holder(self) -> str:
        with contextlib.suppress(OSError):
            return os.pread(self._descriptor, _DIGITS, 0).decode("ascii", "replace").strip() or "?"
        return "?"


_DO = "if it is stopped (T in `ps -o stat`), continue it with `kill -CONT` or end it with `kill -KILL`"
