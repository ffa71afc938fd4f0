"""A real MQTT broker on loopback ports the system gave: iotcore from its wheel, or mosquitto where
installed.
"""

import asyncio
import shutil
import socket
import subprocess
import sys
from pathlib import Path

_START_S = 15.0
_RUMQTTD = """\
id = 0

[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10

[v4.1]
name = "v4"
listen = "127.0.0.1:{v4}"
next_connection_delay_ms = 1
    [v4.1.connections]
    connection_timeout_ms = 60000
    max_payload_size = 65536
    max_inflight_count = 100
    dynamic_filters = true

[v5.1]
name = "v5"
listen = "127.0.0.1:{v5}"
next_connection_delay_ms = 1
    [v5.1.connections]
    connection_timeout_ms = 60000
    max_payload_size = 65536
    max_inflight_count = 100
    dynamic_filters = true
"""
_MOSQUITTO = """\
listener {v5} 127.0.0.1
allow_anonymous true
persistence false
max_inflight_messages 100
max_queued_messages 100000
"""


class BrokerError(Exception):
    """The broker could not be started."""


class Broker:
    """`kind` is iotcore or mosquitto. Ports stay the same when it is killed and started again."""

    def __init__(self, kind, directory):
        if kind not in ("iotcore", "mosquitto"):
            raise ValueError(f"broker is iotcore or mosquitto, not {kind!r}")
        self.kind = kind
        self.host = "127.0.0.1"
        self.port_v4, self.port_v5 = free_ports(2)
        if kind == "mosquitto":  # one listener speaks both versions
            self.port_v4 = self.port_v5
        self._config = Path(directory) / ("iotcore.toml" if kind == "iotcore" else "mosquitto.conf")
        self._log = Path(directory) / f"{kind}.log"
        self.starts = 0
        self._process = None

    @property
    def pid(self):
        return self._process.pid

    @property
    def running(self):
        return self._process is not None and self._process.poll() is None

    async def start(self):
        """Start it and wait until its listeners take connections."""
        if self.running:
            return
        template = _RUMQTTD if self.kind == "iotcore" else _MOSQUITTO
        self._config.write_text(template.format(v4=self.port_v4, v5=self.port_v5), "utf-8")
        self.starts += 1
        self._launch()
        for port in {self.port_v4, self.port_v5}:
            await self._listening(port)

    def kill(self):
        """As a power failure would: what it had not handed on is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process.stdin.close()
            self._process = None

    stop = kill  # nothing in it is worth an orderly farewell

    def _launch(self):
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(self._command(), stdin=subprocess.PIPE, stdout=log, stderr=log)

    def _command(self):
        if self.kind == "mosquitto":
            # Debian puts it where only root looks.
            program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
            if program is None:
                raise BrokerError(
                    "mosquitto is not installed; the demonstration also runs with --broker iotcore"
                )
            return [program, "-c", str(self._config)]
        return [
            sys.executable,
            "-m",
            "hwsim.leash",
            "iotcore",
            "--log-level",
            "CRITICAL",
            "--config",
            str(self._config),
        ]

    async def _listening(self, port):
        loop = asyncio.get_running_loop()
        end = loop.time() + _START_S
        while True:
            if self._process.poll() is not None:
                raise BrokerError(
                    f"{self.kind} ended at once, code {self._process.returncode}: {self._last_words()}"
                )
            try:
                _, writer = await asyncio.open_connection(self.host, port)
            except OSError:
                if loop.time() > end:
                    raise BrokerError(
                        f"{self.kind} did not listen on port {port} within {_START_S:.0f} s"
                    ) from None
                await asyncio.sleep(0.05)
                continue
            writer.close()
            return

    def _last_words(self):
        lines = self._log.read_text("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "no message"


def free_ports(count, kind=socket.SOCK_STREAM):
    """Ports nobody uses at this moment, all different."""
    sockets = [socket.socket(socket.AF_INET, kind) for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
