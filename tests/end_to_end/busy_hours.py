"""A gateway whose processor is slow, in time that passes only by what it does: each step is charged what it
costs, its code is the real one, with a real SQLite file and true OSCORE. There are no threads: what they
would do is done at once, and told when it would be.

The costs are those of docs/developer.md ("The gateway's hot path"), measured in a gateway with much to do, of
one processor for all of it: times do not depend on this machine, and one run is like another.
"""

import asyncio
import heapq
import math
import selectors
from collections import deque

from gateway import intake, verifier
from gateway.app import App
from gateway.background import Background
from gateway.clock import Clock
from gateway.config import load
from gateway.datagram import Endpoint
from gateway.handshake import Responder
from gateway.log import Log
from gateway.machine import Machine
from protocol import coap
from protocol.responder import Server

# Seconds of the processor, four times those of the machine that was measured: with the load a fourth of what
# it is there, a run takes a fourth of the steps.
SLOW = 4
READ_S, TAKE_S, SEND_S = 3e-6 * SLOW, 12e-6 * SLOW, 12e-6 * SLOW
VERIFY_S, LONG_S, HANDSHAKE_S = 70e-6 * SLOW, 60e-6 * SLOW, 280e-6 * SLOW
FRAME_S, COMMIT_S, THREAD_S = 80e-6 * SLOW, 1e-3, 1e-3
# What the kernel keeps for a socket with 4 MB: about 10,000 datagrams.
KEPT = 10_000 // SLOW
_EPOCH_MS = 1_790_000_000_000


class Busy(asyncio.SelectorEventLoop):
    """`spend(seconds)` is how time passes; when nothing is left to do it jumps to the next timer."""

    def __init__(self):
        super().__init__(_Looked(self))
        self.now_s = 0.0

    def time(self):
        return self.now_s

    def spend(self, seconds):
        self.now_s += seconds

    def run_in_executor(self, executor, func, *args):
        """Beside the loop, as a commit. A thread would take as long as this machine likes, and meanwhile the
        loop would jump from timer to timer."""
        done = self.create_future()
        try:
            outcome, tell = func(*args), done.set_result
        except Exception as error:
            outcome, tell = error, done.set_exception
        self.call_later(THREAD_S, lambda: done.done() or tell(outcome))
        return done


class _Looked(selectors.SelectSelector):
    def __init__(self, loop):
        super().__init__()
        self._loop = loop

    def select(self, timeout=None):
        if timeout is None:
            raise AssertionError(f"at {self._loop.now_s} s all is done, and somebody waits")
        self._loop.now_s += max(timeout, 0)
        return super().select(0)


class Charged(Clock):
    def __init__(self, loop):
        self._loop = loop

    def wall_ms(self):
        return _EPOCH_MS + int(self._loop.now_s * 1000)

    def mono_ms(self):
        return self._loop.now_s * 1000


class _Commits(Background):
    """Beside the loop: a commit takes its time, not the processor's."""

    def __init__(self, loop, turn):
        self._loop = loop
        self._turn = turn
        self._timer = None

    def wake(self):
        if self._timer is None:
            self._timer = self._loop.call_later(COMMIT_S, self._due)

    def _due(self):
        self._timer = None
        if self._turn():
            self.wake()

    async def close(self):
        while self._turn():
            pass


class _Machine(Machine):
    def __init__(self, gateway):
        self._gateway = gateway

    def background(self, turn, name):
        return _Commits(self._gateway.loop, turn)

    async def listen(self, host, port, receive_buffer, receive, log, reuse_port=False):
        self._gateway.receive = receive
        endpoint = Endpoint(receive, log)
        endpoint.send = self._gateway.send
        endpoint.close = lambda: None
        return endpoint


class Gateway:
    """`put(data, source)` is what comes from the network; `answered(data, source)` hears what goes there."""

    def __init__(self, folder, answered, monkeypatch):
        self.loop = Busy()
        self._config = load(folder / "gateway.toml")
        self._log = open(folder / "gateway.log", "w", encoding="utf-8")  # noqa: SIM115 - closed by close
        self._answered = answered
        self._kernel = deque()
        self._turn = None
        self.receive = None
        self.dropped = 0
        self.app = None
        self._charge(monkeypatch)

    def _charge(self, monkeypatch):
        spend = self.loop.spend

        def true(key, signed, signature):
            spend(VERIFY_S)
            return True

        def charged(cls, name, seconds):
            plain = getattr(cls, name)

            def method(self, *arguments, **named):
                spend(seconds)
                return plain(self, *arguments, **named)

            monkeypatch.setattr(cls, name, method)

        monkeypatch.setattr(verifier, "verify", true)
        charged(Server, "receive", LONG_S)
        charged(Responder, "__init__", HANDSHAKE_S)
        tell = intake.Intake._tell

        def told(self, stored):
            spend(FRAME_S * len(stored.rows))
            tell(self, stored)

        monkeypatch.setattr(intake.Intake, "_tell", told)

    def start(self):
        log = Log("warning", self._log, Charged(self.loop))
        self.app = App(self._config, log, Charged(self.loop), machine=_Machine(self))
        self.loop.run_until_complete(self.app.start())

    def put(self, data, source):
        if len(self._kernel) >= KEPT:
            self.dropped += 1
            return
        self._kernel.append((data, source))
        if self._turn is None:
            self._turn = self.loop.call_soon(self._readable)

    def _readable(self):
        """As `datagram.Endpoint` reads its socket."""
        self._turn = None
        for _ in range(512):
            if not self._kernel:
                return
            self.loop.spend(READ_S + TAKE_S)
            self.receive(*self._kernel.popleft())
        self._turn = self.loop.call_soon(self._readable)

    def send(self, data, source):
        self.loop.spend(SEND_S)
        self._answered(data, source)

    def close(self):
        self.loop.run_until_complete(self.app.stop())
        self.loop.close()
        self._log.close()


class Cars:
    """Send what is due, when it is due, whatever the gateway does, until it is answered 2.04: urgent every
    half second, bulk with CoAP's back-off, and again with the same bytes.

    As the firmware's lanes have it, what has no answer after 20 s, or after bulk's four repeats, is protected
    anew, and so it is after a 4.01: `anew(number)` makes these bytes. Without it they stay the same."""

    BACK_OFF_S = (2.5, 5.0, 10.0, 20.0, 40.0)
    URGENT_S, URGENT_TURNS = 0.5, 40

    def __init__(self, loop, data, urgent, put, anew=None):
        self.loop = loop
        self._data = data
        self._urgent = urgent
        self._put = put
        self._anew = anew
        self._newer = {}
        self._hinted = set()
        self._due = []
        self.began_s = {}
        self.answered_s = {}
        self.told = 0

    def begin(self, number, at_s):
        self.began_s[number] = at_s
        heapq.heappush(self._due, (at_s, number, 0))

    def heard(self, number, code):
        self.told += code != coap.CHANGED
        if code == coap.CHANGED:
            self.answered_s.setdefault(number, self.loop.time())
        elif code == coap.UNAUTHORIZED:
            self._hinted.add(number)

    async def run(self, until_s=math.inf):
        """Until all is answered. AssertionError when it is not by then."""
        while self._due:
            at_s, number, turn = self._due[0]
            left = len(self.began_s) - len(self.answered_s)
            assert at_s <= until_s, (
                f"at {until_s} s {left} of {len(self.began_s)} have no answer: {number}, ..."
            )
            if at_s > self.loop.time():
                await asyncio.sleep(at_s - self.loop.time())
            else:
                # Whatever the gateway did meanwhile, this came when it was due.
                await asyncio.sleep(0)
            while self._due and self._due[0][0] <= self.loop.time():
                self._send(*heapq.heappop(self._due))

    def _send(self, at_s, number, turn):
        if number in self.answered_s:
            return
        urgent = self._urgent(number)
        tries = self.URGENT_TURNS if urgent else len(self.BACK_OFF_S)
        if self._anew and (number in self._hinted or turn >= tries):
            self._hinted.discard(number)
            self._newer[number] = self._anew(number)
            turn = 0
        self._put(self._newer.get(number) or self._data[number])
        again_s = self.URGENT_S if urgent else self.BACK_OFF_S[min(turn, len(self.BACK_OFF_S) - 1)]
        heapq.heappush(self._due, (at_s + again_s, number, turn + 1))
