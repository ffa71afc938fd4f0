"""`select` of the simulated terminal: a wait for streams is one message to the bench."""

import _bench

POLLIN = 1
POLLOUT = 4
POLLERR = 8
POLLHUP = 16
_IOCTL_POLL = 3


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
            tx_ready_us = getattr(stream, "tx_ready_us", None)
            self._entries.append([stream, events, tx_ready_us, getattr(stream, "wire_mask", 0)])
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
        found = []
        for stream, events, _, _ in self._entries:
            have = stream.ioctl(_IOCTL_POLL, events)
            if have:
                found.append((stream, have))
        return found

    def ipoll(self, timeout=-1, flags=0):
        now = _bench.now()
        found = self._ready()
        if found or timeout == 0:
            return found
        end = _bench.FOREVER if timeout < 0 else now + timeout * 1000
        while True:
            until = end
            readers = 0
            for _, events, tx_ready_us, mask in self._entries:
                if events & POLLIN:
                    readers |= mask
                if events & POLLOUT and tx_ready_us is not None:
                    until = min(until, tx_ready_us())
            _bench.wait(until, readers)
            found = self._ready()
            if found or _bench.now_us >= end:
                return found

    def poll(self, timeout=-1, flags=0):
        return list(self.ipoll(timeout, flags))


def poll():
    return _Poll()
