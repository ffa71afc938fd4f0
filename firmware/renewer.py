"""Keeps the keys of the link young: says when a handshake is due, has it made, puts its result in force.

`protocol.renewal` decides when. The handshake itself is in modules that are loaded for it and let go of
afterwards. Until a new context is on flash, and whatever becomes of the attempt, the one in force serves on.
"""

import gc
import sys

from firmware.signal import Signal
from protocol.compat import const
from protocol.exchange import BULK, URGENT
from protocol.renewal import Renewal

_LOOK_MS = const(1000)
_ALIVE_MS = const(24000)
_ON_DEMAND = ("firmware.handshake", "firmware.identity", "firmware.p256_point", "protocol.edhoc")


def forget(*names):
    """Let go of modules that are needed once in a while: their tables are a twentieth of the heap."""
    for name in names:
        package, _, own = name.rpartition(".")
        if sys.modules.pop(name, None) is not None and hasattr(sys.modules.get(package), own):
            delattr(sys.modules[package], own)
    gc.collect()


class Renewer:
    """`app` has clock, uplink, session, modem, hal, builder, `random16()`, `log(level, text)`, and `waits()`:
    an alarm may be about to come, so nothing is computed. Without `gateway_key` (X || Y) none is made.
    """

    def __init__(self, app, gateway_key):
        self._app = app
        self._gateway_key = gateway_key
        self._event = Signal()
        self._renewal = Renewal(app.random16)
        self._age_unknown = False
        if app.session.ready:
            self._renewal.serves(app.clock.uptime_ms())
            self._age_unknown = app.session.made_ms is not None
        app.uplink.renewer = self
        app.uplink.link.on_judged = self._judged

    def step(self, urgent):
        """Time until more is to do, or None. The uplink calls it while the bearer is up; `urgent`: an alarm
        is open."""
        app = self._app
        now = app.clock.uptime_ms()
        utc_ms = app.clock.now_ms()
        if self._age_unknown and utc_ms is not None:
            self._age_unknown = False
            self._renewal.serves(now, utc_ms - app.session.made_ms)
        if not app.session.ready:
            self._renewal.lost(now)
        elif app.session.failing:
            # Soon it is not: new keys count from nought, in memory if need be, and flash is let alone.
            self._renewal.asked(now)
        if not self._gateway_key:
            return None
        wait_ms = self._renewal.wait_ms(now, urgent)
        if wait_ms == 0:
            self._event.set()
            return _LOOK_MS
        return wait_ms

    def asked(self):
        """The gateway wants new keys."""
        self._renewal.asked(self._app.clock.uptime_ms())

    def _judged(self, authentic):
        now = self._app.clock.uptime_ms()
        if authentic:
            self._renewal.heard(now)
        else:
            self._renewal.hinted(now)

    async def run(self, watch):
        while True:
            watch.alive()
            if await self._event.wait_ms(_ALIVE_MS):
                await self._shake(watch)

    async def _shake(self, watch):
        app = self._app
        now = app.clock.uptime_ms()
        renewal = self._renewal
        if renewal.wait_ms(now, app.modem.panic_active) != 0:
            return
        lane = URGENT if renewal.begun(now) else BULK
        app.log(2, "keys: handshake")
        gc.collect()
        try:
            await self._agree(watch, lane)
            app.log(2, "keys: new ones after %d ms" % (app.clock.uptime_ms() - now))
        except Exception as error:
            app.log(1, "keys: no new ones: %s" % error)
        finally:
            forget(*_ON_DEMAND)
            if renewal.running is not None:
                renewal.failed(app.clock.uptime_ms())

    async def _agree(self, watch, lane):
        # Here and not in `_shake`: what this frame holds must be gone when the modules go.
        from firmware import handshake

        app = self._app
        keys = await handshake.Handshake(app, self._gateway_key, lane, watch, self._late).run()
        app.session.adopt(*keys, app.clock.now_ms())
        self._age_unknown = False
        self._renewal.succeeded(app.clock.uptime_ms())
        app.uplink.rekeyed()

    def _late(self):
        return self._renewal.late(self._app.clock.uptime_ms())
