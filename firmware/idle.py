"""What is done while nothing else is to do: erased blocks, nonce points, a piece at a time, a tidy heap once
something was made; an update's next piece; and the proof that this start has not failed.
"""

import asyncio
import gc

from firmware.renewer import forget
from protocol.compat import const

_STEP_MS = const(200)
_REST_MS = const(24000)
_AGAIN = const(2)  # starts that failed, after safe mode: one more leads back to it
# A task that cannot stay alive takes ten minutes to bring the terminal down.
_GOOD_MS = const(900000)
_SAFE_MS = const(1800000)


async def run(watch, app):
    """`app`: the terminal. Its `used` is set when what was prepared has been used."""
    used = True
    while True:
        watch.alive()
        _prove(app)
        # Nothing long is begun that an alarm, or the lamp that shows it, would have to wait for.
        if app.waits() or app.journal.prepare() or (not app.safe and _point(app.signer)):
            await asyncio.sleep_ms(_STEP_MS)
            continue
        if used:
            gc.collect()
        if app.update is not None:
            wait_ms = app.update.step()
            if wait_ms is not None:
                used = await app.used.wait_ms(wait_ms)
                continue
            app.due = app.update.due
            names = app.update.names
            app.update = None
            forget(*names)
        elif app.due is not None and (not app.panics.open or 0 <= app.due <= app.clock.uptime_ms()):
            app.updating()
            continue
        used = await app.used.wait_ms(_REST_MS)
        if used:
            await asyncio.sleep_ms(10 * _STEP_MS)  # what uses it up has other things to do just now


def _point(signer):
    """A piece of work on the signer's points. Nothing that is made on the way stays, so nothing can come to
    lie in the wrong place: the heap may fill up, and is not collected a dozen times for one point."""
    threshold = gc.threshold()
    gc.threshold(-1)
    try:
        return signer.prepare()
    finally:
        gc.threshold(threshold)  # what lies about is more than that: the next allocation collects it


def _prove(app):
    """This start has not failed; and after a good while in safe mode another may be tried."""
    if app.proven or app.clock.uptime_ms() < (_SAFE_MS if app.safe else _GOOD_MS):
        return
    if app.safe and (app.panics.open or app.journal.count(True) or app.keys.busy()):
        return
    if app.safe and (app.uplink.urgent.jobs or app.builder.held):
        return  # in memory alone
    app.proven = True
    app.trace.keep(_AGAIN if app.safe else 0)
    if app.safe:
        app.log(1, "safe mode is over")
        app.hal.reset()
