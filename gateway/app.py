"""The gateway put together: who calls whom, what is done again and again, and how it ends."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace

from gateway import commands, panics
from gateway.clock import Clock
from gateway.config import Config
from gateway.contexts import Entry
from gateway.datagram import ListenError
from gateway.enrolment_post import EnrolmentPost, open_post
from gateway.gauges import Timings
from gateway.health import Health
from gateway.http import HttpServer
from gateway.intake import Stored
from gateway.journal import choose
from gateway.journal.base import JournalError
from gateway.journal.records import ENROLLED, REVOKED, Terminal
from gateway.log import Log
from gateway.machine import Machine
from gateway.measured import Measured
from gateway.nodes import ROUND_S, Nodes
from gateway.parts import Parts
from gateway.registry import POLL_S
from gateway.reloading import Reloaded, Reloader
from gateway.vault import vault

DRAIN_S = 5.0


class App(Parts):
    """`start`, then `address` is known; `stop` finishes what is under way. `random(n)` makes all that is left
    to chance but the keys, which are the system's and lakers' own; `machine` has threads, file, sockets."""

    def __init__(
        self,
        config: Config,
        log: Log,
        clock: Clock | None = None,
        random: Callable[[int], bytes] = secrets.token_bytes,
        machine: Machine | None = None,
        number: int = 0,
        shared: bool = False,
    ) -> None:
        super().__init__(config, log, clock or Clock(), random, machine or Machine())
        self._number = number  # of this process, where several share the work
        self.shared = shared  # it is one of several on this machine
        self.nodes: Nodes | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._relaying: asyncio.Task[None] | None = None
        self.timings = Timings()
        self._pages: HttpServer | None = None
        self._post: EnrolmentPost | None = None
        self._reloader = Reloader(config)

    @property
    def address(self) -> tuple[str, int]:
        assert self.endpoint is not None
        return self.endpoint.address

    async def start(self) -> None:
        """Raises JournalError, KeyFileError, ListenError; then nothing was left running."""
        config = self.config
        self.vault = vault(config.text("security.secrets_key_file"), random=self._random)
        self.journal = choose.make(config, self._machine, self._unstored, self.shared)
        self.health = Health(self.journal, self.clock, self.log, self._facts_of_health)
        await self.journal.open()
        try:
            await self._assemble()
        except BaseException:
            await self.journal.close()
            raise

    async def _assemble(self) -> None:
        config, log, clock = self.config, self.log, self.clock
        await self._make()
        self._tie()
        await self._show()
        await self._open_post()
        host, port = config.text("listen.host"), config.whole("listen.port")
        buffer = config.whole("listen.receive_buffer")
        share = {"reuse_port": True} if self.shared else {}
        self.endpoint = await self._machine.listen(host, port, buffer, self.exchange.receive, log, **share)
        machine = self._machine
        self._every(lambda: machine.look_s(POLL_S), self.registry.refresh)
        if self.journal.node:
            self.nodes = Nodes(
                self.journal, log, clock, lambda: self.relay.connected, self.relay.stir, self.relay.lapsed
            )
            self.relay.holds = self.nodes.holds
            self._every(lambda: ROUND_S, self.nodes.round)
        self._every(lambda: machine.look_s(1.0), self._sweep)
        self._every(lambda: machine.look_s(1.0), self.contexts.sweep)
        self._every(lambda: machine.turn_s(config.whole("panic.republish_s")), self.reminders.round)
        if config.brokers():
            self._relaying = asyncio.create_task(self.relay.run())
        if not self.retention.idle:
            self._tasks.append(asyncio.create_task(self.retention.run()))

    async def _open_post(self) -> None:
        """For technicians, where the configuration says; one process of several. Raises ListenError."""
        if not self._number:
            self._post = await open_post(self.config, self.journal, self.own_key, self.log, self.clock)

    @property
    def enrolment_address(self) -> tuple[str, int] | None:
        return None if self._post is None else self._post.address

    async def _show(self) -> None:
        """Numbers and health, where the configuration says. Raises ListenError."""
        self.measured = Measured(self)
        host, port = self.config.text("metrics.host"), self.config.whole("metrics.port")
        if not host:
            return
        self._pages = HttpServer({"/metrics": self.measured.page, **self.health.pages()})
        try:
            await self._pages.listen(host, port + self._number if port else 0)
        except OSError as error:
            self._pages = None
            raise ListenError(
                f"cannot listen on {host}:{port + self._number if port else 0}: {error.strerror or error}",
                "metrics.host, metrics.port",
                "stop whoever uses it (ss -tlpn shows), or choose another",
            ) from error

    @property
    def pages_address(self) -> tuple[str, int] | None:
        """Where metrics and health are served."""
        return None if self._pages is None else self._pages.address

    def _facts_of_health(self) -> dict[str, object]:
        return {
            "id": self.config.text("gateway.id"),
            "broker": "connected" if self.relay.connected else "away" if self._relaying else "none",
            "waiting": self.journal.waiting,
        }

    def reload(self) -> Reloaded:
        """Read the configuration again."""
        return self._reloader.take(self)

    def _tie(self) -> None:
        """Who is told of what; each of them knows only its own part."""
        self.resources.on_stored = self._stored
        self.resources.on_notices = self.relay.notices_waiting
        self.resources.updater.on_notices = self.relay.notices_waiting
        self.observers.on_notices = self.relay.notices_waiting
        self.registry.commanded = self._commanded
        self.registry.changed = self._changed
        self.contexts.on_gone = self._gone
        self.relay.on_command = lambda link, incoming: self._spawn(self.orders.take(link, incoming))
        self.relay.on_facts = self._facts
        self.relay.on_up = self._remind_anew
        self.orders.on_placed = self._placed
        self.presences.on_notices = self.relay.notices_waiting
        self.intake.on_frame = self.presences.note_frame
        self.peers.on_heard = self.presences.heard
        self.exchange.answers = self.timings.answer
        self.observers.on_registered = self.presences.registered
        self.relay.timings = self.timings
        self.journal.timings = self.timings
        self._spawned: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """Take nothing new, finish and answer what was taken, bring it to the broker, say good-bye there."""
        self.health.draining = True
        if self.endpoint is not None:
            self.exchange.taking = False
            await self.exchange.drain()
            await self.edhoc.drain()
            self.endpoint.close()
        await self._settle()
        for task in self._tasks:
            task.cancel()
        if self._relaying is not None:
            self.relay.stop()
            done, late = await asyncio.wait([self._relaying], timeout=DRAIN_S)
            for task in late:
                task.cancel()
        for refusals in (self.refusals, self.strangers):
            refusals.sweep(ending=True)
        self.log.sweep(ending=True)
        if self._pages is not None:
            await self._pages.close()
        if self._post is not None:
            await self._post.close()
        self.verifier.close()
        await self.journal.close()

    async def _settle(self) -> None:
        """What was answered goes to the broker now, if it is there and quick; else after the next start."""
        for _ in range(int(DRAIN_S / 0.02)):
            if self._relaying is None or self.relay.settled:
                break
            await asyncio.sleep(0.02)

    def _every(self, pause_s: Callable[[], float], work: Callable[[], Awaitable[None]]) -> None:
        async def forever() -> None:
            while True:
                await asyncio.sleep(pause_s())
                try:
                    await work()
                except JournalError as error:
                    self.log.seldom("error", "round.postponed", work=work.__name__, error=str(error))
                except Exception as error:
                    # A failed round must not end all later ones.
                    self.log.error(
                        "round.failed", work=work.__name__, error=f"{type(error).__name__}: {error}"
                    )

        self._tasks.append(asyncio.create_task(forever()))

    def _remind_anew(self) -> None:
        under_way = [task for task in self._tasks if not task.done()]
        self._tasks = [*under_way, asyncio.create_task(self.reminders.anew())]

    def _spawn(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)

    # --- what follows from what

    def _stored(self, stored: Stored) -> None:
        self.health.worked()
        self.measured.stored(stored)
        if self.nodes is not None:
            self.nodes.called(stored.called)
        if stored.handed:
            stored = replace(stored, rows=[item for item in stored.rows if item[0].id not in stored.handed])
        self.relay.offer(stored)

    def _facts(self, facts: list[panics.Fact]) -> None:
        self.resources.report(facts)
        for fact in facts:
            self.observers.poke(fact.kid)

    def _placed(self, terminal: Terminal, facts: list[panics.Fact]) -> None:
        self._facts(facts)
        self._commanded(terminal)

    def _unstored(self, message: str) -> None:
        self.health.failed(message)
        if self._relaying is not None:
            self.relay.doubt()

    def _commanded(self, terminal: Terminal) -> None:
        self.observers.poke(terminal.kid)
        self.relay.notices_waiting()

    async def _changed(self, terminal: Terminal) -> None:
        if terminal.state != ENROLLED:
            self.observers.remove(terminal.kid)
        if terminal.state == REVOKED:
            for entry in self.contexts.of(terminal.kid):
                self.peers.drop(entry)
        await self.contexts.reload(terminal.kid)

    def _gone(self, entry: Entry) -> None:
        self.peers.drop(entry)
        self.observers.gone(entry)

    async def _sweep(self) -> None:
        for refusals in (self.refusals, self.strangers):
            refusals.sweep()
        if self._post is not None:
            self._post.refusals.sweep()
        self.edhoc.sweep()
        self.log.sweep()
        now_ms = self.clock.wall_ms()
        if await self.journal.read(lambda tx: bool(tx.expired_commands(now_ms))):
            number = await self.journal.write(
                lambda tx: commands.expire(tx, self._prefix, self.registry.by_kid, now_ms)
            )
            self.log.info("command.expired", count=number)
            self.relay.notices_waiting()
        await self.presences.look()
