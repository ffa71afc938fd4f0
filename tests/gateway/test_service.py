"""The service as a supervisor sees it: ready, alive, reloaded, and ended without a frame left behind."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from shutil import which

import pytest

from gateway import service
from gateway.notify import Notifier
from protocol import coap
from tests.gateway.bench import ROOT, Bench, call_cli, config_text, enroll
from tests.gateway.served import Served
from tests.gateway.terminal import Client, Terminal


class Supervisor:
    """systemd's end of the notify socket."""

    def __init__(self, folder, watchdog_s=0.0):
        self._path = str(folder / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self._path)
        self._socket.settimeout(20)
        self.environment = {"NOTIFY_SOCKET": self._path}
        if watchdog_s:
            self.environment["WATCHDOG_USEC"] = str(int(watchdog_s * 1e6))

    def hears(self):
        return self._socket.recv(4096).decode().splitlines()

    def close(self):
        self._socket.close()


@pytest.fixture
def supervisor(tmp_path, monkeypatch):
    one = Supervisor(tmp_path, 0.2)
    for name, value in one.environment.items():
        monkeypatch.setenv(name, value)
    yield one
    one.close()


def log(folder, name):
    rows = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
    return [row for row in rows if row["event"] == name]


async def test_ready_alive_reloading_stopping(tmp_path, supervisor):
    (tmp_path / "gateway.toml").write_text(config_text())
    served = Served(tmp_path)
    try:
        assert await asyncio.to_thread(supervisor.hears) == ["READY=1"]
        for _ in range(3):
            assert await asyncio.to_thread(supervisor.hears) == ["WATCHDOG=1"]
        limits = (ROOT / "/proc" / str(served.process.pid) / "limits").read_text()
        (core,) = [line for line in limits.splitlines() if line.startswith("Max core")]
        assert core.split()[4:6] == ["0", "0"]
        served.process.send_signal(signal.SIGHUP)
        heard = []
        while len(heard) < 2:
            lines = await asyncio.to_thread(supervisor.hears)
            heard += [lines] if lines != ["WATCHDOG=1"] else []
        assert heard[0][0] == "RELOADING=1" and heard[0][1].startswith("MONOTONIC_USEC=")
        assert heard[1] == ["READY=1"]
    finally:
        assert served.end() == 0
    while (last := supervisor.hears()) == ["WATCHDOG=1"]:
        pass
    assert last == ["STOPPING=1"]


_SIGNALLED = """
import os, signal, sys
from gateway import cli
from gateway.app import App

start = App.start

async def signalled(app):
    os.kill(os.getpid(), signal.SIGHUP)
    await start(app)

App.start = signalled
sys.exit(cli.main(["serve"]))
"""


def test_a_reload_while_it_starts_is_carried_out_when_it_can_be(tmp_path):
    """It ended the gateway: nobody was there yet to take the signal."""
    (tmp_path / "gateway.toml").write_text(config_text())
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    serving = subprocess.Popen(
        [sys.executable, "-c", _SIGNALLED], cwd=tmp_path, env=environment, stderr=subprocess.PIPE
    )
    names = []
    while "gateway.reloaded" not in names:
        line = serving.stderr.readline()
        assert line, names
        names.append(json.loads(line)["event"])
    serving.terminate()
    serving.communicate(timeout=20)
    assert names[0] == "gateway.ready" and serving.returncode == 0


def test_nobody_is_told_where_nobody_asked(tmp_path):
    assert Notifier({}).every_s == 0
    Notifier({}).ready()
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "none")}).ready()
    assert Notifier({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "30000000"}).every_s == 15
    assert Notifier({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}).every_s == 0
    pid = str(os.getpid())
    assert Notifier({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": pid}).every_s == 1


def test_an_abstract_socket_is_understood():
    name = f"patrola-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind("\0" + name)
        end.settimeout(5)
        Notifier({"NOTIFY_SOCKET": "@" + name}).status("fine")
        assert end.recv(100) == b"STATUS=fine"


async def test_a_stuck_journal_is_not_called_alive(tmp_path, supervisor, monkeypatch):
    monkeypatch.setattr("gateway.health.STUCK_S", 0.05)
    bench = await Bench(tmp_path).start()
    task = asyncio.create_task(service._prove(bench.app, bench.app.log, Notifier()))
    assert await asyncio.to_thread(supervisor.hears) == ["WATCHDOG=1"]
    with monkeypatch.context() as stuck:
        stuck.setattr(bench.app.journal, "write", lambda work: asyncio.Event().wait())
        await bench.until(lambda: len(bench.events("gateway.stuck")) >= 2)
    task.cancel()
    supervisor._socket.setblocking(False)
    heard = 0
    while True:
        try:
            assert supervisor.hears() == ["WATCHDOG=1"]
            heard += 1
        except BlockingIOError:
            break
    assert heard <= 1
    await bench.stop()


async def test_sigterm_answers_what_was_taken_and_relays_what_was_answered(tmp_path, broker, consumers):
    """In the middle of traffic: each frame is answered and at the broker, or was not taken at all."""
    (tmp_path / "gateway.toml").write_text(config_text(broker_port=broker.port_v5))
    consumer = await consumers(broker.port_v5)
    served = Served(tmp_path)
    terminals = [enroll(tmp_path, Terminal(), f"vr-{n}") for n in range(4)]
    clients = [await Client.open(terminal, served.address) for terminal in terminals]
    answered = set()
    under_way = asyncio.Event()

    async def drive(client):
        while True:
            frame = client.terminal.frame()
            response = await client.post(frame)
            if response.code == coap.CHANGED:
                answered.add(frame)
            if len(answered) >= 40:
                under_way.set()

    drives = [asyncio.create_task(drive(client)) for client in clients]
    await asyncio.wait_for(under_way.wait(), 30)
    code = await asyncio.to_thread(served.end)
    for task in drives:
        task.cancel()
    await asyncio.gather(*drives, return_exceptions=True)
    for client in clients:
        client.close()
    assert code == 0
    assert len(answered) >= 40
    await Bench.until(None, lambda: answered <= set(consumer.on("/frame")))
    # Nothing waits for the next start.
    assert call_cli(tmp_path, "journal", "--count")["counts"]["unrelayed"] == 0


async def test_a_broker_that_is_away_delays_no_end(tmp_path):
    bench = await Bench(tmp_path, broker_port=1).start()
    client = await bench.terminal()
    assert (await client.post(client.terminal.frame())).code == coap.CHANGED
    async with asyncio.timeout(4):
        await bench.stop()


UNIT = ROOT / "gateway" / "systemd" / "patrola-gateway.service"


def test_the_unit_is_what_the_service_needs():
    text = UNIT.read_text()
    for line in (
        "Type=notify",
        "WatchdogSec=30",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "LimitCORE=0",
    ):
        assert line in text.splitlines(), line
    assert "ExecReload=/bin/kill -HUP $MAINPID" in text


def test_systemd_accepts_the_unit(tmp_path):
    """`systemd-analyze verify`, with the program's place made true, and its own mark for the sandbox."""
    if which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed here")
    unit = tmp_path / UNIT.name
    text = UNIT.read_text().replace("/opt/patrola/.venv/bin/python", sys.executable)
    unit.write_text(text.replace("/opt/patrola", str(ROOT)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    said = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert (done.returncode, said) == (0, []), done.stderr
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=15", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


async def test_what_was_answered_goes_out_before_the_end_however_slowly(tmp_path, broker, consumers):
    """One frame at a time, and sixty that wait."""
    bench = await Bench(tmp_path, broker_port=broker.port_v5, broker={"window": 2}).start()
    consumer = await consumers(broker.port_v5)
    await bench.until(lambda: bench.app.relay.connected)
    client = await bench.terminal()
    for _ in range(10):
        assert (await client.post(*(client.terminal.frame() for _ in range(6)))).code == coap.CHANGED
    waiting = (await bench.count())["unrelayed"]
    await bench.stop()
    assert waiting > 5
    assert call_cli(tmp_path, "journal", "--count")["counts"]["unrelayed"] == 0
    await Bench.until(None, lambda: len(consumer.on("/frame")) == 60)


async def test_nothing_is_taken_while_it_ends(tmp_path, monkeypatch):
    """Whoever comes then is served by another process, or by the next start."""
    bench = await Bench(tmp_path).start()
    client = await bench.terminal()
    gate, drain = asyncio.Event(), bench.app.exchange.drain

    async def slowly():
        await gate.wait()
        await drain()

    monkeypatch.setattr(bench.app.exchange, "drain", slowly)
    app = bench.app
    stopping = asyncio.create_task(app.stop())
    await bench.until(lambda: app.health.draining)
    client.socket.send(client.terminal.post(client.terminal.frame())[0])
    assert await client.socket.silent(0.3)
    gate.set()
    await stopping
    bench.app = None
    await bench.stop()
    assert call_cli(tmp_path, "journal", "--count")["counts"]["frames"] == 0
