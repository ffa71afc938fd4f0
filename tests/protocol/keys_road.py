"""The road between a terminal and a gateway that keep their keys fresh, in virtual time on CPython: it loses,
doubles and delays, and watches that the context in use is one that both sides hold.
"""

import heapq
import random

from protocol.exchange import BULK, URGENT
from tests.protocol.keys_gateway import LakersGateway
from tests.protocol.keys_terminal import KeyedTerminal
from tests.protocol.lakers_peer import Key

S, MIN, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000


class Road:
    """Loses `loss` per cent each way, doubles as many, delays up to `delay_ms`, and some up to 40 s."""

    def __init__(self, seed, loss=0, delay_ms=400, report_ms=MIN, urgent_ms=20 * MIN, gateway=None):
        self.rng = random.Random(seed)
        self.loss, self.delay_ms = loss, delay_ms
        self.own = Key(self.rng)
        self.gateway = gateway or LakersGateway(seed + 2, Key(self.rng))
        self.gateway.enroll(self.own)
        self.terminal = KeyedTerminal(seed + 1, self.own, self.gateway.key)
        self.report_ms, self.urgent_ms = report_ms, urgent_ms
        self.now = 0
        self.air = []
        self.plans = []
        self.cut = False
        self.forger = None
        self.holes = []  # (when it began, ms)
        self._hole_since = None
        self._names = 0
        self.at(0, lambda: self._report(BULK, self.report_ms))
        self.at(5 * S, lambda: self._report(URGENT, self.urgent_ms))

    def at(self, when, what):
        heapq.heappush(self.plans, (when, len(self.plans) + self.rng.random(), what))

    def every(self, span, what):
        def again():
            what()
            self.at(self.now + span, again)

        self.at(self.now + span, again)

    def _report(self, lane, again_ms):
        self._names += 1
        self.terminal.report(
            b"%s %d" % (b"panic" if lane == URGENT else b"position", self._names), lane, self.now
        )
        self.at(self.now + again_ms, lambda: self._report(lane, again_ms))

    def throw(self, up, datagram):
        if self.forger is not None:
            self.forger(up, datagram)
        if self.cut or self.rng.randrange(100) < self.loss:
            return
        for _ in range(2 if self.rng.randrange(100) < self.loss else 1):
            late = 40 * S if self.loss and self.rng.randrange(50) == 0 else 0
            self.deliver(up, datagram, self.rng.randrange(self.delay_ms + 1 + late))

    def deliver(self, up, datagram, delay_ms):
        heapq.heappush(self.air, (self.now + 10 + delay_ms, self.rng.random(), up, datagram))

    def run(self, until_ms):
        while self.now < until_ms:
            self.step(until_ms)

    def step(self, until_ms):
        times = [self.now + max(1, self.terminal.wait_ms(self.now)), until_ms]
        times += [heap[0][0] for heap in (self.air, self.plans) if heap]
        self.now = now = max(self.now, min(times))
        while self.plans and self.plans[0][0] <= now:
            heapq.heappop(self.plans)[2]()
        while self.air and self.air[0][0] <= now:
            _, _, up, datagram = heapq.heappop(self.air)
            if up:
                for answer in self.gateway.receive(datagram, now):
                    self.throw(False, answer)
            else:
                self.terminal.receive(datagram, now)
        for datagram in self.terminal.due(now):
            self.throw(True, datagram)
        self._watch(now)

    def _watch(self, now):
        context = self.terminal.context
        held = context is not None and self.gateway.holds(context.sender_id, now)
        if not held and self._hole_since is None:
            self._hole_since = now
        elif held and self._hole_since is not None:
            self.holes.append((self._hole_since, now - self._hole_since))
            self._hole_since = None

    def finish(self, settle_ms=2 * MIN):
        """No more reports; whatever is under way comes to its end on a good road."""
        self.plans, self.loss, self.cut, self.forger = [], 0, False, None
        self.run(self.now + settle_ms)

    def panics(self):
        return {name for name in self.gateway.read if name.startswith(b"panic")}


def check(road):
    """Nothing urgent was lost, and everything was answered once."""
    road.finish()
    terminal, gateway = road.terminal, road.gateway
    assert terminal.reports == [] and not any(name.startswith(b"panic") for name in terminal.given_up)
    answered = [name for name, _ in terminal.answered]
    assert len(answered) == len(set(answered)) and set(answered) <= set(gateway.read)
    assert road.panics() == {name for name in answered if name.startswith(b"panic")}
