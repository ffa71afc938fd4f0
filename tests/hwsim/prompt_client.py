"""Somebody at a board's prompt, who waits for what it says and for nothing else."""

import os
import select
import time

_PATIENCE_S = 20
# For a board: flash is busy for a while.
FILL = "f = open('/big', 'wb')\nfor n in range(200):\n    f.write(bytes(100))\nf.close()\n"


class Gone(Exception):
    """The port is no longer there."""


class Client:
    def __init__(self, path):
        self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.heard = b""  # what nobody has asked for yet

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._fd)

    def _more(self, limit_s):
        ready, _, _ = select.select([self._fd], [], [], limit_s)
        if not ready:
            return False
        try:
            data = os.read(self._fd, 65536)
        except BlockingIOError:
            return True
        except OSError as error:
            raise Gone(str(error)) from error
        if not data:
            raise Gone("end of file")
        self.heard += data
        return True

    def until(self, mark, limit_s=_PATIENCE_S):
        """All up to `mark`, which is the last of it."""
        end = time.monotonic() + limit_s
        while mark not in self.heard:
            if not self._more(max(0.0, end - time.monotonic())):
                raise TimeoutError(f"{mark!r} did not come, only {self.heard[-300:]!r}")
        at = self.heard.index(mark) + len(mark)
        found, self.heard = self.heard[:at], self.heard[at:]
        return found

    def write(self, data):
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                select.select([], [self._fd], [], _PATIENCE_S)
            except OSError as error:
                raise Gone(str(error)) from error

    def friendly(self):
        self.write(b"\x03\x02")
        return self.until(b">>> ")

    def raw(self):
        for _ in range(5):
            self.write(b"\x03\x01")
            try:
                return self.until(b"raw REPL; CTRL-B to exit\r\n>", 4)
            except TimeoutError:
                continue  # what comes while a board starts is lost
        raise TimeoutError(f"no raw prompt, only {self.heard[-300:]!r}")

    def run(self, code):
        """In the raw prompt: (what it printed, its traceback)."""
        self.write(code.encode() + b"\x04")
        return self._result(b"OK")

    def _result(self, begin):
        self.until(begin)
        printed = self.until(b"\x04")[:-1]
        error = self.until(b"\x04>")[:-2]
        return printed.decode(), error.decode()

    def paste(self, code):
        """The same by raw paste, within its windows."""
        self.write(b"\x05A\x01")
        self.until(b"R\x01")
        while len(self.heard) < 2:
            self._more(_PATIENCE_S)
        size, self.heard = int.from_bytes(self.heard[:2], "little"), self.heard[2:]
        data, room = code.encode(), size
        while data:
            while not room or self.heard:
                if self.heard[:1] == b"\x01":
                    room += size
                    self.heard = self.heard[1:]
                elif self.heard:
                    raise AssertionError(f"it ends the paste: {self.heard!r}")
                else:
                    self._more(_PATIENCE_S)
            self.write(data[:room])
            data, room = data[room:], max(0, room - len(data))
        self.write(b"\x04")
        return self._result(b"\x04")
