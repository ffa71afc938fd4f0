"""`serve --workers N`: several processes on one port, one journal, one machine.

The kernel gives each address of a terminal to one of them (SO_REUSEPORT) and, when one ends, to the others.
Each is a whole gateway with a name of its own; the parent keeps the SQLite file's lock for them, starts again
who ends or hangs, and ends them all when it is told to. When the parent is killed they end by themselves.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Collection
from dataclasses import replace

from gateway.config import Config
from gateway.journal.base import JournalError
from gateway.journal.sqlite import lock
from gateway.log import Log
from gateway.notify import Notifier, Pulse

START_S = 60.0
_PAUSE_S = 1.0
# A worker that hangs keeps its share of the cars, their alarms included: the kernel goes on giving it theirs.
# Where no supervisor says how long to be patient, so long.
_PATIENCE_S = 30.0
# Counted in looks, not by a clock: who stood still with all of us, a frozen machine, is not to be blamed.
_LOOKS = 6
# What is said by a supervisor to this process alone.
_OURS = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC")


def configured(config: Config, number: int, port: int | None) -> Config:
    """As the worker of this number has it: the first has the gateway's own name, the next NAME-2."""
    values = dict(config.values)
    if number:
        values["gateway.id"] = f"{values['gateway.id']}-{number + 1}"
        if values["broker.client_id"]:
            values["broker.client_id"] += f"-{number + 1}"
    if port is not None:
        values["listen.port"] = port
    return replace(config, values=values)


class WorkersError(Exception):
    """A worker did not start."""


class Workers:
    """`ready(address)` is called when all take datagrams."""

    def __init__(
        self, config: Config, log: Log, count: int, ready: Callable[[tuple[str, int]], None]
    ) -> None:
        self._config = config
        self._log = log
        self._count = count
        self._ready = ready
        self._address: tuple[str, int] | None = None
        self._processes: dict[int, asyncio.subprocess.Process] = {}
        self._ended = asyncio.Event()
        self._lock = -1
        self._leash = (-1, -1)
        self._notifier = Notifier()
        self._patience_s = self._notifier.watchdog_s or _PATIENCE_S
        self._pulses = [Pulse() for _ in range(count)]
        self._starting: set[int] = set()
        self._unread: set[int] = set()

    async def run(self) -> int:
        """Until SIGTERM or SIGINT; the exit code. Raises JournalError, WorkersError."""
        loop = asyncio.get_running_loop()
        if not self._config.database:
            self._lock = self._locked()
        # Its reading end is in the workers; the writing end goes away with us, however we end.
        self._leash = os.pipe()
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._ended.set)
            loop.add_signal_handler(signal.SIGHUP, self._reload)
            return await self._serve()
        finally:
            self._tell(signal.SIGTERM)
            for process in self._processes.values():
                await process.wait()
            for descriptor in (self._lock, *self._leash):
                if descriptor >= 0:
                    os.close(descriptor)
            for pulse in self._pulses:
                pulse.close()

    async def _serve(self) -> int:
        notifier = self._notifier
        for number in range(self._count):
            await self._start(number)
        assert self._address is not None
        self._log.info("workers.ready", udp=list(self._address), workers=self._count)
        self._ready(self._address)
        notifier.ready()
        keepers = [asyncio.create_task(self._keep(number)) for number in range(self._count)]
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(notifier.every_s or None):
                    await self._ended.wait()
            if all(process.returncode is None for process in self._processes.values()):
                notifier.alive()
        notifier.stopping()
        for keeper in keepers:
            keeper.cancel()
        return 0

    def _locked(self) -> int:
        try:
            return lock(self._config.journal_path)
        except OSError as error:
            raise JournalError(f"{self._config.journal_path}: {error}") from error

    def _tell(self, signum: int, but: Collection[int] = ()) -> None:
        for number, process in self._processes.items():
            with contextlib.suppress(ProcessLookupError):
                if process.returncode is None and number not in but:
                    process.send_signal(signum)

    def _reload(self) -> None:
        """SIGHUP would end one that is not ready for it: that one is told when it is."""
        self._unread |= self._starting
        self._tell(signal.SIGHUP, but=self._starting)

    async def _end_of(self, number: int) -> int:
        """Its code, when it ends; killed when it says for long no more that it is alive."""
        process, pulse, missed = self._processes[number], self._pulses[number], 0
        pulse.felt()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._patience_s / _LOOKS):
                    return await process.wait()
            missed = 0 if pulse.felt() else missed + 1
            if missed > _LOOKS:
                self._log.error("worker.stuck", worker=number, silent_s=round(self._patience_s))
                process.kill()

    async def _keep(self, number: int) -> None:
        """Start it again whenever it ends."""
        while True:
            code = await self._end_of(number)
            self._log.error("worker.ended", worker=number, code=code)
            try:
                await self._start(number)
            except (WorkersError, OSError) as error:
                self._log.error("worker.failed", worker=number, error=str(error))
                await asyncio.sleep(_PAUSE_S)

    async def _start(self, number: int) -> None:
        """Returns when it takes datagrams. Raises WorkersError."""
        self._starting.add(number)
        try:
            await self._begin(number)
        finally:
            self._starting.discard(number)
            late = number in self._unread
            self._unread.discard(number)
        if late:
            self._tell(signal.SIGHUP, but=self._processes.keys() - {number})

    async def _begin(self, number: int) -> None:
        read, write = os.pipe()
        arguments = ["--worker", str(number), "--ready-fd", str(write), "--leash-fd", str(self._leash[0])]
        pulse = self._pulses[number].end
        arguments += ["--pulse-fd", str(pulse)]
        if self._address is not None:
            arguments += ["--port", str(self._address[1])]
        passed = [write, pulse, self._leash[0]] + ([self._lock] if self._lock >= 0 else [])
        environment = {name: value for name, value in os.environ.items() if name not in _OURS}
        environment["WATCHDOG_USEC"] = str(int(self._patience_s * 1e6))
        try:
            self._processes[number] = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "gateway", "serve", "--config", str(self._config.source)),
                *arguments,
                pass_fds=passed,
                env=environment,
            )
        finally:
            os.close(write)
        try:
            async with asyncio.timeout(START_S):
                line = await _line(read)
        except TimeoutError:
            self._processes[number].kill()
            line = b""
        if not line:
            code = await self._processes[number].wait()
            raise WorkersError(f"worker {number} did not start: code {code}")
        host, port = json.loads(line)["udp"]
        self._address = (host, port)


async def _line(descriptor: int) -> bytes:
    """What comes until the end, which is at hand when the worker has started, or has failed to."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb")
    )
    try:
        return await reader.read()
    finally:
        transport.close()
