"""Time without a bench, for tests: the clock jumps to the end of every wait, or to what is due before.

The test is the world: what it has put down for `later` happens then, whatever waits. A watchdog bites, and a
reset is asked for, with an exception.
"""

import _bench

watchdog = None  # (deadline, timeout), microseconds
_later = []


class WatchdogBite(SystemExit):
    """The watchdog was not fed in time."""


class ResetRequest(SystemExit):
    """The program asked for a reset."""


def later(delay_ms, function):
    """Call `function()` that much later, as hardware would: whatever waits then."""
    _later.append((_bench.now_us + delay_ms * 1000, function))


def feed(timeout_us):
    """The watchdog has been started, or fed."""
    global watchdog
    watchdog = (_bench.now_us + timeout_us, timeout_us)


def wait(until_us):
    """To `until_us`, or to the first thing that happens."""
    if until_us >= _bench.FOREVER:
        bite = [watchdog[0]] if watchdog else []
        until_us = min([t for t, _ in _later] + bite + [_bench.FOREVER])
        if until_us == _bench.FOREVER:
            raise RuntimeError("solo: this waits for ever, nothing can happen any more")
    elif _later:
        until_us = min(until_us, max(_bench.now_us, min(t for t, _ in _later)))
    until(until_us)


def until(until_us):
    """To `until_us`, with all that happens on the way."""
    while True:
        due = min([t for t, _ in _later] + [until_us])
        if watchdog and watchdog[0] <= max(due, _bench.now_us):
            _bench.now_us = watchdog[0]
            raise WatchdogBite("watchdog: not fed for %d ms" % (watchdog[1] // 1000))
        _bench.now_us = max(_bench.now_us, due)
        ready = [entry for entry in _later if entry[0] <= _bench.now_us]
        for entry in ready:
            _later.remove(entry)
            entry[1]()
        if not ready:
            return
