"""The service as a process: until a signal ends it."""

import asyncio
import contextlib
import gc
import resource
import signal
from collections.abc import Callable

from gateway.app import App
from gateway.config import Config
from gateway.log import Log
from gateway.notify import Notifier


async def serve(
    config: Config,
    log: Log,
    ready: Callable[[tuple[str, int]], None],
    number: int = 0,
    shared: bool = False,
    leash: int | None = None,
    pulse: int | None = None,
) -> None:
    """Run until SIGTERM or SIGINT; SIGHUP reads the configuration again. `ready(address)` is called when
    datagrams are taken. `shared`: this is worker `number` of several, which end when `leash` can be read
    and say on `pulse` that they live."""
    # What a core dump would hold are the keys of every link.
    with contextlib.suppress(
        OSError, ValueError
    ):  # the unit's filter of system calls forbids it, and has done it
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Until we can read the configuration again it waits; else it would end us.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    notifier = Notifier(pulse=pulse)
    app = App(config, log, number=number, shared=shared)
    loop = asyncio.get_running_loop()
    try:
        await app.start()
        loop.add_signal_handler(signal.SIGHUP, _reload, app, log, notifier)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    settle_collector()
    ended = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, ended.set)
    if leash is not None:
        loop.add_reader(leash, _unleashed, loop, leash, ended)
    log.info(
        "gateway.ready",
        udp=list(app.address),
        metrics=None if app.pages_address is None else list(app.pages_address),
        terminals=len(app.registry),
        id=config.text("gateway.id"),
    )
    ready(app.address)
    notifier.ready()
    alive = asyncio.create_task(_prove(app, log, notifier))
    try:
        await ended.wait()
        log.info("gateway.stopping")
        notifier.stopping()
    finally:
        alive.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await alive
        await app.stop()
        log.info("gateway.stopped")


def settle_collector() -> None:
    """What was made so far stays: the collector need not go through the registry again and again. And hardly
    anything that a request makes is in a cycle, so it may look a good deal less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def _unleashed(loop: asyncio.AbstractEventLoop, leash: int, ended: asyncio.Event) -> None:
    # Who started us is gone.
    loop.remove_reader(leash)
    ended.set()


def _reload(app: App, log: Log, notifier: Notifier) -> None:
    notifier.reloading()
    done = app.reload()
    if done.error:
        log.error("gateway.unreloaded", error=done.error)
    else:
        log.info(
            "gateway.reloaded",
            changed=list(done.changed),
            needs_restart=list(done.restart),
            broker="connected anew" if done.broker else "kept",
        )
    if done.restart:
        notifier.status(f"needs a restart: {', '.join(done.restart)}")
    notifier.ready()


async def _prove(app: App, log: Log, notifier: Notifier) -> None:
    """The supervisor hears of us as long as the loop turns and the journal answers."""
    while notifier.every_s:
        await asyncio.sleep(notifier.every_s)
        trouble = await app.health.alive()
        if trouble:
            log.error("gateway.stuck", error=trouble)
        else:
            notifier.alive()
