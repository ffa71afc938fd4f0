"""Times a piece of work, under either Python.

Processor time, not the wall's: what else runs on the machine then costs less. MicroPython's clock of it has
steps of one millisecond, so a round has to be long.
"""

import gc

try:
    from time import process_time_ns as cpu_ns
except ImportError:
    from time import clock

    def cpu_ns():
        return round(clock() * 1000) * 1000000


try:
    from micropython import mem_total
except ImportError:
    mem_total = None


class Work:
    """`once()` does `units` units of work; `setup(n)`, untimed, gets ready for n calls of it."""

    def __init__(self, once, units=1, setup=None):
        self.once = once
        self.units = units
        self.setup = setup


_made = {}


def find(name):
    """The work called `module:function`, made at its first use."""
    if name not in _made:
        module, function = name.split(":")
        _made[name] = getattr(__import__(module, None, None, ("x",)), function)()
    return _made[name]


def run(name, n):
    """Do it n times; (nanoseconds, units done)."""
    work = find(name)
    if work.setup is not None:
        work.setup(n)
    once = work.once
    gc.collect()
    begun = cpu_ns()
    for _ in range(n):
        once()
    return cpu_ns() - begun, n * work.units


def heap(name):
    """(bytes asked for, bytes that are left to the collector) for one unit; MicroPython only.

    Asked for is what the program requested of the allocator, left is in whole blocks of the heap (32 bytes on
    64 bits, 16 on a chip) and without what was given back at once.
    """
    work = find(name)
    for _ in range(3):  # what is made only once is not counted
        if work.setup is not None:
            work.setup(1)
        work.once()
    if work.setup is not None:
        work.setup(1)
    once = work.once
    gc.collect()
    gc.disable()
    try:
        total, used = mem_total(), gc.mem_alloc()
        once()
        used, total = gc.mem_alloc() - used, mem_total() - total
    finally:
        gc.enable()
    return total / work.units, used / work.units
