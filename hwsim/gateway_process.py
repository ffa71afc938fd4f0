"""The real gateway as a process of its own, with its log on the bench's clock, for runs that follow the wall.

The bench goes through the command line, as an administrator would: `enroll` and `revoke` work beside a
running `serve`. (In virtual time the gateway runs in the bench's own process: hwsim/headquarters.py.)
"""

import asyncio
import contextlib
import json
import socket
import sqlite3
import sys
import time
from pathlib import Path

from hwsim.broker import free_ports

_ROOT = Path(__file__).resolve().parent.parent
_START_S = 20.0
_STOP_S = 5.0
_LINE_LIMIT = 1 << 20
_CONFIG = """\
[gateway]
id = "bench"

[listen]
host = "127.0.0.1"
port = {port}

[journal]
path = "{store}"

[broker]
host = "{broker_host}"
port = {broker_port}
retry_first_ms = 200
retry_cap_ms = 2000

[log]
level = "debug"

[panic]
republish_s = {republish_s}
"""


class HeadquartersError(Exception):
    """The gateway did not do what it was asked; the text has its last words."""


class GatewayProcess:
    """`start`, `kill9` and `start` again at any time: the UDP port and the journal stay the same.

    Every line of its log becomes an event of the kernel: source "gateway", the line's own event name and
    fields, and `at_ms`, its time on the bench's clock.
    """

    def __init__(self, kernel, directory, broker, republish_s=30):
        self.kernel = kernel
        self.directory = Path(directory)
        self.address = ("127.0.0.1", free_ports(1, socket.SOCK_DGRAM)[0])
        self.config = self.directory / "gateway.toml"
        self.store = self.directory / "patrola.sqlite"
        self.config.write_text(
            _CONFIG.format(
                port=self.address[1],
                store=self.store.name,
                broker_host=broker.host,
                broker_port=broker.port_v5,
                republish_s=republish_s,
            ),
            "utf-8",
        )
        self.starts = 0
        self.enrolled = {}  # kid (hex) -> public key
        self.last_lines = []
        self._process = None
        self._tail = None

    @property
    def running(self):
        return self._process is not None and self._process.returncode is None

    async def start(self):
        """Start it and wait until it listens."""
        ready = asyncio.get_running_loop().create_future()
        self.starts += 1
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "hwsim.leash",
            "gateway",
            "serve",
            "--config",
            str(self.config),
            cwd=_ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            limit=_LINE_LIMIT,
        )
        self._tail = asyncio.create_task(self._follow(self._process, ready))
        try:
            await asyncio.wait_for(ready, _START_S)
        except TimeoutError:
            raise HeadquartersError(
                f"the gateway was not ready within {_START_S:.0f} s: {self._last_words()}"
            ) from None

    async def kill9(self):
        """As when the power of the server fails."""
        await self._end(lambda process: process.kill())

    async def stop(self):
        """As an administrator stops it."""
        await self._end(lambda process: process.terminate())

    async def enroll(self, public_key, unit):
        """Make one terminal known: {"kid": ..., "gateway_key": ...}."""
        answer = await self._command(
            "enroll",
            "--public-key",
            public_key.hex(),
            "--directorate",
            unit.directorate,
            "--station",
            unit.station,
            "--unit",
            unit.unit,
            "--vehicle",
            unit.vehicle,
            "--call-sign",
            unit.call_sign,
            "--json",
        )
        entry = json.loads(answer)
        self.enrolled[entry["kid"]] = public_key
        return entry

    async def revoke(self, kid):
        await self._command("revoke", kid)

    async def suspend(self, kid):
        await self._command("suspend", kid)

    async def journal(self):
        """Every frame it has on disk, in its order: kid, boot, seq, kind, stored, relayed, frame (hex)."""
        return json.loads(await self._command("journal", "--limit", "1000000", "--json"))["frames"]

    async def renew(self, kid):
        """Ask a terminal for new keys."""
        await self._command("send", kid, "renew")

    def context_of(self, oscore_id):
        """(the gateway's id, secret, salt) of the link keys of that name, out of its store; or None."""
        query = "SELECT gateway_id, secret, salt FROM contexts WHERE oscore_id = ?"
        try:
            with contextlib.closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)) as store:
                return store.execute(query, (oscore_id,)).fetchone()
        except sqlite3.Error:
            return None  # there is no store, or not yet a whole one

    def lose_store(self):
        """As when its disk is lost: journal, registry, contexts. Its own key, on a backup, is not."""
        for path in self.directory.glob(self.store.name + "*"):
            path.unlink()

    async def _command(self, name, *arguments):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gateway",
            name,
            "--config",
            str(self.config),
            *arguments,
            cwd=_ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        if process.returncode != 0:
            words = err.decode(errors="replace").strip().splitlines() or ["no message"]
            raise HeadquartersError(f"gateway {name}: code {process.returncode}: {words[-1]}")
        return out.decode()

    async def _end(self, how):
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            how(process)
        try:
            await asyncio.wait_for(process.wait(), _STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()
        await self._tail

    async def _follow(self, process, ready):
        """Read its log to the end, line by line."""
        while True:
            try:
                raw = await process.stderr.readline()
            except ValueError:  # a line longer than the limit: its rest is read as the next one
                continue
            if not raw:
                break
            line = raw.decode(errors="replace").rstrip()
            self.last_lines = [*self.last_lines[-19:], line]
            try:
                fields = json.loads(line)
            except ValueError:
                fields = None
            if not isinstance(fields, dict) or "event" not in fields:
                self.kernel.call_soon_external(self.kernel.emit, "gateway", "noise", line=line)
                continue
            if fields["event"] == "gateway.ready" and not ready.done():
                ready.set_result(None)
            self.kernel.call_soon_external(self._tell, fields)
        if not ready.done():
            await process.wait()
            ready.set_exception(
                HeadquartersError(f"the gateway ended, code {process.returncode}: {self._last_words()}")
            )

    def _tell(self, fields):
        event = fields.pop("event")
        mono_ms = fields.pop("mono_ms", None) or time.monotonic() * 1000
        start = self.kernel.t0_mono_ms
        at_ms = 0.0 if start is None else round(mono_ms - start, 3)
        self.kernel.emit("gateway", event, at_ms=at_ms, details=fields)

    def _last_words(self):
        return self.last_lines[-1] if self.last_lines else "no message"
