"""Group commit for a journal of any kind: works that wait while a commit is under way become the next group.

The busier the gateway, the more frames share one commit, and with nothing to wait for there is no delay. One
thread writes, another reads; each has a connection of its own. What kind of storage it is, a subclass says.
"""

import asyncio
import contextlib
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gateway.background import Background, Thread
from gateway.gauges import Timings
from gateway.journal.base import Journal, JournalError, T, Transaction

Work = Callable[[Transaction], Any]
Item = tuple[Work, "asyncio.Future[Any]"]


class GroupJournal(Journal):
    """`on_error(message)` is told of each failed group; `background(turn, name)` is where it commits."""

    def __init__(
        self,
        *,
        background: Callable[[Callable[[], bool], str], Background] = Thread,
        queue_limit: int = 4096,
        group_limit: int = 512,
        on_error: Callable[[str], None] | None = None,
    ) -> None:
        self._queue_limit = queue_limit
        self._group_limit = group_limit
        self._on_error = on_error
        self._background = background
        self._queue: deque[Item] = deque()
        self._scrubs: deque[asyncio.Future[bool]] = deque()
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._writer: Background | None = None
        self._reading = ThreadPoolExecutor(1, "journal-read")
        self._under_way = 0
        self.groups = 0
        self.works = 0
        self.failed_groups = 0
        self.timings = Timings()

    # --- what a kind of storage has to say

    @abstractmethod
    def _attempt(self, group: list[Item]) -> list[Any]:
        """Run them in one transaction and commit it; their results. In the background."""

    @abstractmethod
    def _read(self, work: Callable[[Transaction], T]) -> T:
        """On one snapshot of what is committed. Raises JournalError. In the reading thread."""

    @abstractmethod
    def _broken(self, error: Exception) -> bool:
        """The storage failed; else a caller's statement was wrong."""

    @abstractmethod
    def _forget(self) -> None:
        """Drop the writer's connection: nothing that it remembers is to be trusted."""

    @abstractmethod
    def _clean(self) -> bool:
        """As `scrub`. In the background."""

    @property
    @abstractmethod
    def place(self) -> str:
        """Where it is, for messages; no secret in it."""

    # --- the queue

    @property
    def waiting(self) -> int:
        return len(self._queue) + self._under_way

    def _begin(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._writer = self._background(self._turn, "journal-write")

    async def _end(self) -> None:
        if self.node and not self._closing:
            with contextlib.suppress(JournalError):
                await self.write(lambda tx: tx.leave())
        self._closing = True
        if self._writer is not None:
            await self._writer.close()
            self._writer = None
        await asyncio.to_thread(self._reading.shutdown)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        if self._loop is None or self._writer is None or self._closing:
            raise JournalError("journal is closed")
        if len(self._queue) >= self._queue_limit:
            raise JournalError(f"journal overloaded: {len(self._queue)} requests wait for the disk")
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.append((work, future))
        self._writer.wake()
        return await future

    async def read(self, work: Callable[[Transaction], T]) -> T:
        if self._loop is None or self._closing:
            raise JournalError("journal is closed")
        return await self._loop.run_in_executor(self._reading, self._read, work)

    async def scrub(self) -> bool:
        if self._loop is None or self._writer is None or self._closing:
            raise JournalError("journal is closed")
        future: asyncio.Future[bool] = self._loop.create_future()
        self._scrubs.append(future)
        self._writer.wake()
        return await future

    # --- in the background

    def _turn(self) -> bool:
        """One group. False when there was none."""
        if not self._queue and not self._scrubs:
            return False
        scrub = self._scrubs.popleft() if self._scrubs else None
        self._under_way = min(len(self._queue), self._group_limit)
        group = [self._queue.popleft() for _ in range(self._under_way)]
        outcomes = self._commit(group) if group else []
        self._under_way = 0
        if self._loop is not None:
            # The loop is gone only when the process is ending without close().
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_settle, group, outcomes)
                if scrub is not None:
                    self._loop.call_soon_threadsafe(_settle, [(None, scrub)], [self._cleaned()])
        return True

    def _cleaned(self) -> bool | JournalError:
        try:
            return self._clean()
        except Exception as error:
            if not self._broken(error):
                raise
            return self._failed(error)

    def _commit(self, group: list[Item]) -> list[Any]:
        """One outcome for each work: its result, or the exception that its caller gets."""
        began_s = time.perf_counter()  # how long it takes is no part of what happens: any clock will do
        try:
            outcomes = self._attempt(group)
        except Exception as error:
            if self._broken(error):
                failure = self._failed(error)
                return [failure for _ in group]
            if len(group) == 1:
                return [error]
            # One work is wrong (a caller's fault, not the disk's): each alone, so that the others don't
            # suffer.
            return [self._commit([item])[0] for item in group]
        self.groups += 1
        self.works += len(group)
        self.timings.commit.note(time.perf_counter() - began_s)
        self.timings.works.note(len(group))
        return outcomes

    def _failed(self, error: Exception) -> JournalError:
        self.failed_groups += 1
        # After an I/O error nothing the connection remembers is to be trusted (a failed fsync may be "good"
        # the second time): start from the storage again.
        self._forget()
        message = f"{self.place}: {error}".strip()
        if self._on_error is not None and self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._on_error, message)
        return JournalError(message)


def _settle(group: "list[tuple[Any, asyncio.Future[Any]]]", outcomes: list[Any]) -> None:
    for (_, future), outcome in zip(group, outcomes, strict=True):
        if future.done():
            continue  # its caller was cancelled
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
