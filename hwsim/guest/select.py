"""`select` of the simulated terminal: a wait for streams is one message to the bench."""

import _bench
from micropython import const

POLLIN = 1
POLLOUT = 4
POLLERR = 8
POLLHUP = 16
_IOCTL_POLL = const(3)


class _Poll:
    # Objects in the order they were registered: a dictionary by id() would change from run to run.
    def __init__(self):
        self._entries = []

    def _find(self, stream):
        for entry in self._entries:
            if entry[0] is stream:
                return entry
        return None

    def register(self, stream, events=POLLIN | POLLOUT):
        entry = self._find(stream)
        if entry is None:
            # Who it is: a UART by its bit, a flag of asyncio (-1), or somebody else (0).
            mask = getattr(stream, "wire_mask", 0)
            if type(stream).__name__ == "ThreadSafeFlag":
                mask = -1
            self._entries.append([stream, events, mask])
        else:
            entry[1] = events

    def modify(self, stream, events):
        entry = self._find(stream)
        if entry is None:
            raise OSError(2)
        entry[1] = events

    def unregister(self, stream):
        entry = self._find(stream)
        if entry is not None:
            self._entries.remove(entry)

    def _ready(self):
        # Most often nothing is: then nothing is allocated, and who can be asked directly is.
        found = ()
        for entry in self._entries:
            stream, events, mask = entry
            if mask < 0:
                have = stream.state * events
            elif mask and events == POLLIN:
                have = POLLIN if stream.any() else 0
            else:
                have = stream.ioctl(_IOCTL_POLL, events)
            if have:
                found += ((stream, have),)
        return found

    def ipoll(self, timeout=-1, flags=0):
        found = self._ready()
        if found or timeout == 0:
            return found
        return self._await(_bench.FOREVER if timeout < 0 else _bench.now() + timeout * 1000)

    def _await(self, end):
        while True:
            self._wait(end)
            found = self._ready()
            if found or _bench.now_us >= end:
                return found

    def _wait(self, until):
        readers = 0
        for stream, events, mask in self._entries:
            if events & POLLIN and mask > 0:
                readers |= mask
            if events & POLLOUT and mask > 0:
                until = min(until, stream.tx_ready_us())
        _bench.wait(until, readers)

    def poll(self, timeout=-1, flags=0):
        return list(self.ipoll(timeout, flags))


def poll():
    return _Poll()
