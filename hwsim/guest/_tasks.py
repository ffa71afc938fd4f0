"""What `asyncio` takes from `_asyncio`, on the bench's clock: `TaskQueue` and `Task`.

The C version in MicroPython reads the computer's clock whenever a task becomes ready. The queue here is a
sorted chain: a terminal has a score of tasks, and those due at one tick run in the order they were pushed.
"""

import sys

import _bench

_MASK = (1 << 30) - 1
_HALF = 1 << 29

ticks_ms = None  # time.py puts its own here
turn_us = 0  # what a turn of the loop (_loop.py) costs the chip
made = 0  # tasks so far
doom = None  # a fault that waits for its task: doom(task) -> the task to run in its place


def _core():
    return sys.modules["asyncio.core"]


class TaskQueue:
    def __init__(self):
        self.first = None

    def peek(self):
        return self.first

    def push(self, task, key=None):
        if key is None:
            key = ticks_ms()
        task.data = None
        task.ph_key = key
        before = None
        after = self.first
        while after is not None and (key - after.ph_key) & _MASK < _HALF:  # due before `key`, or with it
            before = after
            after = after.after
        task.after = after
        if before is None:
            self.first = task
        else:
            before.after = task

    def pop(self):
        task = self.first
        if task is None:
            raise IndexError("empty heap")
        self.first = task.after
        task.after = None
        if turn_us:
            _bench.charge(turn_us)
        return task if doom is None else doom(task)

    def remove(self, task):
        before, here = None, self.first
        while here is not task:
            if here is None:
                raise ValueError("task is not in this queue")
            before, here = here, here.after
        if before is None:
            self.first = task.after
        else:
            before.after = task.after
        task.after = None


class Task:
    """`state`: True runs, a TaskQueue has waiters, a callable is called at the end, None is done and nobody
    has awaited it yet, False is done with."""

    def __init__(self, coro, globals=None):
        global made
        made += 1
        self.number = made  # of the program's life, from 1
        self.coro = coro
        self.data = None
        self.state = True
        self.ph_key = 0
        self.after = None

    def __iter__(self):
        if not self.state:
            self.state = False
        elif self.state is True:
            self.state = TaskQueue()
        elif type(self.state) is not TaskQueue:
            raise RuntimeError("can't wait")
        return self

    def __next__(self):
        if not self.state:
            raise self.data
        current = _core().cur_task
        self.state.push(current)
        current.data = self

    def done(self):
        return not self.state

    def cancel(self):
        if not self.state:
            return False
        core = _core()
        if self is core.cur_task:
            raise RuntimeError("can't cancel self")
        task = self
        while isinstance(task.data, Task):
            task = task.data
        if hasattr(task.data, "remove"):
            task.data.remove(task)
            core._task_queue.push(task)
        elif core.ticks_diff(task.ph_key, core.ticks()) > 0:
            core._task_queue.remove(task)
            core._task_queue.push(task)
        task.data = core.CancelledError
        return True
