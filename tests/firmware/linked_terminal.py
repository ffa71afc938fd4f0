"""The whole firmware with a bearer in place of the modem, and a gateway behind it: all in one MicroPython, in
virtual time."""

import asyncio
import sys

import esp32

from firmware import app as app_module
from firmware import identity
from firmware.renewer import _ON_DEMAND as ON_DEMAND
from protocol import coap
from protocol.oscore import peek
from tests.firmware.edhoc_gateway import Gateway
from tests.firmware.solo_terminal import SETTINGS, SoloTerminal
from tests.protocol.lossy import Random


class Bearer:
    """In the modem's place: up at once, a datagram takes `delay_ms`."""

    def __init__(self, make, uart, pins, options, clock, log, store):
        self.world = WORLD[0]
        self.clock = clock
        self.up = self.world.up
        self.on_datagram = self.on_state = self.on_network_time = None
        self.panic_active = False
        self.rsrp_dbm = None
        self.world.bearer = self

    def send(self, datagram, urgent=False):
        if not self.up:
            return False
        self.world.sent(datagram, urgent)
        return True

    def set_up(self, up):
        self.up = up
        if self.on_state is not None:
            self.on_state()

    async def run(self, alive):
        while True:
            alive()
            self.world.turn()
            await asyncio.sleep_ms(5)


WORLD = []  # the one that a Bearer belongs to


class LinkedTerminal(SoloTerminal):
    """`gateway` is there from the start; `air` lists what the terminal sent: (ms, what, urgent, datagram);
    `what` is the OSCORE kid, or "edhoc"."""

    def __init__(self, settings=SETTINGS, seed=1, delay_ms=30):
        while WORLD:  # a test that failed has left its terminal where it was
            WORLD.pop().__exit__(None, None, None)
        super().__init__(settings)
        with self:
            public = identity.read()[1]
        self.random = Random(seed)
        self.delay_ms = delay_ms
        self.up = True
        self.gateway = Gateway(self.random, public)
        self.air = []
        self.lose = None  # (up?, datagram) -> True: this one gets lost
        self.deaf = False  # the gateway is not there
        self.bearer = None
        self._flying = []
        self._pivs = {}
        app_module.Modem = Bearer

    def __enter__(self):
        if hasattr(self, "bearer"):
            WORLD[:] = [self]
        return super().__enter__()

    def __exit__(self, kind, value, trace):
        WORLD.clear()
        return super().__exit__(kind, value, trace)

    @property
    def now(self):
        return self.app.clock.uptime_ms() if self.app is not None else 0

    def sent(self, datagram, urgent):
        message = coap.decode(datagram)
        what = "edhoc"
        if message.option(coap.OSCORE) is not None:
            kid, _, piv = peek(message)
            what = kid
            known = self._pivs.setdefault((kid, piv), datagram)
            assert known == datagram, "a Partial IV was used for two different messages"
        elif message.code == 0:
            what = "empty"
        now = self.bearer.clock.uptime_ms()
        self.air.append((now, what, urgent, datagram))
        if self.lose is None or not self.lose(True, datagram):
            self._flying.append((now + self.delay_ms, True, datagram))

    def down(self, datagram):
        """To the terminal, from whomever."""
        self._flying.append((self.bearer.clock.uptime_ms() + self.delay_ms, False, datagram))

    def turn(self):
        now = self.bearer.clock.uptime_ms()
        landed = [item for item in self._flying if item[0] <= now]
        self._flying = [item for item in self._flying if item[0] > now]
        for _, up, datagram in landed:
            if not up:
                self.bearer.on_datagram(datagram)
            elif not self.deaf:
                for answer in self.gateway.receive(datagram, now):
                    if self.lose is None or not self.lose(False, answer):
                        self.down(answer)

    # --- what a test waits for and looks at

    async def until(self, condition, limit_ms=120000):
        waited = 0
        while not condition():
            assert waited < limit_ms, (waited, self.said[-10:], self.gateway.log[-10:])
            await asyncio.sleep_ms(5)
            waited += 5
        return waited

    async def agreed(self, times=1):
        """Until the gateway has made so many contexts, and has heard the terminal under the last."""
        await self.until(lambda: len(self.gateway.made) >= times and self.kid == self.gateway.made[-1])
        await self.run(1500)

    def hook(self, callback):
        """Call `callback(n)` at each piece of a handshake's work, n from 1: where it gives others a turn."""
        watch = [watch for watch in self.app.supervisor.watches if watch.name == "handshake"][0]
        self._count = 0

        def called():
            type(watch).alive(watch)
            if any(name in sys.modules for name in ON_DEMAND):
                self._count += 1
                callback(self._count)

        watch.alive = called

    def ready(self):
        return self.app.session.ready

    def heard(self, text):
        """It was logged."""
        return any(text in line for _, line in self.said)

    async def renew(self):
        """The gateway asks for it."""
        self.gateway.commands.append({0: 100 + len(self.gateway.made), 1: 6, 2: 1, 3: {}})
        self.app.uplink._commands.link_new()
        self.app.uplink.wake()

    def arrived(self, kind):
        """(ms, oscore id) of the frames of this kind, as they came in."""
        return sorted([(ms, kid) for ms, a_kind, kid in self.gateway.frames.values() if a_kind == kind])

    @property
    def kid(self):
        """The terminal's OSCORE id under the context in force, or None."""
        context = self.app.session._context
        return None if context is None else context.sender_id

    def count(self, what):
        return len([1 for item in self.air if item[1] == what])


def fresh(**options):
    """Its flash is in place, its power still off."""
    terminal = LinkedTerminal(**options)
    terminal.__enter__()
    return terminal


async def started(**options):
    terminal = fresh(**options)
    await terminal.boot()
    return terminal


async def over(terminal):
    if terminal.app is not None:
        await terminal.off()
    terminal.__exit__(None, None, None)
    terminal.flash.give_back()
    esp32.partitions["journal"].give_back()


def alarm(terminal):
    """As a held key does."""
    terminal.app.desk.key("panic", 0)


def whats(terminal):
    """What came to the gateway, in order."""
    return [what for _, what in terminal.gateway.log]
