"""What the gateway takes from the machine it runs on: a thread that commits, the file, the sockets. A bench
puts a machine of its own in place; nothing else of the gateway knows on which it runs."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client

from gateway.background import Background, Thread
from gateway.datagram import Endpoint
from gateway.journal.sqlite import connect, lock
from gateway.log import Log


class Machine:
    """The real one."""

    def background(self, turn: Callable[[], bool], name: str) -> Background:
        """Where the journal commits."""
        return Thread(turn, name)

    def connect(self, path: Path, busy_timeout_ms: int, create: bool = True) -> sqlite3.Connection:
        """The journal's file."""
        return connect(path, busy_timeout_ms, create)

    def lock(self, path: Path) -> int:
        """A descriptor that says: this file is ours. Raises JournalError when another service has it."""
        return lock(path)

    async def listen(
        self,
        host: str,
        port: int,
        receive_buffer: int,
        receive: Callable[[bytes, Any], None],
        log: Log,
        reuse_port: bool = False,
    ) -> Endpoint:
        """The terminals' side; `reuse_port`: other processes take their share. Raises ListenError."""
        return await Endpoint.open(host, port, receive_buffer, receive, log, reuse_port)

    def look_s(self, seconds: float) -> float:
        """How long to wait from now before looking again whether something is to be done of which nobody
        tells. Where looking costs more than being late, longer than was asked."""
        return seconds

    def turn_s(self, seconds: float) -> float:
        """How long to wait from now for the next turn of what comes round each `seconds`."""
        return seconds

    def mqtt(self, *arguments: Any, **options: Any) -> Client:
        """The broker's side: a client that has not connected yet."""
        return Client(*arguments, **options)
