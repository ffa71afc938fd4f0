"""A terminal's client and a gateway's server with a bad network between them, in virtual time.

The terminal's clock is a 30-bit tick counter that wraps early in the run; the gateway's is not.
"""

from protocol import coap
from protocol.coap import CHANGED, CON, CONTENT, POST, Message
from protocol.exchange import FAILED, NOTIFICATION, RESPONSE, Client
from protocol.responder import Reply, Request, Server

PERIOD = 1 << 30


def ticks_diff(a, b):
    return ((a - b + (PERIOD >> 1)) & (PERIOD - 1)) - (PERIOD >> 1)


class Random:
    """A small generator that gives the same numbers under both Pythons."""

    def __init__(self, seed):
        self._state = seed * 2654435761 + 1 & 0xFFFFFFFF

    def __call__(self):
        x = self._state
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        self._state = x
        return x & 0xFFFF

    def chance(self, percent):
        return self() % 100 < percent


class Bench:
    """`effects` counts what the gateway did, by payload; `answered` what the terminal was told."""

    def __init__(self, seed, loss, duplicate, delay_ms, commit_ms=0, separate=False):
        self.random = Random(seed)
        self.loss, self.duplicate, self.delay_ms = loss, duplicate, delay_ms
        self.commit_ms, self.separate = commit_ms, separate
        self.now = 0
        self.client = Client(self.random, ticks_diff)
        self.server = Server(self.random)
        self.air = []  # (when, towards the gateway?, datagram)
        self.commits = []  # (when, request)
        self.effects, self.answered, self.failed, self.notified = {}, {}, [], []
        self.sent = {}
        self.names = {}
        self.observer = None
        self.cut = (0, 0)

    def ticks(self):
        return self.now + PERIOD - 5000 & (PERIOD - 1)

    def post(self, payload, lane):
        handle = self.client.request(Message(CON, POST, payload=payload), lane, self.ticks())
        self.names[handle] = payload
        return handle

    def observe(self, lane):
        message = Message(CON, coap.GET, options=[(coap.OBSERVE, b"")], payload=b"observe")
        self.names[self.client.request(message, lane, self.ticks())] = b"observe"

    def notify(self, payload):
        message = Message(CON, CONTENT, options=[(coap.OBSERVE, b"\1")], payload=payload)
        self.server.notify("car", self.observer, message, self.now)

    def _throw(self, up, datagram):
        if self.random.chance(self.loss) or self.cut[0] <= self.now < self.cut[1]:
            return
        for _ in range(2 if self.random.chance(self.duplicate) else 1):
            self.air.append((self.now + self.random() % (self.delay_ms + 1), up, datagram))

    def _next(self, until_ms):
        """Time jumps to whatever happens first, and by 1 ms at least."""
        waits = [self.client.wait_ms(self.ticks()), self.server.wait_ms(self.now)]
        times = [self.now + wait for wait in waits if wait is not None]
        times += [item[0] for item in self.air] + [item[0] for item in self.commits]
        return max(self.now + 1, min(times + [until_ms]))

    def step(self, until_ms):
        self.now = now = self._next(until_ms)
        for datagram, handle in self.client.due(self.ticks()):
            if handle is not None:
                self.sent.setdefault(self.names[handle], []).append((now, datagram))
            self._throw(True, datagram)
        self._events(self.client.events())
        landed = [item for item in self.air if item[0] <= now]
        self.air = [item for item in self.air if item[0] > now]
        for _, up, datagram in landed:
            if up:
                self._at_gateway(datagram)
            else:
                self._events(self.client.receive(datagram, self.ticks()))
        for _when, request in [item for item in self.commits if item[0] <= now]:
            self._commit(request)
        self.commits = [item for item in self.commits if item[0] > now]
        for datagram, _ in self.server.due(now):
            self._throw(False, datagram)

    def run(self, until_ms):
        while self.now < until_ms:
            self.step(until_ms)

    def _at_gateway(self, datagram):
        outcome = self.server.receive(datagram, "car", self.now)
        if isinstance(outcome, Reply) and outcome.datagram is not None:
            self._throw(False, outcome.datagram)
        elif isinstance(outcome, Request):
            if self.separate:
                self._throw(False, self.server.ack(outcome))
            else:
                self.server.begin(outcome)
            self.commits.append((self.now + self.commit_ms, outcome))

    def _commit(self, request):
        payload = request.message.payload
        self.effects[payload] = self.effects.get(payload, 0) + 1
        if request.message.option(coap.OBSERVE) is not None:
            self.observer = request.message.token
        answer = Message(CON, CHANGED, payload=b"done " + payload)
        self._throw(False, self.server.respond(request, answer, now_ms=self.now))

    def _events(self, events):
        for kind, handle, message in events:
            name = self.names[handle]
            if kind == RESPONSE:
                assert message.payload == b"done " + name
                self.client.done(handle)
                self.answered[name] = self.answered.get(name, 0) + 1
            elif kind == NOTIFICATION:
                self.notified.append(message.payload)
            else:
                assert kind == FAILED
                self.failed.append(name)
