"""A TCP proxy that can fall silent: what a broken cable looks like where nobody may touch the firewall.

All proxies of a test share one thread with an event loop of its own.
"""

import asyncio
import threading


class Proxies:
    """`make(port)` gives a proxy in front of that port on loopback."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self._made = []

    def make(self, target):
        proxy = Proxy(self.loop, target)
        self._made.append(proxy)
        return proxy

    def close(self):
        for proxy in self._made:
            proxy.close()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


class Proxy:
    """Listens on `port`. While it is cut, connections stay open, new ones are taken, and no byte passes:
    nobody is told."""

    def __init__(self, loop, target):
        self._loop = loop
        self._target = target
        self._open = asyncio.Event()
        self._open.set()
        self._tasks = set()
        self._writers = set()
        self.passed = 0
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def cut(self):
        self._loop.call_soon_threadsafe(self._open.clear)

    def mend(self):
        """What was held up is not delivered late: those connections are over."""
        self._run(self._mend())

    async def _mend(self):
        if not self._open.is_set():
            self._drop()
        self._open.set()

    def _drop(self):
        for writer in list(self._writers):
            writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()

    def close(self):
        self._run(self._close())

    async def _close(self):
        self._server.close()
        tasks = list(self._tasks)
        self._drop()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        self._writers.add(writer)
        other = None
        try:
            await self._open.wait()
            back, other = await asyncio.open_connection("127.0.0.1", self._target)
            self._writers.add(other)
            await asyncio.gather(self._pass(reader, other), self._pass(back, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            for end in (writer, other):
                if end is not None:
                    self._writers.discard(end)
                    end.transport.abort()

    async def _pass(self, reader, writer):
        while data := await reader.read(1 << 16):
            await self._open.wait()
            self.passed += len(data)
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError
