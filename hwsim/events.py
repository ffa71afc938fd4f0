"""What the kernel's queues and its trace are made of."""

import heapq

NEVER_US = 1 << 62


class Timer(list):
    """One call in the future: time, lane, number, call, arguments. `cancel` may be called at any time."""

    __slots__ = ()

    @property
    def active(self):
        return self[3] is not None

    def cancel(self):
        self[3] = None
        self[4] = ()

    def fire(self):
        """Now instead of then, if it is to come yet."""
        call, arguments = self[3], self[4]
        self.cancel()
        if call is not None:
            call(*arguments)


class Event:
    """What happened, when, to whom: one line of the trace."""

    __slots__ = ("t_us", "source", "what", "fields")

    def __init__(self, t_us, source, what, fields):
        self.t_us = t_us
        self.source = source
        self.what = what
        self.fields = fields

    def __repr__(self):
        fields = " ".join(f"{name}={value!r}" for name, value in self.fields.items())
        return f"{self.t_us / 1e6:12.6f} {self.source}: {self.what} {fields}"


def first_us(queue):
    """When the first event of a heap happens that is still to happen."""
    while queue:
        first = queue[0]
        if first[3] is not None:
            return first[0]
        heapq.heappop(queue)
    return NEVER_US
