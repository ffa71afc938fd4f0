"""asyncio's loop on the bench's clock, in place of the one in MicroPython's `asyncio.core`.

That one goes round twice for each wait, and asks for the time and for the streams each time: of a terminal
that mostly sleeps, half the work was its loop. Tasks run in the same order and at the same times here.
"""

import _bench
import _order
import _tasks
from micropython import const

_MASK = const((1 << 30) - 1)
_HALF = const(1 << 29)
_FOREVER = const((1 << 62) - 1)

_SETTLED = const(100)  # turns after which a program has made what stays

_core = None
_ended = None  # what ends a task: made once, as it is asked for at each turn
_silent = None  # ... and says nothing


def replace(core):
    """From now on the loop of `asyncio.core` is this one."""
    global _core, _ended, _silent
    _core = core
    _ended = (core.CancelledError, Exception)
    _silent = (core.CancelledError, StopIteration)
    core.run_until_complete = run_until_complete


def run_until_complete(main_task=None):
    core = _core
    turns = 0
    while True:
        turns += 1
        if turns == _SETTLED:
            _order.settle()
        task = _next(core._task_queue, core._io_queue)
        core.cur_task = task
        if task is None:
            return None
        try:
            error = task.data
            if not error:
                task.coro.send(None)
            else:
                task.data = None
                task.coro.throw(error)
        except _ended as end:
            if task is main_task:
                core.cur_task = None
                if isinstance(end, StopIteration):
                    return end.value
                raise end
            _ends(task, end, error)


def _next(queue, streams):
    """The next task that is due, as soon as it is; None: nothing can wake any."""
    while True:
        if streams.map and streams.poller.ready():
            streams.wait_io_event(0)
        task = queue.first
        if task is None:
            if not streams.map:
                return None
            _wait(streams, _FOREVER)
            continue
        left_ms = (task.ph_key - (_bench.now_us + _bench.zero_us) // 1000 + _HALF & _MASK) - _HALF
        if left_ms > 0:
            _wait(streams, _bench.now_us + left_ms * 1000)
            continue
        if _bench.now_us >= _bench.came_us and streams.map:
            streams.wait_io_event(0)
        queue.first = task.after
        task.after = None
        until_us = _bench.now_us + _tasks.turn_us
        if until_us < _bench.free_us:
            _bench.now_us = until_us
        elif _tasks.turn_us:
            _bench.charge(_tasks.turn_us)
        return task if _tasks.doom is None else _tasks.doom(task)


def _wait(streams, until_us):
    poller = streams.poller
    _bench.wait(poller.until(until_us) if poller.written else until_us, poller.readers)


def _ends(task, end, error):
    """`task` is over, by StopIteration or otherwise; `error` was thrown into it, if any."""
    if task.state:
        awaited = False
        if task.state is True:
            task.state = None
        elif callable(task.state):
            task.state(task, end)
            task.state = False
            awaited = True
        else:
            while task.state.peek():
                _core._task_queue.push(task.state.pop())
                awaited = True
            task.state = False
        if not awaited and not isinstance(end, _silent):
            # Nobody waits for it, and perhaps nobody ever will: said at its next turn, if so.
            _core._task_queue.push(task)
        task.data = end
    elif task.state is None:
        task.data = error
        context = _core._exc_context
        context["exception"] = error
        context["future"] = task
        _core.Loop.call_exception_handler(context)
