"""Gateways that are killed and started again a thousand times: real processes, forked from one that has
imported everything, since importing costs more than all else they do here."""

import asyncio
import json
import multiprocessing
import os
import signal
import socket

from hwsim.broker import free_ports
from tests.gateway.bench import config_text

_WRONG = ("internal", "datagram.failed", "round.failed", "relay.failed", "relay.orphan", "frame.conflict")
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["gateway.cli", "gateway.service", "gateway.workers", "tests.kills.gateways"])


def _serve(config, log, ready):
    from gateway.cli import main

    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(descriptor, 2)
    # The parent sees the end of this pipe when we die before we are ready.
    pipe = os.dup(ready.fileno())
    ready.close()
    os._exit(main(["serve", "--config", config, "--ready-fd", str(pipe)]))


class Gateway:
    """One node: its folder, its port, which stays the same, and its process."""

    def __init__(self, folder, name, journal, broker_port=None, pages=False):
        self.folder = folder / name
        self.folder.mkdir()
        self.name = name
        self.address = ("127.0.0.1", free_ports(1, socket.SOCK_DGRAM)[0])
        (self._pages,) = free_ports(1)
        self.log = self.folder / "log"
        (self.folder / "gateway.toml").write_text(
            config_text(
                broker_port,
                gateway={"id": name},
                journal=journal,
                listen={"port": self.address[1]},
                edhoc={"key": str(folder / "gateway.key")},
                log={"level": "warning"},
                metrics={"host": "127.0.0.1" if pages else "", "port": self._pages},
            )
        )
        self._process = None
        self.starts = 0

    async def start(self):
        """Returns when it takes datagrams."""
        read, write = _CONTEXT.Pipe(duplex=False)
        self.starts += 1
        self._process = _CONTEXT.Process(
            target=_serve, args=(str(self.folder / "gateway.toml"), str(self.log), write), daemon=True
        )
        self._process.start()
        write.close()
        loop = asyncio.get_running_loop()
        line = await loop.run_in_executor(None, _first, read)
        if not line:
            self._process.join()
            raise RuntimeError(f"{self.name} did not start: {self.log.read_text()[-2000:]}")
        assert json.loads(line)["event"] == "gateway.ready"

    @property
    def running(self):
        return self._process is not None and self._process.is_alive()

    @property
    def pid(self):
        return self._process.pid

    async def page(self, path):
        """(status, text) of a page for scrapers and balancers."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._pages)
        writer.write(f"GET {path} HTTP/1.1\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        return int(head.split()[1]), body.decode()

    def kill9(self):
        self._process.kill()
        self._process.join()
        assert self._process.exitcode == -signal.SIGKILL, self._process.exitcode

    async def stop(self):
        if self.running:
            self._process.terminate()
            await asyncio.get_running_loop().run_in_executor(None, self._process.join)

    def errors(self):
        """Lines that speak of a mistake of the program's, and not of a storage that is away."""
        return [row for row in self.events(*_WRONG) if not row.get("error", "").startswith("JournalError")]

    def events(self, *names):
        rows = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [row for row in rows if not names or row["event"] in names]


def _first(read):
    with os.fdopen(os.dup(read.fileno()), "rb") as pipe:
        read.close()
        return pipe.readline()
