"""What the gateway's tests stand on: a configuration, a running gateway, a consumer at a real broker."""

import asyncio
import contextlib
import io
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

from paho.mqtt.client import Client as Paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from gateway.app import App
from gateway.cli import main
from gateway.clock import Clock
from gateway.config import check, load
from gateway.journal.choose import transaction
from gateway.journal.records import NewContext
from gateway.log import Log
from tests.gateway.terminal import Client, Terminal

ROOT = Path(__file__).resolve().parents[2]
UNIT = "patrola/v1/vranje/ps-vranje/vr-101"


def config_text(broker_port=None, **sections):
    """gateway.toml for a test: any free UDP port, no broker unless one is named."""
    document = {
        "listen": {"host": "127.0.0.1", "port": 0},
        "broker": {"host": "127.0.0.1" if broker_port else "", "retry_first_ms": 50, "retry_cap_ms": 200},
        "log": {"level": "debug"},  # a line for each frame
    }
    if broker_port:
        document["broker"]["port"] = broker_port
    for name, values in sections.items():
        document.setdefault(name, {}).update(values)
    lines = []
    for section, values in document.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def run_cli(folder, *arguments, code=0):
    """A command in a process of its own; returns its JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway", *arguments, "--config", str(folder / "gateway.toml"), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout)


def call_cli(folder, *arguments, code=0):
    """The same in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        got = main([*arguments, "--config", str(folder / "gateway.toml"), "--json"])
    assert got == code, (got, out.getvalue(), err.getvalue())
    return json.loads(out.getvalue())


def enroll(folder, terminal, unit="vr-101", station="ps-vranje", directorate="vranje", context=True):
    """Known to the gateway; with a context, unless it is to shake hands for one."""
    answer = call_cli(
        folder,
        *(
            "enroll",
            "--public-key",
            terminal.public_key.hex(),
            "--directorate",
            directorate,
            "--station",
            station,
        ),
        *("--unit", unit, "--vehicle", "Škoda Octavia", "--call-sign", f"Vranje {unit}"),
    )
    assert answer["kid"] == terminal.kid.hex()
    return linked(folder, terminal) if context else terminal


def linked(folder, terminal):
    """A security context straight into the journal, as a handshake long ago would have left it; for tests
    that are not about handshakes."""
    config = load(folder / "gateway.toml")
    new = NewContext(os.urandom(3), terminal.kid, b"\x01", os.urandom(16), os.urandom(8))
    with transaction(config, write=True) as tx:
        stored = tx.add_context(new, 1)
        tx.use_context(new.oscore_id, stored.generation, 1, 2)
        # A running gateway looks at those that changed.
        (known,) = [t for t in tx.terminals() if t.kid == terminal.kid]
        tx.set_state(terminal.kid, known.state, known.changed_ms)
    terminal.link(
        {
            "secret": new.secret.hex(),
            "salt": new.salt.hex(),
            "sender_id": new.oscore_id.hex(),
            "recipient_id": new.gateway_id.hex(),
        }
    )
    return terminal


async def enrolled(bench, unit="vr-101", context=False):
    """A terminal that a running gateway knows; without a context unless told otherwise."""
    terminal = enroll(bench.folder, Terminal(), unit, context=context)
    await bench.app.registry.refresh()
    return terminal


async def states(bench, terminal):
    """Its contexts in the journal, by state."""
    rows = await bench.app.journal.read(lambda tx: tx.contexts(terminal.kid))
    return {row.state: row for row in rows}


def key_of(bench):
    """The gateway's public key, X || Y."""
    return bytes.fromhex(call_cli(bench.folder, "key")["gateway_key"])


class Hand(Clock):
    """A clock that is turned by hand."""

    def __init__(self):
        self.ms = 0.0

    def mono_ms(self):
        return self.ms


class Bench:
    """One gateway in this process, with its folder and its log."""

    def __init__(self, folder, **sections):
        self.folder = folder
        (folder / "gateway.toml").write_text(config_text(**sections))
        self.log = io.StringIO()
        self.app = None
        self._clients = []

    def also(self, **sections):
        """More keys for the configuration."""
        path = self.folder / "gateway.toml"
        document = tomllib.loads(path.read_text())
        for section, values in document.items():
            sections[section] = values | sections.get(section, {})
        path.write_text(config_text(**sections))
        return self

    async def start(self, clock=None, **more):
        path = self.folder / "gateway.toml"
        config = check(tomllib.loads(path.read_text()), path)
        self.app = App(config, Log(config.text("log.level"), self.log), clock, **more)
        await self.app.start()
        return self

    async def stop(self):
        for client in self._clients:
            client.close()
        self._clients.clear()
        if self.app is not None:
            await self.app.stop()
            self.app = None

    async def terminal(self, unit="vr-101", **place):
        """A new terminal, enrolled and known to the running gateway, on a socket."""
        terminal = enroll(self.folder, Terminal(), unit, **place)
        await self.app.registry.refresh()
        return await self.client(terminal)

    async def client(self, terminal):
        client = await Client.open(terminal, self.app.address)
        self._clients.append(client)
        return client

    def events(self, name=None):
        rows = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [row for row in rows if name is None or row["event"] == name]

    async def count(self):
        return await self.app.journal.read(lambda tx: tx.count())

    def slow_writes(self):
        """From now on what is written waits until the event that is returned is set."""
        held, write = asyncio.Event(), self.app.journal.write

        async def slow(work):
            await held.wait()
            return await write(work)

        self.app.journal.write = slow
        return held

    async def stored_nothing(self):
        counts = await self.count()
        assert {name: n for name, n in counts.items() if n and name != "terminals"} == {}

    async def until(self, true, timeout=30):  # noqa: ASYNC109
        """Wait for a condition; `true` may be a coroutine function."""
        async with asyncio.timeout(timeout):
            while True:
                value = true()
                if asyncio.iscoroutine(value):
                    value = await value
                if value:
                    return value
                await asyncio.sleep(0.02)


class Consumer:
    """A subscriber in a thread of paho's; `messages` are (topic, payload, retain, properties)."""

    def __init__(self, port, topics=("patrola/#",), five=True):
        version = MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311
        self.messages = []
        self._topics = topics
        self._paho = Paho(CallbackAPIVersion.VERSION2, protocol=version)
        self._paho.on_message = self._take
        self._paho.on_connect = self._subscribe
        self._paho.on_subscribe = self._subscribed
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._paho.reconnect_delay_set(1, 1)
        self._paho.connect_async("127.0.0.1", port, 30)
        self._paho.loop_start()

    def _subscribe(self, client, data, flags, reason, properties):
        for topic in self._topics:
            client.subscribe(topic, 1)

    def _subscribed(self, *_):
        self._loop.call_soon_threadsafe(self._ready.set)

    def _take(self, client, data, message):
        self.messages.append((message.topic, bytes(message.payload), message.retain, message.properties))

    async def ready(self):
        await asyncio.wait_for(self._ready.wait(), 10)
        return self

    def publish(self, topic, body, properties=None):
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._paho.publish(topic, payload, 1, properties=properties)

    def on(self, ending, retained=False):
        """Payloads of topics that end so."""
        return [m[1] for m in self.messages if m[0].endswith(ending) and (retained or not m[2])]

    def json(self, ending, retained=False):
        return [json.loads(payload) for payload in self.on(ending, retained)]

    def close(self):
        self._paho.disconnect()
        self._paho.loop_stop()
