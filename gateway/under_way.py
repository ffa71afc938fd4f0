"""The requests that are being worked on, whichever way they came: how many, and when the last one ends."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from gateway.posting import Posting

DRAIN_S = 5


class UnderWay:
    """`posting` has the short way's; those of the long way are tasks."""

    def __init__(self, posting: Posting) -> None:
        self._posting = posting
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        return len(self._tasks) + self._posting.waiting

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """As a task of its own."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Returns when nothing is under way."""
        while self._tasks or self._posting.waiting:
            await self._posting.quiet()
            if self._tasks:
                await asyncio.wait(self._tasks)

    async def drained(self) -> None:
        """The same, but in bounded time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await self.settled()
