"""What a target's run may cost: time for one input, memory for one input, and nothing that stays."""

import gc
import signal
import tracemalloc

# Processor time, not the wall's: a busy machine is no finding. The longest input costs some milliseconds.
LIMIT_S = 2.0
# Memory while one input is read, for a byte of it and in any case. An empty list in CPython takes 56.
PEAK_PER_BYTE = 600
PEAK_LEAST = 256 * 1024
GROWTH_LIMIT = 16 * 1024
ROUNDS = 3
PATIENCE = 8


class TooSlow(Exception):
    """One input took more than LIMIT_S of processor time."""


class Grows(Exception):
    """Memory that is still held after the same inputs were read again, or too much for one of them."""


def _late(number, frame):
    raise TooSlow(f"more than {LIMIT_S:.0f} s of processor time for one input")


def arm():
    """Call once in a process that uses `timed`."""
    signal.signal(signal.SIGVTALRM, _late)


def timed(target, data):
    """The target on one input; raises TooSlow where it does not come to an end."""
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT_S)
    try:
        return target(data)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def growth(target, inputs):
    """Read all inputs again and again: (bytes that stayed, largest peak for one). Raises Grows."""
    for data in inputs:
        target(data)
    tracemalloc.start()
    try:
        largest = 0
        for data in inputs:
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            target(data)
            peak = tracemalloc.get_traced_memory()[1] - before
            largest = max(largest, peak)
            if peak > PEAK_LEAST + PEAK_PER_BYTE * len(data):
                raise Grows(f"{peak} bytes held while reading {len(data)}: {data.hex()}")
        for _ in range(PATIENCE):
            gc.collect()
            held = tracemalloc.get_traced_memory()[0]
            for _ in range(ROUNDS):
                for data in inputs:
                    target(data)
            gc.collect()
            stayed = tracemalloc.get_traced_memory()[0] - held
            # Tables with a limit fill up, and then no more.
            if stayed <= GROWTH_LIMIT:
                break
    finally:
        tracemalloc.stop()
    if stayed > GROWTH_LIMIT:
        raise Grows(f"{stayed} bytes stayed after the last {ROUNDS} rounds of {len(inputs)} inputs")
    return stayed, largest


def shrink(target, data, kind, tries=4000):
    """The smallest input found that ends in the same kind of exception."""

    def fails(candidate):
        try:
            timed(target, candidate)
        except BaseException as error:
            return type(error) is kind
        return False

    size = max(1, len(data) // 2)
    while size and tries > 0:
        at = 0
        while at < len(data) and tries > 0:
            tries -= 1 if kind is not TooSlow else 400
            candidate = data[:at] + data[at + size :]
            if fails(candidate):
                data = candidate
            else:
                at += size
        size //= 2
    for at in range(len(data)):
        candidate = data[:at] + b"\0" + data[at + 1 :]
        if kind is not TooSlow and data[at] and fails(candidate):
            data = candidate
    return data
