"""Headquarters in virtual time: the real gateway in this process, on the bench's clock, disk and broker.

This is the one door between the bench and the gateway. What the bench puts in place of the machine is
`gateway.machine.Machine`, the clock and the generator; all else is the code that serves real cars.
"""

import contextlib
import io
import json
import tomllib
from pathlib import Path

import paho.mqtt.client as paho

from gateway import commands, requests
from gateway.app import App
from gateway.cli import main as administration
from gateway.config import check
from gateway.datagram import Endpoint
from gateway.journal.records import ENROLLED, REVOKED, SUSPENDED, Terminal
from gateway.journal.sqlite import connect, lock, transaction
from gateway.key import GatewayKey, kid_of
from gateway.log import Log
from gateway.machine import Machine
from hwsim import headquarters_files, seeded_lakers
from hwsim.books import Books
from hwsim.desk import own_key
from hwsim.disk import Disk
from hwsim.network import KernelHost
from hwsim.server import Air, Client, Commits, Lines, WrongClock, paho_time
from hwsim.virtual_loop import VirtualLoop

# Idle looks are events, and events cost. Every so often is enough where a day passes in seconds.
_LOOK_S = 60.0
# `enroll`, `revoke`, `send` by another process are noticed after this.
_POLL_S = 0.25


class Gateway(Books):
    """`start`, `stop`, `kill` at any moment; nothing of it waits for anything. Its log becomes events of the
    kernel (source "gateway", `at_ms`, `details`). `epoch` is the wall's time when the kernel's was 0; the
    gateway's own clock is `clock_offset_ms` wrong."""

    def __init__(self, kernel, directory, broker, epoch, republish_s=30):
        self._folder = headquarters_files.make(directory, republish_s)
        self.directory = Path(self._folder.name)
        super().__init__(kernel, self.directory / "patrola.sqlite")
        self.broker = broker
        self.disk_model = Disk()
        self.host = KernelHost(self._receive)
        self.epoch_ms = round(epoch.timestamp() * 1000)
        self.clock_offset_ms = 0
        self.app = None
        self.starts = 0
        self.ready = False
        self.troubles = []  # what no part of the gateway caught
        self._replies = {}
        self._sockets = []
        self._places = {}
        self._config_path = self.directory / headquarters_files.SETTINGS
        self._config = check(tomllib.loads(self._config_path.read_text("utf-8")), self._config_path)
        paho.time_func = paho_time

    # Its life

    @property
    def running(self):
        return self.loop is not None

    def start(self):
        """As its service manager does."""
        if self.running:
            return
        self.starts += 1
        self.ready = False
        self.loop = loop = VirtualLoop(self.kernel, self._trouble, self.broker.look)
        self.broker.stirred = loop.stir
        generator = self.kernel.rng(f"gateway/{self.starts}")
        seeded_lakers.follow(self.kernel.rng(f"gateway/{self.starts}/lakers"))
        self.app = App(
            self._config,
            Log("debug", Lines(self, loop), WrongClock(self)),
            WrongClock(self),
            generator.randbytes,
            _Machine(self, loop),
        )
        loop.create_task(self._begin(loop, self.app))

    async def _begin(self, loop, app):
        try:
            await app.start()
        except Exception as error:
            self._tell("gateway.failed", {"error": f"{type(error).__name__}: {error}"})
            loop.call_soon(self._gone, loop)
            return
        self.ready = True
        self._tell("gateway.ready", {"start": self.starts, "terminals": len(app.registry)})

    def stop(self):
        """In good order: it finishes what it has begun."""
        if self.running:
            self.loop.create_task(self._end(self.loop, self.app))

    async def _end(self, loop, app):
        await app.stop()
        self._tell("gateway.stopped", {})
        self.disk_model.closed()
        loop.call_soon(self._gone, loop)

    def kill(self, power=False):
        """As `kill -9` now, between two of its steps; with `power` as when its server loses power."""
        if not self.running:
            return
        loop = self.loop
        self._fall(loop, power)
        self.kernel.emit("gateway", "gateway.killed", step=loop.steps, power=power)
        self.broker.look()

    def kill_at(self, steps):
        """At its n-th step from now, which may be any of its awaits."""
        if self.running:
            self.loop.at_step(self.loop.steps + steps, self.kill)

    def close(self):
        """The run is over."""
        if self.running:
            self._fall(self.loop)
        self._folder.cleanup()

    def _gone(self, loop):
        if self.loop is loop:
            self._fall(loop)
            self.broker.look()

    def dial(self):
        """A way to the broker; it breaks when the gateway is killed."""
        near = self.broker.dial()
        self._sockets = [*(sock for sock in self._sockets if sock.fileno() >= 0), near]
        return near

    def _fall(self, loop, power=False):
        """Nothing of it reaches anybody any more, whatever its `finally` blocks try."""
        self.ready = False
        self.loop = self.app = None
        for sock in self._sockets:
            sock.close()
        self.disk_model.crash(self.path, power)
        loop.kill()

    def _trouble(self, message, error):
        self.troubles.append((self.kernel.now_us, message, error))
        self._tell("gateway.trouble", {"message": message, "error": repr(error)})

    # Faults of its machine

    def disk(self, **how):
        """As `Disk.fare`."""
        self.disk_model.fare(self.kernel, **how)

    def lose_store(self):
        """Its disk is lost: journal, registry, contexts. Its key, on a backup, is not; and the administrator
        enrolls the same terminals again. It is down before and after."""
        self.kill()
        for path in self.directory.glob(self.path.name + "*"):
            path.unlink()
        self._stored.clear()
        self.kernel.emit("gateway", "gateway.store lost")
        for public, unit in self._places.values():
            self.enroll(public, unit)

    # What an administrator does

    def enroll(self, public, unit):
        """As `gateway enroll --json`."""
        now_ms = self.wall_ms()
        terminal = Terminal(
            kid=kid_of(public),
            public_key=public,
            directorate=unit.directorate,
            station=unit.station,
            unit=unit.unit,
            vehicle=unit.vehicle,
            call_sign=unit.call_sign,
            state=ENROLLED,
            enrolled_ms=now_ms,
            changed_ms=now_ms,
        )
        with transaction(self.path, write=True) as tx:
            tx.enroll(terminal)
        self._noticed()
        kid = terminal.kid.hex()
        self._places[kid] = (public, unit)
        return {"kid": kid, "gateway_key": GatewayKey(own_key()).public.hex()}

    def revoke(self, kid):
        self._set_state(kid, REVOKED)

    def suspend(self, kid, on=True):
        self._set_state(kid, SUSPENDED if on else ENROLLED)

    def _set_state(self, kid, state):
        with transaction(self.path, write=True) as tx:
            tx.set_state(bytes.fromhex(kid), state, self.wall_ms())
        self._noticed()

    def renew(self, kid):
        """As `gateway send KID renew`: a command that came by no broker."""
        request = requests.parse(json.dumps({"id": f"cli-{self.kernel.now_us}", "command": "renew"}).encode())
        with transaction(self.path, write=True) as tx:
            (terminal,) = [each for each in tx.terminals() if each.kid.hex() == kid]
            prefix, expire_s = self._config.text("northbound.prefix"), self._config.whole("commands.expire_s")
            placed = commands.place(tx, prefix, terminal, request, self.wall_ms(), expire_s, 64)
        self._noticed()
        return placed.result

    def administer(self, *words):
        """A command of `python -m gateway` at its machine; what it says, as JSON."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = administration([*words, "--json", "--config", str(self._config_path)])
        if code:
            raise RuntimeError(f"gateway {words[0]}: {out.getvalue()}")
        self._noticed()
        return json.loads(out.getvalue())

    def _noticed(self):
        if self.running:
            self.loop.call_later(_POLL_S, self._refresh, self.loop)

    def _refresh(self, loop):
        if self.ready:
            loop.create_task(self.app.registry.refresh())

    # What can be seen of it

    def wall_ms(self):
        return self.epoch_ms + self.clock_offset_ms + self.kernel.now_us // 1000

    # The air

    def _receive(self, data, source, reply):
        self._replies[source] = reply
        if self.ready and self.app.endpoint is not None:
            self.loop.call_soon(self.app.endpoint.datagram_received, data, source)

    def answer(self, loop, data, source):
        reply = self._replies.get(source)
        if self.loop is loop and reply is not None:
            reply(data)


class _Machine(Machine):
    def __init__(self, gateway, loop):
        self._gateway = gateway
        self._loop = loop

    def background(self, turn, name):
        return Commits(self._gateway.disk_model, self._loop, turn)

    def connect(self, path, busy_timeout_ms, create=True):
        disk = self._gateway.disk_model
        return disk.opened(connect(path, busy_timeout_ms, create, factory=disk.factory()))

    def lock(self, path):
        return self._gateway.disk_model.locked(lock(path))

    async def listen(self, host, port, receive_buffer, receive, log):
        endpoint = Endpoint(receive, log)
        endpoint.connection_made(Air(self._gateway, self._loop))
        return endpoint

    def look_s(self, seconds):
        # What other processes do to the file is told by `enroll` and its like.
        return self.turn_s(max(seconds, _LOOK_S))

    def turn_s(self, seconds):
        # All that comes round at one moment: each moment of the house's ends what programs may run ahead.
        period_us = round(seconds * 1_000_000)
        return (period_us - self._gateway.kernel.now_us % period_us) / 1_000_000

    def mqtt(self, *arguments, **options):
        return Client(self._gateway.dial, *arguments, **options)
