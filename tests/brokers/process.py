"""A broker as a process: started, waited for, killed; it ends with whoever started it."""

import asyncio
import ctypes
import shutil
import signal
import subprocess
import sys
from pathlib import Path

START_S = 30.0
_PR_SET_PDEATHSIG = 1


def program(name):
    """The program's path: beside this Python, on the path, or where Debian hides it; None where it is not."""
    beside = Path(sys.executable).parent / name
    if beside.exists():
        return str(beside)
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


async def until(true, limit_s=START_S):
    """Wait for a condition; `true` may be a coroutine function. Raises TimeoutError."""
    async with asyncio.timeout(limit_s):
        while True:
            value = true()
            if asyncio.iscoroutine(value):
                value = await value
            if value:
                return value
            await asyncio.sleep(0.03)


def _leash():
    # Linux: when our parent goes, however it goes, we go.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """`command` is a list; what it prints goes to `log`."""

    def __init__(self, command, log):
        self.command = command
        self.log = Path(log)
        self.starts = 0
        self._process = None

    @property
    def running(self):
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self):
        return self._process.pid

    def launch(self):
        if self.running:
            return
        self.starts += 1
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(self.command, stdout=log, stderr=log, preexec_fn=_leash)

    def kill(self):
        """As kill -9 does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def listening(self, port):
        """Wait until it takes connections; what it said last is in the error if it ends instead."""
        loop = asyncio.get_running_loop()
        end = loop.time() + START_S
        while True:
            if not self.running:
                raise RuntimeError(f"{self.command[0]} ended: {self.words()}")
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                if loop.time() > end:
                    raise TimeoutError(f"{self.command[0]}: nobody listens on port {port}") from None
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return

    def words(self):
        """The last lines of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-8:])
