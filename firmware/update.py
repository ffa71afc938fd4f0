"""An update of the program: from the gateway's notice to the proof that the new one is well.

Loaded while one is under way, and let go of afterwards. It is bulk of bulk: `step` is called when nothing is
urgent, asks for one block at a time, and writes it to the slot that does not run. What has to survive a reset
stands in /update. The way back needs nothing of this: the selector counts the starts of an image that has not
been confirmed, and takes the other one when they are used up.
"""

import hashlib

from firmware import statefile
from firmware.commands import DONE, LATER, NOT_SUPPORTED, REFUSED
from firmware.renewer import forget
from firmware.urgent import max_age_ms
from firmware.version import VERSION
from protocol import cbor, coap, update
from protocol.backoff import Backoff
from protocol.compat import const
from protocol.errors import Malformed, ProtocolError, Unauthentic
from protocol.exchange import BULK

FILE = "/update"
RUNS = VERSION[0] << 16 | VERSION[1] << 8 | VERSION[2]

_STATE = const(0)  # of what stands in the file
_VERSION = const(1)
_SIZE = const(2)
_DIGEST = const(3)
_OFFSET = const(4)
_REASON = const(5)
_STATUS = const(6)
_FIELDS = const(7)

_KEEP = const(16384)  # so many bytes are fetched again after a reset, at most
_LOOK_MS = const(15000)
_FIRST_PAUSE_MS = const(5000)
_LONGEST_PAUSE_MS = const(600000)
_MOST_ERRORS = const(5)
_STILL_MS = const(600000)  # parked for so long, a car whose officers are on duty may start anew
_HEALTHY_MS = const(60000)
_DESK_MS = const(10000)  # the same where somebody waits for it with a cable: each task has reported by then
_DESK_LOOK_MS = const(1000)
_PROVE_MS = const(900000)
_AVAILABLE = const(1)
_OFF_DUTY = const(5)


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
    """`app` has clock, uplink, modem, panics, journal, builder, beat, supervisor, trace, hal, `queue()`,
    `linked()`, `random16()`, `log(level, text)`, and `used`, a signal that wakes who calls `step`. `slots`:
    see slots.py, None where flash has room for one program only. `board` is the description of the board."""

    def __init__(self, app, slots, board, runs=RUNS):
        self._app = app
        self._slots = slots
        self._board = board
        self._runs = runs
        self._attempt = None
        self._asked = None  # what the attempt asks for: _tell, _manifest or _block
        self._message = None
        self._pauses = Backoff(_FIRST_PAUSE_MS, _LONGEST_PAUSE_MS)
        self._pause_ms = 0
        self._szx = update.SZX_MOST
        self._told = None  # the state that the gateway knows of
        self._errors = 0
        self._still_ms = None
        self._cable = False  # what has to prove itself came by cable: nobody is told, nobody has to be there
        self._row = self._kept()
        if slots is not None and slots.trial and self._alone(slots.desk):
            self._cable = True
            self._row = [update.TRYING, runs, 0, b"", 0, "", None]
        elif self._row is not None:
            self._resume()

    # --- what is asked for

    def asked(self, body):
        """The gateway's notice; the answer to it."""
        version = body.get(0) if isinstance(body, dict) else None
        if type(version) is not int or not 0 < version < 1 << 24:
            return REFUSED
        if self._slots is None:
            return NOT_SUPPORTED
        row = self._row
        if row is not None and row[_STATE] == update.TRYING:
            return LATER
        if row is not None and row[_VERSION] == version and row[_STATE] < update.TRYING:
            return DONE
        self._cancel()
        self._row = [update.ASKED, version, 0, b"", 0, "", None]
        try:
            self._keep()
        except OSError:
            self._row = row
            return LATER
        self._begin_anew()
        # All cars of a fleet hear of it in the same second.
        self._pause_ms = self._app.clock.uptime_ms() + self._app.random16()
        return DONE

    # --- the next piece

    def step(self):
        """Do it; the time until there is more to do, None when all is done and this may go."""
        app = self._app
        if self._row is None:
            return None
        now = app.clock.uptime_ms()
        if self._row[_STATE] == update.TRYING:
            # In an alarm above all: a program that reaches nobody must give way.
            self._prove(now)
            if self._cable and self._row[_STATE] == update.DONE:
                # What was under way before goes on; what it had written may be the cable's now.
                self._cable = False
                self._row = self._kept()
                if self._row is None:
                    return None
                if self._row[_STATE] < update.TRYING:
                    self._go(update.ASKED)
                else:
                    self._resume()
        if app.modem.panic_active or app.panics.open or app.journal.count(True):
            return _LOOK_MS  # the way, and flash, are an alarm's
        if self._message is not None:
            message, self._message = self._message, None
            self._asked(message)
            if self._row is None:
                return None
        state = self._row[_STATE]
        if self._cable:
            return _DESK_LOOK_MS
        if self._attempt is not None or not app.linked():
            return _LOOK_MS
        if app.safe and state < update.TRYING:
            return _LOOK_MS
        if now < self._pause_ms:
            return min(_LOOK_MS, self._pause_ms - now)
        return self._next(now, self._row[_STATE])

    def _next(self, now, state):
        row = self._row
        if state == update.ASKED:
            if row[_VERSION] == self._runs:
                self._go(update.DONE)
                return 0
            if row[_VERSION] < self._runs:
                self._refuse("older than what runs, %s" % update.version_text(self._runs))
                return 0
            name = update.manifest_name(self._board["name"], row[_VERSION])
            self._get(name, 0, self._manifest)
        elif self._told != state:
            payload = update.encode_progress(row[_VERSION], state, row[_REASON])
            self._ask(coap.POST, payload, (), self._tell)
        elif state == update.FETCHING:
            if row[_OFFSET] >= row[_SIZE]:
                return self._check()
            name = update.image_name(self._board["name"], row[_VERSION])
            self._get(name, row[_OFFSET] >> self._szx + 4, self._block)
        elif state == update.READY:
            if self._stands_still(now):
                self._start_it()
        elif state in update.ENDED:
            self._drop()
            return None
        return _LOOK_MS

    def _stands_still(self, now):
        """Nobody misses the terminal for ten seconds: parked, nothing unsent, off duty or parked for long."""
        app = self._app
        if not app.beat.quiet or app.queue():
            self._still_ms = None
            return False
        if self._still_ms is None:
            self._still_ms = now
        status = app.builder.status
        if status is None or status == _OFF_DUTY:
            return True
        return status == _AVAILABLE and now - self._still_ms >= _STILL_MS

    # --- the link

    def _get(self, name, number, then):
        block = update.block_option(number, False, self._szx)
        self._ask(coap.GET, b"", ((coap.URI_PATH, name.encode()), (update.BLOCK2, block)), then)

    def _ask(self, code, payload, options, then):
        app = self._app
        self._asked = then
        self._attempt = app.uplink.link.ask(self, None, code, update.PATH, payload, BULK, options)
        if self._attempt is None:
            self._pause()
        else:
            app.uplink.bearer_changed()  # it goes out now

    def _pause(self, pause_ms=None):
        if pause_ms is None:
            pause_ms = self._pauses.next(self._app.random16())
        self._pause_ms = self._app.clock.uptime_ms() + pause_ms

    def _cancel(self):
        if self._attempt is not None:
            self._app.uplink.link.cancel(self._attempt)
        self._attempt = self._message = None

    def answered(self, attempt, message):
        if attempt is self._attempt:
            self._attempt = None
            # Flash is written when nothing else is to be done, not in the link's own task.
            self._message = message
            self._app.used.set()

    def hinted(self, attempt):
        if attempt is self._attempt:
            self._app.uplink.link.cancel(attempt)
            self.failed(attempt)

    def failed(self, attempt):
        if attempt is self._attempt:
            self._attempt = None
            self._pause()

    def _later(self, message):
        """True for an answer that says: not now."""
        if message.code == coap.SERVICE_UNAVAILABLE:
            self._pause(max_age_ms(message))
            return True
        if message.code in (coap.CONTENT, coap.CHANGED, coap.NOT_FOUND):
            self._pauses.reset()
            return False
        self._pause()
        return True

    # --- answers

    def _tell(self, message):
        if self._later(message):
            return
        state = self._row[_STATE]
        if message.code == coap.NOT_FOUND and state < update.TRYING:
            self._app.log(2, "update: not wanted any more")
            self._drop()
            return
        self._told = state

    def _manifest(self, message):
        if self._later(message):
            return
        if message.code != coap.CONTENT:
            self._refuse("the gateway has none of this version for %s" % self._board["name"])
            return
        try:
            self._verified(message.payload)
        except Unauthentic:
            self._refuse("not signed by the release key")
        except ProtocolError as error:
            self._refuse(str(error))
        except OSError as error:
            self._trouble(error)
        forget("firmware.config", "firmware.p256_point", "protocol.suit")

    def _verified(self, data):
        """Nothing is fetched, and nothing erased, before the release key has spoken for it."""
        from firmware.config import load
        from firmware.p256_point import verify
        from protocol import suit

        key = bytes.fromhex(load()[0]["release_key"])
        if not key:
            raise Malformed("this terminal has no release key: provision it with one")

        def check(to_be_signed, signature):
            return verify(key, hashlib.sha256(to_be_signed).digest(), signature)

        said = suit.Envelope(data).verify(lambda text: hashlib.sha256(text).digest(), check)
        row = self._row
        if said.vendor != self._board["vendor"] or said.board_class != self._board["class"]:
            raise Malformed("for another board")
        if said.version != row[_VERSION]:
            raise Malformed("its manifest is of version %s" % update.version_text(said.version))
        if said.uri != "/u/" + update.image_name(self._board["name"], said.version):
            raise Malformed("its image is at %s" % said.uri)
        if said.size > self._slots.room:
            raise Malformed("%d bytes, there is room for %d" % (said.size, self._slots.room))
        self._slots.begin()
        row[_SIZE] = said.size
        row[_DIGEST] = said.digest
        row[_OFFSET] = 0
        self._go(update.FETCHING)

    def _block(self, message):
        if self._later(message):
            return None
        if message.code != coap.CONTENT:
            self._refuse("withdrawn")
            return None
        row = self._row
        data = message.payload
        offset = row[_OFFSET]
        end = offset + len(data)
        try:
            number, more, szx = update.read_block(message.option(update.BLOCK2) or b"")
        except Malformed:
            szx = 7
        if szx > self._szx or number << szx + 4 != offset or (more and len(data) != 16 << szx):
            return self._trouble("block: not what was asked for")
        if not data or end > row[_SIZE] or more != (end < row[_SIZE]):
            return self._trouble("block: not as long as the image")
        self._szx = szx
        try:
            self._slots.write(offset, data)
            row[_OFFSET] = end
            if end % _KEEP == 0 or end == row[_SIZE]:
                self._keep()
                self._errors = 0  # not for each block: those before the one in trouble come again, too
        except OSError as error:
            self._trouble(error)

    def _check(self):
        """The image as it lies in flash; only if it is the one of the manifest the slot counts as filled."""
        row = self._row
        try:
            if self._slots.finish(row[_SIZE], row[_VERSION], row[_DIGEST], self._board["name"]):
                self._go(update.READY)
            else:
                self._refuse("the image has another digest than its manifest")
        except OSError as error:
            self._trouble(error)
        return 0

    def _trouble(self, why):
        """Once more from what is surely on flash; and not for ever."""
        self._app.log(1, "update: %s" % why)
        self._errors += 1
        if self._errors >= _MOST_ERRORS:
            self._refuse("%s" % why)
            return
        self._row[_OFFSET] -= self._row[_OFFSET] % _KEEP
        self._pause()

    # --- its states

    def _go(self, state, reason=""):
        row = self._row
        self._app.log(2, "update to %s: %d %s" % (update.version_text(row[_VERSION]), state, reason))
        row[_STATE] = state
        row[_REASON] = reason
        self._begin_anew()
        if self._cable:
            return
        try:
            self._keep()
        except OSError as error:
            self._app.log(1, "%s: %r" % (FILE, error))  # from memory, then

    def _begin_anew(self):
        self._told = None
        self._errors = 0
        self._pause_ms = 0

    def _refuse(self, reason):
        self._go(update.REFUSED, reason)

    def _drop(self):
        self._cancel()
        self._row = None
        statefile.remove(FILE)

    def _start_it(self):
        """The other slot is tried at the next start, which is now."""
        app = self._app
        row = self._row
        try:
            image = self._slots.image(self._slots.other)
            if image is None or image.sha256 != row[_DIGEST]:
                # Somebody was there with a cable: what lies there is whole, and another one, perhaps older.
                self._go(update.ASKED)
                return
            if not self._slots.stage():
                self._refuse("the image in flash is not what it was")
                return
            if app.keys.head != app.keys.tail:
                return  # pressed while flash was read: it may be an alarm
            row[_STATUS] = app.builder.status
            row[_STATE] = update.TRYING
            self._keep()
        except OSError as error:
            row[_STATE] = update.READY
            self._trouble(error)
            return
        app.log(2, "update: starting %s" % update.version_text(row[_VERSION]))
        app.trace.keep(0)
        app.hal.reset()

    def _ours(self):
        """Is what runs on trial the one that /update tells of?"""
        row = self._row
        return (
            row is not None and row[_STATE] in (update.READY, update.TRYING) and row[_VERSION] == self._runs
        )

    def _alone(self, desk):
        """/update has nothing to do with what runs on trial: it came by cable."""
        row = self._row
        return row is None or row[_STATE] < update.READY or (desk and not self._ours())

    def _resume(self):
        """After a start: where it stands, by what runs."""
        row = self._row
        state = row[_STATE]
        if self._ours():
            self._app.builder.status = row[_STATUS]
            row[_STATE] = update.TRYING
            if not row[_REASON]:
                self._go(update.TRYING, "started")
        elif state == update.TRYING or (
            state == update.READY and self._slots is not None and self._slots.trial
        ):
            last = row[_REASON] or "it never came up"
            self._go(update.FELL_BACK, "the last it said: " + last if last == "started" else last)
        elif state < update.TRYING and row[_VERSION] <= self._runs:
            row[_STATE] = update.ASKED  # somebody was quicker, with a cable
        elif state == update.FETCHING:
            row[_OFFSET] -= row[_OFFSET] % _KEEP

    def _prove(self, now):
        """It has to serve: reach headquarters, have its frames taken, keep its tasks alive."""
        app = self._app
        restarts = app.supervisor.restarts()
        serves = self._cable or (app.linked() and app.builder.seq and not app.queue())
        try:
            if not self._slots.trial:
                self._go(update.DONE)
            elif now >= (_DESK_MS if self._slots.desk else _HEALTHY_MS) and not restarts and serves:
                self._slots.confirm()
                if self._cable:
                    # For flash.py, whatever the log's level.
                    version = update.version_text(self._runs)
                    print("patrola %s runs from slot %d, confirmed" % (version, self._slots.running))
                app.log(2, "update: confirmed")
                self._go(update.DONE)
            elif now >= _PROVE_MS and not (app.panics.open and app.linked()):
                # An alarm that headquarters can be told of is not cut by this.
                why = "tasks died" if restarts else "unsent" if app.linked() else "no link"
                self._go(update.TRYING, why)
                self._slots.give_up()
                app.trace.keep(0)
                app.hal.reset()
        except OSError as error:
            app.log(1, "update: %r" % error)

    # --- what is on flash

    def _kept(self):
        data = statefile.read(FILE)
        if data is None:
            return None
        try:
            row = cbor.decode(data)
        except ProtocolError:
            return None
        # Whole by its digest, and perhaps another version's.
        if not isinstance(row, list) or len(row) != _FIELDS:
            return None
        for at in (_STATE, _VERSION, _SIZE, _OFFSET):
            if type(row[at]) is not int:
                return None
        return row

    def _keep(self):
        statefile.write(FILE, cbor.encode(self._row))
