"""Where work that blocks is done, so that the loop never waits for a disk."""

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable


class Background(ABC):
    """Calls `turn()` again and again while it returns True, and anew after each `wake`."""

    @abstractmethod
    def wake(self) -> None:
        """There is something to do."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what there is to do, and end."""


class Thread(Background):
    """Work on a thread of its own."""

    def __init__(self, turn: Callable[[], bool], name: str) -> None:
        self._turn = turn
        self._condition = threading.Condition()
        self._woken = self._closing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def wake(self) -> None:
        with self._condition:
            self._woken = True
            self._condition.notify()

    async def close(self) -> None:
        with self._condition:
            self._closing = True
            self._condition.notify()
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._woken and not self._closing:
                    self._condition.wait()
                if not self._woken:
                    return
                self._woken = False
            while self._turn():
                pass
