"""`select` of the simulated terminal: a wait for streams is one message to the bench."""

import _bench
from micropython import const

POLLIN = 1
POLLOUT = 4
POLLERR = 8
POLLHUP = 16
_IOCTL_POLL = const(3)


class _Poll:
    # Objects in the order they were registered: a dictionary by id() would change from run to run. Each with
    # its events and who it is: a UART by its bit, a flag of asyncio (-1), or somebody else (0).
    def __init__(self):
        self._entries = []
        self.readers = 0  # UARTs that are read
        self.written = False  # or written

    def _find(self, stream):
        for entry in self._entries:
            if entry[0] is stream:
                return entry
        return None

    def register(self, stream, events=POLLIN | POLLOUT):
        entry = self._find(stream)
        if entry is None:
            mask = getattr(stream, "wire_mask", 0)
            if type(stream).__name__ == "ThreadSafeFlag":
                mask = -1
            self._entries.append([stream, events, mask])
        else:
            entry[1] = events
        self._changed()

    def modify(self, stream, events):
        entry = self._find(stream)
        if entry is None:
            raise OSError(2)
        entry[1] = events
        self._changed()

    def unregister(self, stream):
        entry = self._find(stream)
        if entry is not None:
            self._entries.remove(entry)
            self._changed()

    def _changed(self):
        self.readers = 0
        self.written = False
        for _, events, mask in self._entries:
            if mask > 0:
                if events & POLLIN:
                    self.readers |= mask
                self.written = self.written or events & POLLOUT

    # Most often nothing is ready, and two are asked ten times a second: without a call where it can be, and
    # with so few names that MicroPython needs no heap for them.
    def ready(self):
        for entry in self._entries:
            if entry[2] < 0:
                if entry[0].state:
                    return self._all_ready()
            elif entry[2] and entry[1] == POLLIN and _bench.ahead is not entry[0]:
                if entry[0]._rx.any():
                    return self._all_ready()
            elif entry[0].ioctl(_IOCTL_POLL, entry[1]):
                return self._all_ready()
        return ()

    def _all_ready(self):
        found = []
        at = 0
        while at < len(self._entries):
            entry = self._entries[at]
            have = entry[0].ioctl(_IOCTL_POLL, entry[1])
            if have:
                found.append((entry[0], have))
            at += 1
        return found

    def ipoll(self, timeout=-1, flags=0):
        found = self.ready()
        if found or timeout == 0:
            if _bench.now_us >= _bench.came_us:
                _bench.look()
                found = self.ready()
            return found
        return self._await(_bench.FOREVER if timeout < 0 else _bench.now() + timeout * 1000)

    def _await(self, end):
        while True:
            _bench.wait(self.until(end) if self.written else end, self.readers)
            found = self.ready()
            if found or _bench.now_us >= end:
                return found

    def until(self, until):
        for stream, events, mask in self._entries:
            if events & POLLOUT and mask > 0:
                until = min(until, stream.tx_ready_us())
        return until

    def poll(self, timeout=-1, flags=0):
        return list(self.ipoll(timeout, flags))


def poll():
    return _Poll()
