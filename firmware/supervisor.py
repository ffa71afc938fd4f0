"""Keeps the tasks alive, and the watchdog fed only while every one of them is.

Each task calls `watch.alive()` at least once in its deadline, or says by `watch.rest()` for what it waits:
then it is missed when that has come and it doesn't stir. A task that ends with an exception is
started again after a growing pause and counted; while it is paused it is known to be dead, so the watchdog
isn't kept from its food. A task that hangs says nothing: then the watchdog is not fed and the chip starts
again. So does a task that cannot stay alive for ten starts: what only a fresh heap can mend, a fresh start
mends.
"""

import asyncio
import gc
import sys

from firmware.renewer import forget
from protocol.backoff import Backoff
from protocol.compat import const

_FIRST_PAUSE_MS = const(1000)
_LONGEST_PAUSE_MS = const(60000)
_STEADY_MS = const(60000)  # alive for this long = whatever it was is over
_STARTS = const(10)
_ROUND_MS = const(1000)
_DEAD = False


def _where(error):
    try:
        from firmware.aftermath import where

        return where(error)
    except Exception:
        return ""  # no room for more words
    finally:
        forget("firmware.aftermath")


class Watch:
    """One task: `start(watch)` makes its coroutine."""

    def __init__(self, name, start, deadline_ms, longest_ms, uptime_ms):
        self.name = name
        self.deadline_ms = deadline_ms
        self.restarts = 0
        self.failing = 0  # deaths in a row
        self.last_error = None
        self.task = None
        self._start = start
        self._uptime_ms = uptime_ms
        self.heard_ms = uptime_ms()
        self.signal = None  # what the task rests on; _DEAD: it is to be started again
        self._begun = 0
        self._backoff = Backoff(_FIRST_PAUSE_MS, longest_ms)

    def alive(self):
        """The task reports: it is running and not waiting for something that will never come."""
        self.heard_ms = self._uptime_ms()
        self.signal = None

    def rest(self, ms, signal):
        """It has nothing to do for so long, unless `signal` is set."""
        self.heard_ms = self._uptime_ms() + ms
        self.signal = signal

    def overdue(self, now_ms):
        """True when the task hangs, or cannot stay alive."""
        if self.signal is _DEAD:
            return self.failing >= _STARTS
        if self.signal is not None and self.signal.state:
            # Whoever waits for it had his turn since the last round; at the next one there is no excuse.
            self.signal = None
            self.heard_ms = min(self.heard_ms, now_ms - self.deadline_ms)
        return now_ms - self.heard_ms > self.deadline_ms

    async def keep(self, log, random16):
        """Run the task for ever."""
        while True:
            self.alive()
            self._begun = self.heard_ms
            try:
                await self._start(self)
                self.last_error = "ended"
            except Exception as error:
                gc.collect()  # it may have died of a heap in pieces
                self.last_error = repr(error)
                if log is not None:
                    log(1, "task %s: %s %s" % (self.name, self.last_error, _where(error)))
                    sys.print_exception(error)
                error = None
            gc.collect()
            if self._uptime_ms() - self._begun >= _STEADY_MS:
                self.failing = 0
                self._backoff.reset()
            self.failing += 1
            self.restarts += 1
            pause_ms = self._backoff.next(random16())
            # Not before the pause is certain: who dies in here must be missed.
            self.signal = _DEAD
            await asyncio.sleep_ms(pause_ms)


class Supervisor:
    """`feed()` feeds the watchdog, every `round_ms` at most; `log(level, text)` or None."""

    def __init__(self, feed, uptime_ms, random16, log, round_ms=_ROUND_MS):
        self._feed = feed
        self._round_ms = round_ms
        self._uptime_ms = uptime_ms
        self._random16 = random16
        self._log = log
        self.watches = []
        self.overdue = None  # name of the task that keeps the watchdog from being fed
        self.look = None  # () at each round: what is looked at now and then, so that nobody wakes for it

    def add(self, name, start, deadline_ms, longest_ms=_LONGEST_PAUSE_MS):
        """`start(watch)` returns the task's coroutine; called again after each death, `longest_ms` later at
        the most."""
        watch = Watch(name, start, deadline_ms, longest_ms, self._uptime_ms)
        self.watches.append(watch)
        return watch

    def restarts(self):
        total = 0
        for watch in self.watches:
            total += watch.restarts
        return total

    def check(self):
        """Feed the watchdog when every task is well. Returns True when it was fed."""
        now = self._uptime_ms()
        for watch in self.watches:
            # Most are well: no call for those.
            late = now - watch.heard_ms > watch.deadline_ms or watch.failing >= _STARTS
            if (late or watch.signal is not None) and watch.overdue(now):
                self._tell(watch)
                return False
        self.overdue = None
        self._feed()
        return True

    def _tell(self, watch):
        if self.overdue != watch.name:
            self.overdue = watch.name
            if self._log is not None:
                how = "cannot stay alive" if watch.failing >= _STARTS else "hangs"
                self._log(1, "task %s %s; the watchdog bites" % (watch.name, how))

    async def run(self):
        """Start all tasks and watch them; ends only by cancellation."""
        for watch in self.watches:
            watch.task = asyncio.create_task(watch.keep(self._log, self._random16))
        while True:
            self.check()
            if self.look is not None:
                self.look()
            await asyncio.sleep_ms(self._round_ms)
