"""What others want of a bench that runs in a thread of its own: done there, between two of its events."""

import collections
import contextlib
import os
import threading


class Orders:
    """The thread calls `obey()` between two events, and waits on the file `fileno()` when it has nothing else
    to do. `thread` is None as long as there is none: then things are done where they are asked for."""

    def __init__(self):
        self.thread = None
        self.error = None  # what ended the thread
        self._orders = collections.deque()
        self._waiters = []  # (condition, event)
        self._wake, self._waker = os.pipe()
        os.set_blocking(self._wake, False)

    def fileno(self):
        return self._wake

    def do(self, call, *arguments):
        """`call(*arguments)` between two events; its result, or what it raised."""
        if not self._runs() or threading.current_thread() is self.thread:
            return call(*arguments)
        done = threading.Event()
        outcome = []

        def order():
            try:
                outcome.append((call(*arguments), None))
            except Exception as error:
                outcome.append((None, error))
            done.set()

        self._orders.append(order)
        self.stir()
        while not done.wait(1):
            if not self._runs():
                raise self.error or RuntimeError("the bench has ended")
        result, error = outcome[0]
        if error is not None:
            raise error
        return result

    def until(self, condition, limit_s):
        """Wait, by the wall, until `condition()` holds between two events. False when that took too long."""
        if not self._runs():
            return bool(condition())
        waiter = (condition, threading.Event())
        self.do(self._waiters.append, waiter)
        self.stir()
        met = waiter[1].wait(limit_s)
        self.do(self._dismiss, waiter)
        return met

    def stir(self):
        os.write(self._waker, b".")

    def obey(self):
        """In the thread: all that was asked for."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self._wake, 4096):
                continue
        while self._orders:
            self._orders.popleft()()
        for waiter in list(self._waiters):
            if waiter[0]():
                self._waiters.remove(waiter)
                waiter[1].set()

    def close(self):
        if self._wake is not None:
            os.close(self._wake)
            os.close(self._waker)
            self._wake = None

    def _runs(self):
        return self.thread is not None and self.thread.is_alive()

    def _dismiss(self, waiter):
        if waiter in self._waiters:
            self._waiters.remove(waiter)
