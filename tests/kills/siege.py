"""Kill -9 at random moments, under traffic; then the books are compared."""

import asyncio
import contextlib
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

from gateway.journal import postgres, sqlite
from hwsim.broker import Broker
from hwsim.postgres import PostgresServer
from protocol import cose, report
from tests.gateway.bench import Consumer, enroll
from tests.gateway.terminal import Terminal
from tests.kills.cars import Book, Car
from tests.kills.gateways import Gateway

SETTLE_S = 60.0


@dataclass
class Plan:
    """`nodes` gateways on one `journal`; each kill is of one of them, or in `server_share` of the cases of
    the PostgreSQL server. With `relayed` they publish to a broker, and a consumer's book is compared too.
    With `pages` they show /readyz and /metrics."""

    journal: str = "sqlite"
    kills: int = 10
    nodes: int = 1
    cars: int = 6
    server_share: float = 0.0
    relayed: bool = False
    pages: bool = False
    seed: int = 1


@dataclass
class Result:
    """Counts; everything that should be nothing is in `wrong`."""

    plan: Plan
    killed: dict = field(default_factory=dict)
    sent: int = 0
    answered: int = 0
    stored: int = 0
    lost: int = 0
    doubled: int = 0
    nonces: int = 0
    reused: int = 0
    hints: int = 0
    deferred: int = 0
    received: int = 0
    repeated: int = 0
    missed: int = 0
    disorder: int = 0
    seconds: float = 0.0
    errors: list = field(default_factory=list)
    notes: list = field(default_factory=list)

    @property
    def wrong(self):
        return self.lost + self.doubled + self.reused + self.missed + self.disorder + len(self.errors)

    def text(self):
        killed = ", ".join(f"{count} x {who}" for who, count in sorted(self.killed.items()))
        at_consumer = (
            f"; at the consumer {self.received} names, {self.repeated} repeats, {self.missed} missed, "
            f"{self.disorder} out of order"
            if self.plan.relayed
            else ""
        )
        return (
            f"{self.plan.journal}, {self.plan.nodes} node(s): {killed}; {self.sent} sent, "
            f"{self.answered} answered, {self.stored} stored, {self.lost} lost, {self.doubled} doubled; "
            f"{self.nonces} nonces, {self.reused} used twice; {self.hints} unprotected answers, "
            f"{self.deferred} times told to come again{at_consumer}; "
            f"{len(self.errors)} errors; {self.seconds:.0f} s"
        )


async def besiege(plan, folder, server=None, blow=None):
    """Run it. `server`: a PostgresServer that is nobody else's, when it is to be hurt. `blow(siege)`: what
    happens instead of each kill."""
    siege = Siege(plan, Path(folder), server)
    began = time.monotonic()
    try:
        await siege.begin()
        for _ in range(plan.kills):
            await (siege.kill() if blow is None else blow(siege))
        await siege.settle()
    finally:
        await siege.end()
    siege.result.seconds = time.monotonic() - began
    return siege.result


class Siege:
    """`nodes`, `cars` and their `book`, `server`: what a blow may hurt and look at."""

    def __init__(self, plan, folder, server):
        self.plan = plan
        self.folder = folder
        self.dice = random.Random(plan.seed)
        self.result = Result(plan)
        self.book = Book()
        self.server = server
        self._owns_server = False
        self._broker = self._consumer = None
        self._driving = []
        self.cars = []
        self.nodes = []

    async def begin(self):
        plan = self.plan
        if plan.journal == "postgres":
            if self.server is None:
                self.server, self._owns_server = PostgresServer().start(), True
            journal = {"url": self.server.url(f"siege{plan.seed}_{plan.nodes}")}
        else:
            journal = {"path": str(self.folder / "siege.sqlite")}
        port = None
        if plan.relayed:
            self._broker = Broker("iotcore", self.folder)
            await self._broker.start()
            port = self._broker.port_v5
            self._consumer = await Consumer(port, ("patrola/+/+/+/+/frame",)).ready()
        self.journal = journal
        self.nodes = [
            Gateway(self.folder, f"gateway-{n + 1}", journal, port, plan.pages) for n in range(plan.nodes)
        ]
        for node in self.nodes:
            await node.start()
        for n in range(plan.cars):
            terminal = enroll(self.nodes[0].folder, Terminal(), f"vr-{n}")
            car = Car(terminal, self.book, lambda: self.dice.choice(self.nodes).address)
            self.cars.append(car)
            drive = car.drive(lambda: self.dice.randrange(1, 4), lambda: self.dice.random() < 0.05)
            self._driving.append(asyncio.create_task(drive))

    async def kill(self):
        """One, at a moment that is some answers and a part of a commit away."""
        await self.answers(self.dice.randrange(1, 12))
        await asyncio.sleep(self.dice.random() * 0.004)
        if self.server is not None and self.dice.random() < self.plan.server_share:
            self.server.kill9()
            self.count("server killed")
            await asyncio.to_thread(self.server.start)
            return
        node = self.dice.choice(self.nodes)
        node.kill9()
        self.count("gateway killed")
        await node.start()

    def count(self, who, number=1):
        """So many more blows, to `who` or by it."""
        self.result.killed[who] = self.result.killed.get(who, 0) + number

    async def answers(self, number):
        """So many more datagrams answered as stored."""
        for _ in range(number):
            await self._answer()

    async def _answer(self):
        """The next one; who drives no more has met a mistake."""
        self.book.progress.clear()
        waiting = asyncio.create_task(self.book.progress.wait())
        try:
            async with asyncio.timeout(SETTLE_S):
                await asyncio.wait([waiting, *self._driving], return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        for task in self._driving:
            if task.done():
                task.result()

    async def settle(self):
        """The cars stop; what is stored is compared with what they were told."""
        result, book = self.result, self.book
        for task in self._driving:
            task.cancel()
        await asyncio.gather(*self._driving, return_exceptions=True)
        if self.plan.relayed:
            async with asyncio.timeout(SETTLE_S):
                while not self._arrived():  # noqa: ASYNC110 - another process moves
                    await asyncio.sleep(0.1)
        rows = [
            (bytes(kid), boot, seq) for kid, boot, seq in self._query("SELECT kid, boot, seq FROM frames")
        ]
        stored = set(rows)
        result.sent, result.answered, result.stored = len(book.sent), len(book.answered), len(stored)
        result.lost = len(book.answered - stored)
        result.doubled = len(rows) - len(stored) + len(stored - book.sent)
        result.nonces, result.reused, result.hints = len(book.nonces), book.reused, book.hints
        result.deferred = book.deferred
        for node in self.nodes:
            result.errors += node.errors()
        if self.plan.journal == "sqlite" and self._query("PRAGMA integrity_check") != [("ok",)]:
            result.errors.append("the file is damaged")
        if self.plan.relayed:
            names = self._names()
            first = list(dict.fromkeys(names))
            result.received, result.repeated = len(first), len(names) - len(first)
            result.missed = len(stored - set(first))
            newest = {}
            for kid, boot, seq in first:
                if (boot, seq) < newest.get(kid, (0, -1)):
                    result.disorder += 1
                    result.notes.append(self._told(kid, seq, newest[kid][1]))
                newest[kid] = max(newest.get(kid, (0, -1)), (boot, seq))

    def _arrived(self):
        if self._query("SELECT count(*) FROM frames WHERE relayed_ms IS NULL")[0][0]:
            return False
        return len(set(self._names())) >= self._query("SELECT count(*) FROM frames")[0][0]

    def _told(self, kid, late, early):
        """What the store knows of two frames of which the later came first."""
        rows = self._query(
            "SELECT id, seq, kind, node, stored_ms, relayed_ms FROM frames "
            f"WHERE encode(kid, 'hex') = '{kid.hex()}' AND seq BETWEEN {late - 2} AND {early + 1} ORDER BY id"
        )
        return f"{early} came before {late} of {kid.hex()}: {rows}"

    def _names(self):
        out = []
        for payload in self._consumer.on("/frame"):
            sign1 = cose.sign1_parse(payload)
            fields = report.decode(sign1.payload)
            out.append((sign1.kid, fields[report.BOOT], fields[report.SEQ]))
        return out

    def _query(self, text):
        if self.plan.journal == "sqlite":
            connection = sqlite.connect(Path(self.journal["path"]))
        else:
            connection = postgres.connect(self.journal["url"])
        with contextlib.closing(connection):
            return connection.execute(text).fetchall()

    async def end(self):
        for task in self._driving:
            task.cancel()
        for car in self.cars:
            car.close()
        for node in self.nodes:
            await node.stop()
        if self._consumer is not None:
            self._consumer.close()
        if self._broker is not None:
            self._broker.kill()
        if self._owns_server:
            self.server.stop()
