"""What a modem is asked while its socket is open: one command at a time, no alarm ever waits for two."""

from firmware.at_port import Restarted
from protocol.compat import const

_SIGNAL_MS = const(120000)  # a health report says it, each ten minutes
_REGISTRATION_MS = const(240000)  # URCs tell of changes, and unanswered datagrams of one that was lost
_CLOCK_MS = const(60000)  # until the network has told the time
_CLOCK_LATER_MS = const(21600000)
_BUFFER_MS = const(10000)  # manual mode: the URC that announces a datagram may have been lost
_NEVER_MS = const(86400000)


class Chores:
    """`doubt`: a boot URC was heard that may be a late one or the only sign of a restart."""

    def __init__(self, port, bearer, registration, maker):
        self._port = port
        self._bearer = bearer
        self._registration = registration
        self._maker = maker
        self._signal = self._registered = self._clock = self._buffer = 0
        self.doubt = False

    def begin(self, now):
        """The socket is open."""
        self.doubt = False
        self._signal = self._clock = now
        self._registered = now + _REGISTRATION_MS
        self._buffer = now + (_BUFFER_MS if self._maker.manual else _NEVER_MS)

    def hasten_clock(self):
        self._clock = 0

    def next_ms(self):
        return min(self._signal, self._registered, self._clock, self._buffer)

    async def one(self, now):
        """Do one that is due; False when none is. Raises Restarted."""
        if self.doubt:
            self.doubt = False
            if not await self._maker.is_open():
                raise Restarted
        elif now >= self._signal:
            self._signal = now + _SIGNAL_MS
            await self._registration.ask_signal()
        elif now >= self._registered:
            self._registered = now + _REGISTRATION_MS
            await self._registration.ask_next()
        elif now >= self._clock:
            self._clock = now + (_CLOCK_MS if self._bearer.network_time_ms is None else _CLOCK_LATER_MS)
            await self._maker.ask_time()
        elif now >= self._buffer:
            self._buffer = now + (_BUFFER_MS if self._maker.manual else _NEVER_MS)
            self._maker.waiting = self._maker.manual
        else:
            return False
        return True
