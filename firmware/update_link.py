"""How an update asks the gateway: one request at a time, with growing pauses after those that fail."""

from firmware.urgent import max_age_ms
from protocol import coap, update
from protocol.backoff import Backoff
from protocol.compat import const
from protocol.exchange import BULK

_FIRST_PAUSE_MS = const(5000)
_LONGEST_PAUSE_MS = const(600000)


class UpdateLink:
    """`app`: see update.py. Nothing is asked before `pause_ms`, of the uptime."""

    def __init__(self, app):
        self._app = app
        self._attempt = None
        self._then = None  # who gets the answer
        self._message = None
        self._pauses = Backoff(_FIRST_PAUSE_MS, _LONGEST_PAUSE_MS)
        self.pause_ms = 0

    @property
    def waits(self):
        """For an answer."""
        return self._attempt is not None

    def get(self, name, number, szx, then):
        """Block `number` of what has that name below /u; `then(message)` gets it."""
        block = update.block_option(number, False, szx)
        self.ask(coap.GET, b"", ((coap.URI_PATH, name.encode()), (update.BLOCK2, block)), then)

    def ask(self, code, payload, options, then):
        app = self._app
        self._then = then
        self._attempt = app.uplink.link.ask(self, None, code, update.PATH, payload, BULK, options)
        if self._attempt is None:
            self.pause()
        else:
            app.uplink.bearer_changed()  # it goes out now

    def pause(self, pause_ms=None):
        if pause_ms is None:
            pause_ms = self._pauses.next(self._app.random16())
        self.pause_ms = self._app.clock.uptime_ms() + pause_ms

    def cancel(self):
        if self._attempt is not None:
            self._app.uplink.link.cancel(self._attempt)
        self._attempt = self._message = None

    def deliver(self):
        """What has come goes to who asked for it: flash is written when nothing else is to be done, not in
        the link's own task."""
        if self._message is not None:
            message, self._message = self._message, None
            self._then(message)

    def later(self, message):
        """True for an answer that says: not now."""
        if message.code == coap.SERVICE_UNAVAILABLE:
            self.pause(max_age_ms(message))
            return True
        if message.code in (coap.CONTENT, coap.CHANGED, coap.NOT_FOUND):
            self._pauses.reset()
            return False
        self.pause()
        return True

    # What link.py calls

    def answered(self, attempt, message):
        if attempt is self._attempt:
            self._attempt = None
            self._message = message
            self._app.used.set()

    def hinted(self, attempt):
        if attempt is self._attempt:
            self._app.uplink.link.cancel(attempt)
            self.failed(attempt)

    def failed(self, attempt):
        if attempt is self._attempt:
            self._attempt = None
            self.pause()
