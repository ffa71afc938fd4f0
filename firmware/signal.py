"""Waiting for an event or for a time, whichever comes first, without making tasks for it.

`asyncio.wait_for_ms(event.wait(), ms)` makes two tasks and three coroutines each time, a kilobyte of
garbage a second for every task that only wants to report that it lives.
"""

import asyncio


class Signal:
    """One task waits; anybody sets. What was set before the wait counts. `state`: set, and not taken yet."""

    def __init__(self):
        self.state = False
        self._waiting = None

    def set(self):
        self.state = True
        task = self._waiting
        # One that is being cancelled has its error in `data` and is due: `push` would take that away.
        if task is not None and task.data is None:
            # As Task.cancel does: out of its place in the queue of sleepers, and in again as due now.
            self._waiting = None
            asyncio.core._task_queue.remove(task)
            asyncio.core._task_queue.push(task)

    async def wait_ms(self, ms):
        """True when it was set, now or before; False after `ms`. The signal is then clear."""
        if not self.state:
            self._waiting = asyncio.core.cur_task
            try:
                await asyncio.sleep_ms(ms)
            finally:
                self._waiting = None
        was_set = self.state
        self.state = False
        return was_set
