"""An update of the program: from the gateway's notice to the proof that the new one is well.

Loaded while one is under way, and let go of afterwards, and in an alarm, which needs the room. It is bulk of
bulk: `step` is called when nothing is urgent, asks for one block at a time, and writes it to the slot that
does not run. What has to survive a reset stands in /update (update_row.py). The way back needs nothing of
this: the selector counts the starts of an image that has not been confirmed, and takes the other one when
they are used up.
"""

from firmware import update_row
from firmware.commands import DONE, LATER, NOT_SUPPORTED, REFUSED
from firmware.renewer import forget
from firmware.update_fetch import Fetch
from firmware.update_link import UpdateLink
from firmware.update_trial import Trial
from firmware.version import VERSION
from protocol import coap, update
from protocol.compat import const

RUNS = VERSION[0] << 16 | VERSION[1] << 8 | VERSION[2]
# What goes with it.
MODULES = ("firmware.update", "firmware.update_fetch", "firmware.update_link", "firmware.update_row")
MODULES += ("firmware.update_trial", "protocol.update", "firmware.slots", "firmware.slotflash")

_PIECES = const(4)  # of 4 KB, read for a digest between two looks at all else: some 7 ms
_LOOK_MS = const(15000)
_DESK_LOOK_MS = const(1000)


def begin(app):
    """The update that /update tells of, or one that a notice begins."""
    from board import BOARD

    board = {name: BOARD[name] for name in ("name", "vendor", "class")}
    slots = None
    if app.slot is not None:
        from firmware.slotflash import open_slot
        from firmware.slots import Slots

        slots = Slots([open_slot(BOARD["flash"], number) for number in range(2)], app.slot)
    forget("board")
    return Update(app, slots, board)


class Update:
    """`app` has clock, uplink, modem, panics, journal, builder, beat, supervisor, trace, hal, keys,
    `queue()`, `linked()`, `waits()`, `random16()`, `log(level, text)`, and `used`, a signal that wakes who
    calls `step`. `slots`: see slots.py, None where flash has room for one program only. `board` is the
    description of the board."""

    names = MODULES

    def __init__(self, app, slots, board, runs=RUNS):
        self._app = app
        self._slots = slots
        self.runs = runs
        self._link = UpdateLink(app)
        self._fetch = Fetch(self, self._link, app, slots, board)
        self._trial = Trial(self, app, slots)
        self._work = None  # what reads an image, piece by piece
        self._done = None  # who gets what comes out
        self._told = None  # the state that the gateway knows of
        self.due = None  # it may be let go of, until an alarm is over, or until then: see `step`
        self.cable = False  # what has to prove itself came by cable: nobody is told, nobody has to be there
        self.row = update_row.kept()
        if self._trial.alone:
            self.cable = True
            self.row = update_row.Row(update.TRYING, runs)
        elif self.row is not None:
            self._resume()

    def _resume(self):
        row = self.row
        self._trial.resume()
        if row.state < update.TRYING and row.version <= self.runs:
            row.state = update.ASKED  # somebody was quicker, with a cable
        elif row.state == update.FETCHING:
            self._fetch.resume()

    # --- what is asked for

    def asked(self, body):
        """The gateway's notice; the answer to it."""
        version = body.get(0) if isinstance(body, dict) else None
        if type(version) is not int or not 0 < version < 1 << 24:
            return REFUSED
        if self._slots is None:
            return NOT_SUPPORTED
        row = self.row
        if self._trial.runs or (row is not None and row.state == update.TRYING):
            return LATER
        if row is not None and row.version == version and row.state < update.TRYING:
            return DONE
        self._cancel()
        self.row = update_row.Row(update.ASKED, version)
        try:
            self.row.keep()
        except OSError:
            self.row = row
            return LATER
        self._begin_anew()
        # All cars of a fleet hear of it in the same second.
        self._link.pause(self._app.random16())
        return DONE

    # --- the next piece

    def step(self):
        """Do it; the time until there is more to do. None: this may go, for good, or (`due` is not None)
        until no alarm is open, or until that uptime if it is not negative, whichever comes first."""
        app = self._app
        self.due = None
        if self.row is None:
            return None
        now = app.clock.uptime_ms()
        if self.row.state == update.TRYING:
            self._prove(now)
            if self.row is None:
                return None
        if app.panics.open:
            # Its way, its flash, its heap: what is not on flash comes again.
            self._cancel()
            self.due = self._trial.due(now)
            return None
        if app.modem.panic_active or app.journal.count(True):
            return _LOOK_MS
        if self._work is not None:
            self._read()
            return 1
        self._link.deliver()
        if self.row is None:
            return None
        if self.cable:
            return _DESK_LOOK_MS
        if self.row.state == update.FELL_BACK and self._trial.runs:
            self._give_up()
        if self._link.waits or not app.linked():
            return _LOOK_MS
        if app.safe and self.row.state < update.TRYING:
            return _LOOK_MS
        if now < self._link.pause_ms:
            return min(_LOOK_MS, self._link.pause_ms - now)
        return self._next(now, self.row.state)

    def _prove(self, now):
        self._trial.prove(now)
        if self.cable and self.row.state == update.DONE:
            # What was under way before goes on; what it had written may be the cable's now.
            self.cable = False
            self.row = update_row.kept()
            if self.row is None:
                return
            if self.row.state < update.TRYING:
                self.go(update.ASKED)
            else:
                self._resume()

    def _give_up(self):
        """It calls itself another version than its manifest, and is told as fallen back: so be it."""
        try:
            self._trial.end()
        except OSError as error:
            self._app.log(1, "update: %r" % error)

    def _next(self, now, state):
        row = self.row
        if state == update.ASKED:
            if row.version == self.runs:
                self.go(update.DONE)
                return 0
            if row.version < self.runs:
                self.refuse("older than what runs, %s" % update.version_text(self.runs))
                return 0
            self._fetch.ask_manifest()
        elif self._told != state:
            payload = update.encode_progress(row.version, state, row.reason)
            self._link.ask(coap.POST, payload, (), self._tell)
        elif state == update.FETCHING:
            if row.offset >= row.size:
                self._work = self._fetch.look()
                self._done = self._finished
                return 0
            self._fetch.ask_block()
        elif state == update.READY:
            if self._trial.stands_still(now):
                self._stage()
                return 0
        elif state in update.ENDED:
            self._drop()
            return None
        return _LOOK_MS

    def _cancel(self):
        self._link.cancel()
        self._work = None

    # --- images are read a piece at a time, for a key that is pressed meanwhile

    def _read(self):
        try:
            for _ in range(_PIECES):
                next(self._work)
            return
        except StopIteration as end:
            whole = end.value
        except OSError as error:
            self._work = None
            self._fetch.trouble(error)
            return
        self._work = None
        self._done(whole)

    def _finished(self, whole):
        if whole:
            self.go(update.READY)
        else:
            self.refuse("the image has another digest than its manifest")

    def _stage(self):
        try:
            image = self._slots.image(self._slots.other)
        except OSError as error:
            self._fetch.trouble(error)
            return
        if image is None or image.sha256 != self.row.digest:
            # Somebody was there with a cable: what lies there is whole, and another one, perhaps older.
            self.go(update.ASKED)
            return
        self._work = self._slots.staging()
        self._done = self._staged

    def _staged(self, whole):
        if not whole:
            self.refuse("the image in flash is not what it was")
            return
        try:
            self._trial.start()
        except OSError as error:
            self._fetch.trouble(error)

    # --- answers

    def _tell(self, message):
        if self._link.later(message):
            return
        state = self.row.state
        if message.code == coap.NOT_FOUND and state < update.TRYING:
            self._app.log(2, "update: not wanted any more")
            self._drop()
            return
        self._told = state

    # --- its states

    def go(self, state, reason=""):
        """It is at that state now, and says so."""
        row = self.row
        self._app.log(2, "update to %s: %d %s" % (update.version_text(row.version), state, reason))
        row.state = state
        row.reason = reason
        self._begin_anew()
        if self.cable:
            return
        try:
            row.keep()
        except OSError as error:
            self._app.log(1, "%s: %r" % (update_row.FILE, error))  # from memory, then

    def _begin_anew(self):
        self._told = None
        self._fetch.errors = 0
        self._link.pause_ms = 0

    def refuse(self, reason):
        self.go(update.REFUSED, reason)

    def _drop(self):
        self._cancel()
        self.row = None
        update_row.drop()
