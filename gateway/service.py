"""The service as a process: until a signal ends it."""

import asyncio
import signal
from collections.abc import Callable

from gateway.app import App
from gateway.config import Config
from gateway.log import Log


async def serve(config: Config, log: Log, ready: Callable[[tuple[str, int]], None]) -> None:
    """Run until SIGTERM or SIGINT. `ready(address)` is called when datagrams are taken."""
    app = App(config, log)
    await app.start()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    log.info(
        "gateway.ready", udp=list(app.address), terminals=len(app.registry), id=config.text("gateway.id")
    )
    ready(app.address)
    try:
        await ended.wait()
        log.info("gateway.stopping")
    finally:
        await app.stop()
        log.info("gateway.stopped")
