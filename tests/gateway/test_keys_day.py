"""A day of keys with the gateway itself: its EDHOC, contexts and journal, on a clock that is turned by hand.

The terminal is that of tests/protocol/test_renewal_day.py, put together from the pieces of `protocol/`; its
reports are true frames, so what counts as read is what the journal holds.
"""

import asyncio
import random

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.clock import Clock
from gateway.journal.records import CURRENT, NEXT, RETIRING
from protocol.exchange import URGENT
from tests.gateway.bench import Bench, enroll, key_of
from tests.gateway.terminal import Terminal
from tests.protocol.keys_road import DAY, HOUR, MIN, Road, S, check
from tests.protocol.lakers_peer import Public

CAR = ("198.51.100.7", 40000)
WALL_MS = 1_790_000_000_000


class Hand(Clock):
    now_ms = 0

    def wall_ms(self):
        return WALL_MS + self.now_ms

    def mono_ms(self):
        return float(self.now_ms)


class RealGateway:
    """One gateway in this process, with the same face as `LakersGateway`."""

    def __init__(self, folder):
        self.loop = asyncio.new_event_loop()
        self.clock = Hand()
        self.bench = Bench(folder)
        self.down = False
        self.out = []
        self.frames = {}  # name -> frame
        self.starts = 0
        self.start()
        self.key = Public(self.run(asyncio.to_thread(key_of, self.bench)))

    def run(self, work):
        return self.loop.run_until_complete(work)

    def start(self):
        self.run(self.bench.start(self.clock, random=random.Random(self.starts).randbytes))
        self.starts += 1
        self.bench.app.endpoint.send = lambda datagram, source: self.out.append(datagram)

    def restart(self):
        self.run(self.bench.stop())
        self.start()

    def lose_store(self):
        """The journal is gone; the gateway's key is a file of its own. The terminals are enrolled again."""
        self.run(self.bench.stop())
        for path in self.bench.folder.glob("*.sqlite*"):
            path.unlink()
        self.start()
        self.enroll(self.own)

    def enroll(self, own):
        self.own = own
        self.terminal = Terminal()
        number = int.from_bytes(own.private, "big")
        self.terminal.take(ec.derive_private_key(number, ec.SECP256R1()))
        self.run(asyncio.to_thread(enroll, self.bench.folder, self.terminal, context=False))
        self.run(self.bench.app.registry.refresh())

    def content(self, name):
        if name not in self.frames:
            self.frames[name] = self.terminal.panic() if name.startswith(b"panic") else self.terminal.frame()
        return self.frames[name]

    def receive(self, datagram, now):
        self.run(self._receive(datagram, now))
        out, self.out = self.out, []
        return out

    async def _receive(self, datagram, now):
        app, self.clock.now_ms = self.bench.app, now
        app.edhoc.sweep()
        await app.contexts.sweep()  # once a second by the gateway's own clock
        app.exchange.receive(datagram, CAR)
        while app.exchange.under_way or app.edhoc._tasks:
            await app.exchange.settled()
            await app.edhoc.drain()

    def holds(self, oscore_id, now):
        return self.bench.app.contexts.get(oscore_id) is not None

    def states(self):
        rows = self.run(self.bench.app.journal.read(lambda tx: tx.contexts(self.own.kid)))
        return [row.state for row in rows]

    @property
    def read(self):
        rows = self.run(self.bench.app.journal.read(lambda tx: tx.frames(0, 100_000)))
        stored = {bytes(row.frame) for row in rows}
        return [name for name, frame in self.frames.items() if frame in stored]

    def close(self):
        self.run(self.bench.stop())
        self.loop.close()


@pytest.fixture
def gateway(tmp_path):
    one = RealGateway(tmp_path)
    yield one
    one.close()


def road_to(gateway, **more):
    road = Road(gateway=gateway, **more)
    road.terminal.content = gateway.content
    return road


@pytest.mark.parametrize("loss", [0, 30])
def test_a_day_with_a_renewal_every_twenty_minutes(gateway, loss):
    road = road_to(gateway, seed=20 + loss, loss=loss, report_ms=4 * MIN)
    road.every(20 * MIN, lambda: road.terminal.renewal.asked(road.now))
    road.run(DAY)
    (start, _), *gaps = road.holes
    assert start == 0 and gaps == [] and road._hole_since is None
    check(road)
    made = len(road.terminal.established)
    assert made > 50, road.terminal.failures
    assert gateway.bench.app.edhoc.established >= made
    assert made - 1 <= len(gateway.bench.events("context.used")) <= made, "perhaps not the last one yet"
    assert set(gateway.states()) <= {NEXT, CURRENT, RETIRING} and len(gateway.states()) <= 3
    assert [row for row in gateway.bench.events("refused") if row["reason"] == "unknown"] == []


def test_the_gateway_restarts_all_the_time(gateway):
    """Handshakes under way are forgotten, contexts are not: no gap."""
    road = road_to(gateway, seed=30, loss=10, report_ms=4 * MIN)
    road.every(10 * MIN, lambda: road.terminal.renewal.asked(road.now))
    road.every(7 * MIN + 77, gateway.restart)
    receive = gateway.receive

    def falls(datagram, now):
        answers = receive(datagram, now)
        if b"edhoc" in datagram and road.rng.randrange(4) == 0:
            gateway.restart()
        return answers

    gateway.receive = falls
    road.run(6 * HOUR)
    assert road.holes[1:] == [] and road._hole_since is None
    check(road)
    assert len(road.terminal.established) > 15 and road.terminal.failures


def test_the_gateway_loses_its_journal(gateway):
    """Deleted, and the terminals enrolled again: the terminal finds its way by itself."""
    road = road_to(gateway, seed=31, loss=10, urgent_ms=5 * MIN)
    road.every(HOUR, gateway.lose_store)
    road.run(5 * HOUR)
    assert len(road.holes) == 5 and max(ms for _, ms in road.holes[1:]) < 110 * S
    road.finish()
    assert road.terminal.reports == [] and len(road.terminal.established) >= 5
    assert not any(name.startswith(b"panic") for name in road.terminal.given_up)
    assert len(gateway.states()) <= 3


def test_lost_in_the_middle_of_an_alarm(gateway):
    """The key is pressed while the gateway has forgotten everybody: stored within seconds, under new keys."""
    road = road_to(gateway, seed=32, delay_ms=100, urgent_ms=DAY)
    road.run(MIN + S)
    gateway.lose_store()
    assert road.terminal.reports == []
    road.terminal.report(b"panic in the dark", URGENT, road.now)
    road.run(MIN + 6 * S)
    assert road.terminal.reports == [] and gateway.read == [b"panic in the dark"], "in the new journal"
