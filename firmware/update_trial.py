"""A new program on trial: when it is started, and whether it stays."""

from protocol import update
from protocol.compat import const

_STILL_MS = const(600000)  # parked for so long, a car whose officers are on duty may start anew
_HEALTHY_MS = const(60000)
_DESK_MS = const(10000)  # the same where somebody waits for it with a cable: each task has reported by then
_AGAIN_MS = const(60000)
_PROVE_MS = const(900000)
_AT_LAST_MS = const(1800000)  # a key that chatters for ever does not keep a program that serves nobody
_AVAILABLE = const(1)
_OFF_DUTY = const(5)


class Trial:
    """`of`: the Update, with row, runs, cable, `go()`. `app`, `slots`: see update.py."""

    def __init__(self, of, app, slots):
        self._of = of
        self._app = app
        self._slots = slots
        self._still_ms = None

    @property
    def runs(self):
        """Does what runs have to prove itself?"""
        return self._slots is not None and self._slots.trial

    @property
    def ours(self):
        """Is what runs on trial the one that /update tells of?"""
        row = self._of.row
        return row is not None and row.state in (update.READY, update.TRYING) and row.version == self._of.runs

    @property
    def alone(self):
        """Does what runs on trial have nothing to do with /update? Then it came by cable."""
        row = self._of.row
        return self.runs and (row is None or row.state < update.READY or (self._slots.desk and not self.ours))

    def stands_still(self, now):
        """Nobody misses the terminal for ten seconds: parked, nothing unsent, off duty or parked for long."""
        app = self._app
        if not app.beat.quiet or app.queue() or app.uplink.urgent.jobs or app.builder.held:
            self._still_ms = None
            return False
        if self._still_ms is None:
            self._still_ms = now
        status = app.builder.status
        if status is None or status == _OFF_DUTY:
            return True
        return status == _AVAILABLE and now - self._still_ms >= _STILL_MS

    def start(self):
        """The other slot is staged: it is tried at the next start, which is now. Raises OSError."""
        app = self._app
        row = self._of.row
        if app.keys.busy() or app.uplink.urgent.jobs or app.waits():
            return  # pressed while flash was read: it may be an alarm
        row.status = app.builder.status
        row.state = update.TRYING
        try:
            row.keep()
        except OSError:
            row.state = update.READY
            raise
        app.log(2, "update: starting %s" % update.version_text(row.version))
        self._restart()

    def resume(self):
        """After a start: where it stands, by what runs."""
        row = self._of.row
        state = row.state
        if self.ours:
            if self._app.builder.status is None:
                self._app.builder.status = row.status
            row.state = update.TRYING
            if not row.reason:
                self._of.go(update.TRYING, "started")
        elif state == update.TRYING or (state == update.READY and self.runs):
            last = row.reason or "it never came up"
            self._of.go(update.FELL_BACK, "the last it said: " + last if last == "started" else last)

    def prove(self, now):
        """It has to serve: reach headquarters, have its frames taken, keep its tasks alive. In an alarm above
        all: a program that reaches nobody must give way."""
        app = self._app
        slots = self._slots
        cable = self._of.cable
        restarts = app.supervisor.restarts()
        serves = cable or (app.linked() and app.builder.seq and not app.queue())
        try:
            if not slots.trial:
                self._of.go(update.DONE)
            elif now >= (_DESK_MS if slots.desk else _HEALTHY_MS) and not restarts and serves:
                slots.confirm()
                if cable:
                    # For flash.py, whatever the log's level.
                    version = update.version_text(self._of.runs)
                    print("patrola %s runs from slot %d, confirmed" % (version, slots.running))
                app.log(2, "update: confirmed")
                self._of.go(update.DONE)
            elif now >= _PROVE_MS and not (app.panics.open and app.linked()):
                # An alarm that headquarters can be told of is not cut by this.
                why = "tasks died" if restarts else "unsent" if app.linked() else "no link"
                self._of.go(update.TRYING, why)
                self.end()
        except OSError as error:
            app.log(1, "update: %r" % error)

    def end(self):
        """What runs is given up, now; after the key that is just being pressed. Raises OSError."""
        if self._app.keys.busy() and self._app.clock.uptime_ms() < _AT_LAST_MS:
            return
        self._slots.give_up()
        self._restart()

    def due(self, now):
        """When it has to be looked at whatever alarm is open; -1: never."""
        return max(_PROVE_MS, now + _AGAIN_MS) if self.runs else -1

    def _restart(self):
        self._app.trace.keep(0)
        self._app.hal.reset()
