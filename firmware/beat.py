"""The terminal's beat: at every fix, and every second or so without one, look at everything and report what
is worth it. Parked, and with nothing to be done, it looks more seldom."""

import gc

from firmware.desk import STATUS_CODES, stuck_mask
from firmware.patrol import NOTHING, PARKED
from firmware.signal import Signal
from firmware.track import Track
from protocol import report
from protocol.compat import const

_TURN_MS = const(1500)  # a little more than from one fix to the next: then the fix is what wakes it
_QUIET_TURN_MS = const(20000)
_QUIET_AFTER_MS = const(60000)
_LAMP_FIX_MS = const(5000)  # a fix that was lost this lately still counts for the lamp: bridges, trees


class Beat:
    """`app` has the parts looked at: clock, receiver, builder, desk, indicator, hal, modem, keys, supervisor,
    and `linked()`, `queue()`, `waits()`. `fixed` is set at every fix and when it is lost."""

    def __init__(self, config, app, patrol, health):
        self._track_ms = config["track_s"] * 1000
        on_duty_s = config["keepalive_s"]
        self._paces_s = (on_duty_s, max(on_duty_s, config["idle_keepalive_s"]))
        self._app = app
        self._clock = app.clock
        self._builder = app.builder
        self._patrol = patrol
        self._health = health
        self._track = Track()
        self._stirred_ms = 0
        self.fixed = Signal()
        self.stirred = Signal()
        self.quiet = False  # parked, ignition off, no alarm, no key, and all that for a minute

    def stir(self):
        """An edge of a key or of the ignition, somebody is there: look at once, and closely."""
        self._stirred_ms = self._clock.uptime_ms()
        self.quiet = False
        self.fixed.set()
        self.stirred.set()

    def turn(self):
        now = self._clock.uptime_ms()
        app = self._app
        fix = app.receiver.fix
        lit = fix.valid or (fix.lat_e7 is not None and now - fix.at_ms < _LAMP_FIX_MS)
        app.indicator.link(app.linked(), lit)
        if app.waits():
            return  # all that follows writes to flash, and an alarm's first datagram is to leave before that
        app.desk.tidy()
        app.desk.arrival(fix)
        if self._builder.held:
            if not self._builder.prepare():
                return  # nothing else is made before
            app.uplink.wake()
        self._report(now, fix)
        self._pace()
        self._look(now)

    # In pieces of few names: with a local variable more, MicroPython takes heap for each call.

    def _report(self, now, fix):
        panic = self._app.desk.panic_field()
        ignition = self._app.hal.ignition()
        # In safe mode the way is left to alarms.
        if not self._app.safe or panic is not None:
            if self._patrol.decide(now, fix, ignition, panic) != NOTHING:
                self._position(now, fix, panic)
        if ignition or panic is not None or self._patrol.mode != PARKED:
            self._stirred_ms = now
        self.quiet = now - self._stirred_ms >= _QUIET_AFTER_MS
        if self._track and (self._app.linked() or self._track.age_ms(now) >= self._track_ms):
            self._keep_track(panic)

    def _pace(self):
        # Nobody is in the car and nobody misses it: a radio that wakes each 40 s would drain its battery.
        app = self._app
        idle = self.quiet and self._builder.status == STATUS_CODES["off_duty"] and app.update is None
        app.uplink.pace(self._paces_s[idle])

    def _position(self, now, fix, panic):
        self._patrol.said(now, fix)
        if self._app.linked():
            if self._track:
                self._keep_track(panic)  # the older places first
            self._builder.make(report.KIND_POSITION, panic=panic)
        elif fix.valid and not self._track.add(now, fix):
            self._keep_track(panic)
            self._track.add(now, fix)

    def _keep_track(self, panic):
        points = self._track.points
        began = points[0][0]
        utc_ms = self._clock.now_ms()
        t0_ms = None if utc_ms is None else utc_ms - (self._clock.uptime_ms() - began)
        flat = report.track(t0_ms, [(p[0] - began, p[1], p[2], p[3], p[4]) for p in points])
        self._builder.make(report.KIND_TRACK, report.TRACK, flat, panic=panic, with_fix=False)
        self._track.take()  # not before: without heap for the frame they are still to be said

    def _look(self, now):
        app = self._app
        # Of the files it is not known which block failed. Where it is one of littlefs' root, which it cannot
        # move, nothing is written any more: with 36 (the name is too long) where that would be a new file.
        worn = app.journal.failed() + (1 if app.failing or app.session.flash_errors else 0)
        self._health.look(
            app.hal.supply_mv(),
            app.receiver.antenna,
            stuck_mask(app.keys.logic),
            app.supervisor.restarts(),
            worn,
        )
        if self._health.due(now, app.trace.old > 0):
            self._say_health(now)

    def _say_health(self, now):
        app = self._app
        gc.collect()
        free = gc.mem_free()
        trace = app.trace.peek()
        temperature_dc = app.hal.temperature_dc()
        values = self._health.fields(now, temperature_dc, app.modem.rsrp_dbm, app.queue(), free, trace)
        self._builder.make(report.KIND_HEALTH, report.HEALTH, values, with_fix=False)
        app.trace.done(trace)


async def run(watch, beat):
    while True:
        watch.alive()
        beat.turn()
        await beat.fixed.wait_ms(_QUIET_TURN_MS if beat.quiet else _TURN_MS)
