"""A serial port of this computer that somebody else's program can open: a pseudo terminal under a name
that stays."""

import contextlib
import errno
import os
import pty
import tty

_DRIVER = 1 << 20  # bytes


class PtyPort:
    """`path` is a link to whichever pseudo terminal is there now; without a cable it leads nowhere."""

    def __init__(self, path):
        self.path = str(path)
        self._ours = self._theirs = None
        self._unread = bytearray()

    @property
    def plugged(self):
        return self._ours is not None

    def fileno(self):
        return self._ours

    def plug(self):
        """The cable is put in: a new pseudo terminal under the old name."""
        if self.plugged:
            return
        self._ours, self._theirs = pty.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        new = self.path + ".new"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new)
        os.symlink(os.ttyname(self._theirs), new)
        os.replace(new, self.path)

    def pull(self):
        """The cable is pulled: whoever has it open hears that it is gone."""
        if not self.plugged:
            return
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        for end in (self._theirs, self._ours):
            os.close(end)
        self._unread.clear()
        self._ours = self._theirs = None

    def read(self, most):
        """What was written into it, or nothing."""
        if not self.plugged or not most:
            return b""
        try:
            return os.read(self._ours, most)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EIO):
                return b""
            raise

    def write(self, data):
        """The computer's driver keeps what nobody has read yet, up to a limit."""
        self._unread += data[: max(0, _DRIVER - len(self._unread))]
        self.push()

    @property
    def held(self):
        """Bytes that wait for whoever reads."""
        return len(self._unread)

    def push(self):
        """As much of it as there is room for."""
        while self.plugged and self._unread:
            try:
                del self._unread[: os.write(self._ours, self._unread)]
            except OSError as error:
                if error.errno in (errno.EAGAIN, errno.EIO):
                    return
                raise
