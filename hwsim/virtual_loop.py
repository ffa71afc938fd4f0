"""An asyncio loop whose only clock is the bench's kernel: what is ready runs at one moment of virtual time,
what waits is a timer of the kernel. No thread takes part, so one seed gives one order of steps.

Sockets may be waited for when the bench holds both of their ends: what can be read is looked for whenever
nothing else is left to do at a moment, never waited for.
"""

import asyncio
import contextlib
import math
import selectors
from asyncio import events
from collections import deque

from hwsim.kernel import HOUSE

# Steps at one moment of virtual time; more is a program that turns in a circle.
_SPIN = 200_000


class Killed(BaseException):
    """Nothing runs on this loop any more."""


class VirtualLoop(asyncio.AbstractEventLoop):
    """`on_trouble(message, exception)` hears of what nobody caught. `steps` counts the callbacks that ran;
    `settle` is called when nothing is ready, before the sockets are looked at."""

    def __init__(self, kernel, on_trouble, settle=None):
        self.kernel = kernel
        self.steps = 0
        self._moment_us, self._last = -1, 0
        self.dead = False
        self._on_trouble = on_trouble
        self._settle = settle
        self._ready = deque()
        self._turn = None
        self._running = False
        self._selector = selectors.DefaultSelector()
        self._tasks = []
        self._fall = None

    # Time

    def time(self):
        return self.kernel.now_us / 1_000_000

    def call_at(self, when, callback, *args, context=None):
        handle = _Timer(when, callback, args, self, context)
        handle.timer = None
        if not self.dead:
            # Never before its time, but for what a float can't hold.
            when_us = math.ceil(when * 1_000_000 - 0.001)
            handle.timer = self.kernel.at_lane(HOUSE, when_us, self._due, handle)
        return handle

    def call_later(self, delay, callback, *args, context=None):
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def _timer_handle_cancelled(self, handle):  # asyncio.TimerHandle.cancel calls it by this name
        if handle.timer is not None:
            handle.timer.cancel()

    def _due(self, handle):
        self._ready.append(handle)
        self._run()

    # Steps

    def call_soon(self, callback, *args, context=None):
        handle = asyncio.Handle(callback, args, self, context)
        if not self.dead:
            self._ready.append(handle)
            self.stir()
        return handle

    call_soon_threadsafe = call_soon

    def stir(self):
        """Something may have become ready: look at this moment, when the kernel's present event is over."""
        if self._turn is None and not self._running and not self.dead:
            self._turn = self.kernel.at_lane(HOUSE, self.kernel.now_us, self._run)

    def _run(self):
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        if self.dead or self._running:
            return
        before = events._get_running_loop()
        events._set_running_loop(self)
        self._running = True
        try:
            self._drain()
        finally:
            self._running = False
            events._set_running_loop(before)

    def _drain(self):
        ready = self._ready
        if self.kernel.now_us != self._moment_us:
            self._moment_us, self._last = self.kernel.now_us, self.steps + _SPIN
        while True:
            while ready:
                handle = ready.popleft()
                if handle.cancelled():
                    continue
                self.steps += 1
                if self._fall is not None and self.steps >= self._fall[0]:
                    self._fall[1]()
                if self.dead:
                    return
                handle._run()
                if self.dead:
                    return
                if self.steps > self._last:
                    raise RuntimeError(f"{_SPIN} steps at one moment; the last one: {handle!r}")
            if self._settle is not None:
                self._settle()
            if not self._selector.get_map():
                if not ready:
                    return
                continue
            for key, mask in self._selector.select(0):
                reader, writer = key.data
                if mask & selectors.EVENT_READ and reader is not None:
                    ready.append(reader)
                if mask & selectors.EVENT_WRITE and writer is not None:
                    ready.append(writer)
            if not ready:
                return

    def at_step(self, number, call):
        """`call()` in place of the step of that number (and all later ones, should it not kill this loop)."""
        self._fall = (number, call)

    # Sockets

    def add_reader(self, fd, callback, *args):
        self._watch(fd, 0, asyncio.Handle(callback, args, self, None))

    def add_writer(self, fd, callback, *args):
        self._watch(fd, 1, asyncio.Handle(callback, args, self, None))

    def remove_reader(self, fd):
        return self._watch(fd, 0, None)

    def remove_writer(self, fd):
        return self._watch(fd, 1, None)

    def _watch(self, fd, side, handle):
        known = self._selector.get_map().get(fd)
        handles = list(known.data) if known else [None, None]
        before, handles[side] = handles[side], handle
        if before is not None:
            before.cancel()
        mask = (selectors.EVENT_READ if handles[0] else 0) | (selectors.EVENT_WRITE if handles[1] else 0)
        if known is None:
            if mask:
                self._selector.register(fd, mask, handles)
        elif mask:
            self._selector.modify(fd, mask, handles)
        else:
            self._selector.unregister(fd)
        self.stir()
        return before is not None

    # Work beside the loop is done at once, a step of its own

    def run_in_executor(self, executor, func, *args):
        future = self.create_future()
        self.call_soon(self._execute, future, func, args)
        return future

    @staticmethod
    def _execute(future, func, args):
        if future.cancelled():
            return
        try:
            result = func(*args)
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    # Futures and tasks

    def create_future(self):
        return asyncio.Future(loop=self)

    def create_task(self, coro, *, name=None, context=None, **_):
        if self.dead:
            coro.close()
            raise Killed
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks.append(task)
        if len(self._tasks) > 64:
            self._tasks = [other for other in self._tasks if not other.done()]
        return task

    def get_debug(self):
        return False

    def is_running(self):
        return self._running

    def is_closed(self):
        return self.dead

    def call_exception_handler(self, context):
        if not self.dead:
            self._on_trouble(context.get("message", "no message"), context.get("exception"))

    def default_exception_handler(self, context):
        self.call_exception_handler(context)

    def kill(self):
        """Nothing more runs: as when the process is gone. Whoever kills takes care that what `finally` blocks
        still do reaches nobody."""
        self.dead = True
        self._ready.clear()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            if not task.done():
                task._log_destroy_pending = False  # it is meant to be
                _close(task.get_coro())
        self._selector.close()


class _Timer(asyncio.TimerHandle):
    """Knows the kernel's timer behind it."""

    __slots__ = ("timer",)


def _close(coroutine):
    # One that waits in a `finally`, or is the one that runs, is forgotten all the same.
    with contextlib.suppress(RuntimeError, ValueError, Killed):
        coroutine.close()
