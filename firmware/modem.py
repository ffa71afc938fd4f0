"""What every bearer of datagrams is to the rest of the terminal: two bounded queues, a state, callbacks.

The driver (`driver`) owns the modem's UART and takes from the queues, urgent first. Nobody else writes there.
"""

from firmware.signal import Signal
from protocol.compat import const
from protocol.limits import MAX_DATAGRAM

URGENT_LIMIT = const(4)
FIRST = const(2)
BULK_LIMIT = const(2)  # CoAP's NSTART keeps bulk at one anyway; full queues hold 7 KB
# While a panic is this young the modem is not disturbed as long as the link works (MODEMS.md).
PANIC_GRACE_MS = const(10000)
# A quiet link brings an answer to its keep-alive each 40 s, or each minute where that is set; with some delay
# it still counts as working.
_WORKS_MS = const(75000)

OFF = const(0)  # no answer yet, or none any more
SET_UP = const(1)
SIM = const(2)
ATTACH = const(3)
NET = const(4)
SOCKET = const(5)
UP = const(6)
# What became of a datagram that was handed to the modem
SENT = const(0)
FAILED = const(1)
GONE = const(2)  # the socket is not there any more

STATES = ("silent", "starting", "sim", "searching", "network", "opening", "up")


class Bearer:
    """State others may read, callbacks they may set; all times are `uptime_ms()`."""

    def __init__(self, uptime_ms, log=None):
        self._uptime_ms = uptime_ms
        self._log = log
        self._first = []
        self._urgent = []
        self._bulk = []
        self._wake = Signal()
        self._panic_since = None
        self._works_at = None  # when something came in last
        self.hasty = None  # () -> True while an alarm may be about to come: only one's datagrams leave then
        self.on_datagram = None  # (bytes)
        self.on_state = None  # ()
        self.on_network_time = None  # (UTC in ms since 1970), not authenticated
        self.state = OFF
        self.fault = None  # what a person has to mend, in words; None while there is nothing
        self.registered = False
        self.roaming = False
        self.rsrp_dbm = None
        self.rssi_dbm = None
        self.network_time_ms = None
        self.sent = 0
        self.received = 0
        self.refused = 0  # datagrams not taken because the queue was full or the link down
        self.failed = 0  # datagrams the modem took badly
        self.restarts = 0  # resets, power cycles and unannounced restarts of the modem

    @property
    def up(self):
        """The socket is open: datagrams are taken."""
        return self.state == UP

    @property
    def panic_active(self):
        return self._panic_since is not None

    @panic_active.setter
    def panic_active(self, active):
        if not active:
            self._panic_since = None
        elif self._panic_since is None:
            self._panic_since = self._uptime_ms()
            self._wake.set()

    def send(self, datagram, urgent=False):
        """Queue one datagram; `urgent` FIRST: a panic's, before all others. False: not taken now, offer it
        again when `on_state` or time tells."""
        if not 0 < len(datagram) <= MAX_DATAGRAM:
            raise ValueError("datagram of %d bytes, 1 to %d are possible" % (len(datagram), MAX_DATAGRAM))
        queue = self._urgent if urgent else self._bulk
        if urgent == FIRST:
            queue = self._first
        if not self.up:
            self.refused += 1
            return False
        if datagram in queue:
            return True  # the urgent lane repeats the same bytes: one copy waiting is enough
        waiting = len(self._first) + len(self._urgent) if urgent else len(self._bulk)
        if waiting >= (URGENT_LIMIT if urgent else BULK_LIMIT):
            if urgent != FIRST:
                self.refused += 1
                return False
            (self._urgent or queue).pop()  # it will be offered again in half a second
        # Each that waits before it costs an alarm 100 ms.
        queue.insert(0 if urgent == FIRST else len(queue), datagram)
        self._wake.set()
        return True

    def wake(self):
        """Ends the driver's wait: there is something new to look at."""
        self._wake.set()

    def next_datagram(self):
        if self._first:
            return self._first.pop(0)
        if self.held_back():
            return None
        if self._urgent:
            return self._urgent.pop(0)
        return self._bulk.pop(0) if self._bulk else None

    def held_back(self):
        """What is begun now an alarm would have to wait for; `hasty` sees to it that this does not last."""
        return self.hasty is not None and self.hasty()

    def set_state(self, state):
        if state == self.state:
            return
        self.state = state
        if state != UP:
            # Whoever sent these repeats them; after an outage old bytes would only stand before new ones.
            for queue in (self._first, self._urgent, self._bulk):
                queue.clear()
        self.say(2, STATES[state])
        self.changed()

    def changed(self):
        if self.on_state is not None:
            self._call(self.on_state)

    def _call(self, callback, *arguments):
        # What goes wrong in a listener is no reason to take the link down.
        try:
            callback(*arguments)
        except Exception as error:
            self.say(1, "callback: %r" % error)

    def say(self, level, text):
        if self._log is not None:
            self._log(level, "modem: " + text)

    def set_fault(self, text):
        if text != self.fault:
            self.fault = text
            if text:
                self.say(1, text)
            self.changed()

    def deliver(self, datagram):
        self.received += 1
        self._works_at = self._uptime_ms()
        if self.on_datagram is not None:
            self._call(self.on_datagram, datagram)

    def time_told(self, utc_ms):
        self.network_time_ms = utc_ms
        if self.on_network_time is not None:
            self._call(self.on_network_time, utc_ms)

    def may_disturb(self):
        """False in a panic's first ten seconds while the link works: then nothing may cut it."""
        if self._panic_since is None:
            return True
        now = self._uptime_ms()
        if now - self._panic_since >= PANIC_GRACE_MS:
            return True
        return self._works_at is None or now - self._works_at >= _WORKS_MS
