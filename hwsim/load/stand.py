"""A gateway and a broker of their own for a measurement, in processes of their own and a folder that goes
away: SQLite with FULL sync, iotcore, loopback."""

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from hwsim.broker import Broker

_ROOT = Path(__file__).resolve().parents[2]
_START_S = 60.0
_DEFAULTS = {
    "listen.host": "127.0.0.1",
    "listen.port": 0,
    "edhoc.rate": 10000,
    "edhoc.sessions": 4096,
}


class StandError(Exception):
    """Something did not start; the text has its last words."""


class Stand:
    """`start`, `stop`, `kill`; in between `address`, `broker`, `config` and `pid` are there."""

    def __init__(self, settings=None, relay=True, command=(), directory=None):
        self._folder = tempfile.TemporaryDirectory(
            prefix="patrola-load-", dir=directory, ignore_cleanup_errors=True
        )
        self.folder = Path(self._folder.name)
        self.config = self.folder / "gateway.toml"
        self._settings = _DEFAULTS | (settings or {})
        self._broker = Broker("iotcore", self.folder) if relay else None
        self._command = list(command)
        self._process = None
        self.address = None

    @property
    def broker(self):
        return (self._broker.host, self._broker.port_v5) if self._broker else None

    @property
    def broker_pid(self):
        return self._broker.pid

    @property
    def pid(self):
        return self._process.pid

    def prepare(self):
        """Write the configuration and start the broker: from then on `gateway enroll` works."""
        host, port = self.broker or ("", 1883)
        values = {"broker.host": host, "broker.port": port} | self._settings
        sections = {}
        for name, value in values.items():
            section, key = name.split(".")
            sections.setdefault(section, []).append(f"{key} = {json.dumps(value)}")
        text = "\n\n".join(f"[{name}]\n" + "\n".join(rows) for name, rows in sections.items())
        self.config.write_text(text + "\n", "utf-8")
        if self._broker:
            asyncio.run(self._broker.start())

    def start(self):
        """Raises StandError."""
        read, write = os.pipe()
        with open(self.folder / "gateway.log", "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hwsim.leash", "gateway", "serve", "--config", str(self.config)]
                + ["--ready-fd", str(write), *self._command],
                cwd=_ROOT,
                stdin=subprocess.PIPE,
                stderr=log,
                pass_fds=[write],
            )
        os.close(write)
        with os.fdopen(read) as pipe:
            ready, _, _ = select.select([pipe], [], [], _START_S)
            line = pipe.readline() if ready else ""
        if not line:
            words = (self.folder / "gateway.log").read_text("utf-8", "replace").strip().splitlines()
            self.stop()
            raise StandError(f"the gateway did not start: {words[-1] if words else 'no message'}")
        self.address = tuple(json.loads(line)["udp"])

    def kill(self):
        self._end(signal.SIGKILL)

    def stop(self):
        self._end(signal.SIGTERM)

    def _end(self, number):
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdin.close()

    def cpu_s(self):
        """What the gateway's processes have used of the processors."""
        return sum(used_s(pid) for pid in family(self.pid))

    def memory(self):
        """Their resident bytes, now and at most."""
        rows = [resident(pid) for pid in family(self.pid)]
        return sum(now for now, _ in rows), sum(most for _, most in rows)

    def close(self):
        self.stop()
        if self._broker:
            self._broker.kill()
        self._folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


def family(pid):
    """A process and all that it started."""
    children = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for each in found:
        found.extend(children.get(each, ()))
    return found


def used_s(pid):
    """Seconds of processor time."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid):
    """(bytes now, bytes at most)"""
    rows = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return tuple(int(rows[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
