"""A serial port of this computer that somebody else's program can open: a pseudo terminal under a name
that stays."""

import contextlib
import errno
import os
import pty
import tty


class PtyPort:
    """`path` is a link to whichever pseudo terminal is there now; without a cable it leads nowhere."""

    def __init__(self, path):
        self.path = str(path)
        self._ours = self._theirs = None

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
        """What nobody reads is lost once the computer's buffer is full."""
        while self.plugged and data:
            try:
                data = data[os.write(self._ours, data) :]
            except OSError as error:
                if error.errno in (errno.EAGAIN, errno.EIO):
                    return
                raise
