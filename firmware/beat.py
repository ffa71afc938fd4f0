"""The terminal's beat: once a second and at every fix, look at everything and report what is worth it."""

import asyncio
import gc

from protocol import report
from protocol.compat import const

from .patrol import NOTHING
from .track import Track

_TURN_MS = const(1000)
_LAMP_FIX_MS = const(5000)  # a fix that was lost this lately still counts for the lamp: bridges, trees


class Beat:
    """`linked()` is True while the gateway answers. `hal` gives supply, ignition, temperature."""

    def __init__(self, config, clock, receiver, builder, desk, patrol, health, indicator, hal, modem):
        self._config = config
        self._clock = clock
        self._receiver = receiver
        self._builder = builder
        self._desk = desk
        self._patrol = patrol
        self._health = health
        self._indicator = indicator
        self._hal = hal
        self._modem = modem
        self._track = Track()
        self.linked = None
        self.queue = None  # () -> frames waiting
        self.stuck = None  # () -> bit mask
        self.restarts = None  # () -> count
        self.fixed = asyncio.Event()

    def on_fix(self):
        """The receiver's task has a new epoch, or lost the fix."""
        self.fixed.set()

    def turn(self):
        now = self._clock.uptime_ms()
        fix = self._receiver.fix
        linked = self.linked()
        self._desk.raise_waiting()
        self._indicator.link(linked, fix.valid or (fix.lat_e7 is not None and now - fix.at_ms < _LAMP_FIX_MS))
        self._desk.arrival(fix)
        panic = self._desk.panic_field()
        if self._patrol.decide(now, fix, self._hal.ignition(), panic is not None) != NOTHING:
            self._position(now, fix, linked, panic)
        if self._track and (linked or self._track.age_ms(now) >= self._config["track_s"] * 1000):
            self._keep_track(panic)
        self._look(now)

    def _position(self, now, fix, linked, panic):
        self._patrol.said(now, fix)
        if linked:
            if self._track:
                self._keep_track(panic)  # the older places first
            self._builder.make(report.KIND_POSITION, panic=panic)
        elif fix.valid and not self._track.add(now, fix):
            self._keep_track(panic)
            self._track.add(now, fix)

    def _keep_track(self, panic):
        points = self._track.take()
        began = points[0][0]
        utc_ms = self._clock.now_ms()
        t0_ms = None if utc_ms is None else utc_ms - (self._clock.uptime_ms() - began)
        flat = report.track(t0_ms, [(p[0] - began, p[1], p[2], p[3], p[4]) for p in points])
        self._builder.make(report.KIND_TRACK, report.TRACK, flat, panic=panic, with_fix=False)

    def _look(self, now):
        health = self._health
        hal = self._hal
        health.look(hal.supply_mv(), self._receiver.antenna, self.stuck(), self.restarts())
        if not health.due(now):
            return
        gc.collect()
        values = health.fields(now, hal.temperature_dc(), self._modem.rsrp_dbm, self.queue(), gc.mem_free())
        self._builder.make(report.KIND_HEALTH, report.HEALTH, values, with_fix=False)


async def run(watch, beat):
    fixed = beat.fixed
    while True:
        watch.alive()
        fixed.clear()
        beat.turn()
        try:
            await asyncio.wait_for_ms(fixed.wait(), _TURN_MS)
        except asyncio.TimeoutError:
            continue
