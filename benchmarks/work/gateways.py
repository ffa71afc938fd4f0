"""Two gateways behind one generator: ours, and a plain one on aiocoap. Each in a process of its own, with a
broker of its own kind beside it, a file on the same disk, and the same cars."""

import asyncio
import contextlib
import json
import os
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.places import Absent, Failed, peers_python
from gateway.config import load
from gateway.journal.records import NewContext
from gateway.journal.sqlite import transaction
from hwsim.broker import Broker
from hwsim.load import cars, stand
from hwsim.load.run import Load, enroll
from hwsim.openssl import Ccm
from protocol.oscore import Context

_PEER = Path(__file__).with_name("peers_gateway.py")
_GATEWAY_ID = b"\x01"
_START_S = 60


def linked(fleet):
    """Give each car a security context; rows of (car, oscore id, secret, salt)."""
    rows = []
    for car in fleet:
        row = (car, car.number.to_bytes(3, "big"), os.urandom(16), os.urandom(8))
        car.context = Context(row[2], row[3], row[1], _GATEWAY_ID, Ccm())
        rows.append(row)
    return rows


class Ours:
    """`python -m gateway serve` with SQLite (FULL sync) and its relay. `start_s`: until it took datagrams."""

    what = "Patrola's gateway"

    def __init__(self, count, settings=None, relay=True, command=(), seed=1):
        self.stand = stand.Stand(settings, relay, command)
        self.stand.prepare()
        self.cars = cars.cars(seed, count)
        self.key = enroll(self.stand.config, self.cars)
        self._keep(linked(self.cars))
        self.start()

    def start(self):
        began = time.perf_counter()
        self.stand.start()
        self.start_s = time.perf_counter() - began
        self.load = Load([self.stand.address], self.key, self.cars, self.stand.broker)

    def _keep(self, rows):
        """As handshakes long ago would have left it; making them is another suite's work."""
        config = load(self.stand.config)
        with transaction(config.journal_path, write=True) as tx:
            for car, oscore_id, secret, salt in rows:
                new = NewContext(oscore_id, car.kid, _GATEWAY_ID, secret, salt)
                stored = tx.add_context(new, 1)
                tx.use_context(oscore_id, stored.generation, 1, 2)

    def observed(self):
        """Every car listens for its commands."""
        self.load.link()

    def cpu_s(self):
        return self.stand.cpu_s()

    def stored(self):
        """{node: frames} in the journal; a node is a worker, and 0 a process of its own."""
        path = load(self.stand.config).journal_path
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            return dict(db.execute("SELECT node, count(*) FROM frames GROUP BY node"))

    def broker_cpu_s(self):
        return stand.used_s(self.stand.broker_pid)

    def close(self):
        self.load.close()
        self.stand.close()


class Plain:
    """peers_gateway.py in the peers' environment."""

    what = "a plain server on aiocoap"

    def __init__(self, count, broker, seed=1):
        python = peers_python()
        probe = subprocess.run([python, "-c", "import aiocoap, paho.mqtt"], capture_output=True, check=False)
        if probe.returncode:
            raise Absent(f"{python} lacks aiocoap or paho-mqtt: run `make setup-peers`")
        self._folder = tempfile.TemporaryDirectory(prefix="patrola-load-", ignore_cleanup_errors=True)
        self.cars = cars.cars(seed, count)
        document = [
            {
                "kid": car.kid.hex(),
                "public_key": car.public.hex(),
                "oscore_id": oscore_id.hex(),
                "secret": secret.hex(),
                "salt": salt.hex(),
            }
            for car, oscore_id, secret, salt in linked(self.cars)
        ]
        folder = Path(self._folder.name)
        folder.joinpath("contexts.json").write_text(json.dumps(document))
        self.store = folder / "frames.sqlite"
        with open(folder / "log", "wb") as log:
            self._process = subprocess.Popen(
                [python, str(_PEER), str(folder), str(broker[1])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        line = self._process.stdout.readline()
        if not line.startswith("ready "):
            self.close()
            raise Failed(f"peers_gateway.py: {folder.joinpath('log').read_text()[-300:]}")
        self.load = Load([("127.0.0.1", int(line.split()[1]))], b"", self.cars, broker)

    def cpu_s(self):
        return stand.used_s(self._process.pid)

    def close(self):
        if hasattr(self, "load"):
            self.load.close()
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._folder.cleanup()


class Beside:
    """A broker in a process of its own."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="patrola-load-", ignore_cleanup_errors=True)
        self._broker = Broker("iotcore", self._folder.name)

    def __enter__(self):
        asyncio.run(self._broker.start())
        return self._broker.host, self._broker.port_v5

    def __exit__(self, *exception):
        self._broker.kill()
        self._folder.cleanup()
