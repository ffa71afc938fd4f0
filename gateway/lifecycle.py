"""The relay's life: connect to the broker, work, connect again when that breaks, leave in good order."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Sequence

from gateway.clock import Clock
from gateway.config import ConfigError
from gateway.connector import Connector
from gateway.journal.base import JournalError
from gateway.log import Log
from gateway.mqtt import Incoming, Link, LinkError
from gateway.outgoing import Outgoing


class Lifecycle(ABC):
    """One connection after the other. What is done over it is the subclass's: `_begin` when it stands,
    `_work` until `_down` or `_stopping`, `_end` when we leave it on purpose."""

    def __init__(self, log: Log, clock: Clock, connector: Connector) -> None:
        self._log = log
        self._clock = clock
        self._connector = connector
        self._link: Link | None = None
        self._outgoing: Outgoing | None = None
        self._wake = asyncio.Event()
        self._down = asyncio.Event()
        self._stopping = False
        self._roused = asyncio.Event()
        self._changed = False
        self._progress_ms = 0.0  # when the broker last did something for us
        self.connected = False

    @abstractmethod
    async def _begin(self) -> None: ...

    @abstractmethod
    async def _work(self) -> None: ...

    @abstractmethod
    async def _end(self) -> None: ...

    @abstractmethod
    def _acked(self, mids: Sequence[int], refused: str | None) -> None: ...

    @abstractmethod
    def _incoming(self, link: Link, incoming: Incoming) -> None: ...

    @property
    def in_flight(self) -> int:
        """Messages that the broker has not confirmed."""
        return 0 if self._outgoing is None else self._outgoing.count

    async def run(self) -> None:
        """Connect, relay, connect again; until `stop`."""
        while not self._stopping:
            try:
                await self._connect()
                await self._work()
                if self._stopping:
                    await self._goodbye()
            except (LinkError, ConfigError, JournalError) as error:
                self._log.warning("relay.down", error=str(error), mqtt=self._connector.version)
            except Exception as error:
                # Whatever it was, the relay must not end: everything starts again from the journal.
                self._log.error("relay.failed", error=f"{type(error).__name__}: {error}")
            finally:
                self._disconnect()
            if not self._stopping:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._connector.pause_s()):
                        await self._roused.wait()

    def stop(self) -> None:
        """End `run` in good order: the state topic shows that we left on purpose."""
        self._stopping = True
        self._roused.set()
        self._wake.set()

    def reconnect(self) -> None:
        """The way to the broker is another one, or who we are there: leave, and come again."""
        self._changed = True
        self._roused.set()
        if self.connected:
            self._went_down("the configuration changed")

    async def _connect(self) -> None:
        self._down.clear()
        if self._changed:
            self._changed = False
            self._roused.clear()
            self._connector.changed()
        self._link, self._outgoing = await self._connector.connect(
            self._acked, self._incoming, self._went_down
        )
        if self._changed:
            raise LinkError("the configuration changed")  # while we were on the way
        self.connected = True
        self._progress_ms = self._clock.mono_ms()
        await self._begin()

    def _went_down(self, reason: str) -> None:
        self._log.warning("relay.lost", error=reason)
        self._down.set()
        self._wake.set()

    async def _goodbye(self) -> None:
        if self._outgoing is None or self._link is None:
            return
        self._outgoing.send("state", None, [self._connector.state("offline")])
        self._link.flush()
        for _ in range(40):
            if not self._outgoing.count or not self._link.up:
                break
            await asyncio.sleep(0.05)
        await self._end()

    def _disconnect(self) -> None:
        self.connected = False
        if self._link is not None:
            self._link.close()
        self._link = self._outgoing = None
