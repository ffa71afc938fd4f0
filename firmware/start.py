"""From reset to a running terminal. Whatever is wrong is said, shown by the lamps, and stops as little as
it can.

| what is wrong | what still works |
|---|---|
| a setting | everything, with that setting's default |
| no public key of the gateway | everything while the link's keys on flash serve, then what needs no link |
| no identity | the lamps: nothing can be signed; the console waits for flash.py |
| the board's description | nothing; the console says which entry |
"""

import asyncio
import os
import sys
import time

from firmware import statefile
from firmware.app import App
from firmware.hal import BoardError, Hal
from firmware.indicator import Indicator
from firmware.panic import ACKNOWLEDGED, RAISED
from firmware.renewer import forget
from firmware.signer import Signer
from firmware.trace import FAILS
from firmware.version import VERSION
from protocol.compat import const
from protocol.errors import Misuse

_PROBLEM = const(1)
_HAPPENS = const(2)
_RETRY_MS = const(30000)
UPDATE = "/update"  # what update.py keeps: an array, its state first
_TRYING = b"\x03"


class _Uptime:
    """For lamps without a clock: good for the twelve days of ticks, which nobody blinks for."""

    def __init__(self):
        self._began = time.ticks_ms()

    def ms(self):
        return max(0, time.ticks_diff(time.ticks_ms(), self._began))


class Log:
    """`log(level, text)` prints what is not above the level of the settings: 1 wrong, 2 happens, 3 all. What
    is wrong or happens also goes where a reset leaves it."""

    def __init__(self):
        self.level = _PROBLEM
        self.trace = None
        self.uptime_ms = _Uptime().ms

    def __call__(self, level, text):
        now = self.uptime_ms()
        if level <= self.level:
            print("%8d %s" % (now, text))
        if level <= _HAPPENS and self.trace is not None:
            try:
                self.trace.say(now, text)
            except MemoryError:
                pass  # whoever says it has better things to do with what is left


async def _show_fault(hal, for_ms):
    """Blink, for ever with `for_ms` None. No watchdog bites: flash.py needs the console in peace."""
    uptime = _Uptime()
    lamps = Indicator(hal.red.write, hal.green.write, hal.buzzer.write, hal.vibrator.write, False, uptime.ms)
    lamps.fault(True)
    while for_ms is None or uptime.ms() < for_ms:
        hal.feed()
        await asyncio.sleep_ms(lamps.step())


def prepare(hal, log, drill=False, slot=None):
    """The App, or None when nothing can be signed. `drill`: on the workbench, where alarms are none and the
    console stays as it is."""
    from firmware import aftermath, bootcount, config, console, identity

    trace, fails, why = aftermath.begin(hal)
    log.trace = trace
    under_way = slot is not None and _updating(slot, trace)
    values, problems = config.load()
    log.level = values["log"]
    if drill:
        values["drill"] = True
    else:
        console.settle(hal, values["release"], log)
        _end_drill(hal, values, log)
    key_pins, more = config.key_pins(values["keys"], hal.keys)
    problems += more
    pair = identity.read()
    if pair is None:
        problems.append("/identity is missing or damaged. Provision the terminal with flash.py.")
    signer = None
    if pair is not None:
        boot, problem = bootcount.next_boot(hal.entropy)
        if problem is not None:
            problems.append(problem)
        try:
            signer = Signer(pair[0], pair[1], hal.entropy, boot, hal.uid)
        except Misuse as error:
            problems.append("/identity: %s. Provision the terminal with flash.py." % error)
    for text in problems:
        log(_PROBLEM, text)
    if signer is None:
        trace.keep(0)  # a technician is about to start it again and again
        return None
    log(_HAPPENS, "boot %d, reset cause %d" % (boot, hal.reset_cause))
    if drill:
        _diagnose().begin_drill(boot)
    if trace.safe:
        log(_PROBLEM, "safe mode %d: %d starts failed, the last of %d" % (trace.safe, fails, why))
    forget(
        "firmware.console",
        "board",
        "firmware.config",
        "firmware.identity",
        "firmware.bootcount",
        "firmware.aftermath",
    )
    hal.start_watchdog(values["watchdog_s"])
    app = App(hal, values, key_pins, signer, boot, log, why if trace.safe else None)
    app.slot = slot
    if under_way:
        try:
            app.updating()
        except Exception as error:
            log(_PROBLEM, "update: %r" % error)  # the terminal serves all the same
    if trace.safe:
        app.indicator.safe = aftermath.LAMP
    if problem is not None:
        app.failing = True
        # What else flash kept may be of long before, and alarms raised since be missing there. Those that it
        # still has are raised again: the lamp is not to say of one that somebody has seen them all.
        for panic in app.panics.open:
            if panic.state == ACKNOWLEDGED:
                panic.state = RAISED
    log.uptime_ms = app.clock.uptime_ms
    hal.release()
    if problems:
        app.indicator.fault(True)
    return app


def _updating(slot, trace):
    """An update is under way, or the program has yet to prove itself."""
    from firmware.slots import Slots

    trial = Slots((None, None), slot).trial
    forget("firmware.slots", "firmware.slotflash")
    row = statefile.read(UPDATE)
    if row is None:
        return trial
    if row[1:2] == _TRYING and not trial:
        # The starts that failed before were another program's, which has been given up.
        trace.safe = 0
        trace.data[FAILS] = 0
        trace.keep()
    return True


def _hal():
    import board

    return Hal(board.BOARD)


def _end_drill(hal, values, log):
    """The workbench's drill may have been cut off."""
    try:
        os.stat("/drill")
    except OSError:
        return
    try:
        _diagnose().end_drill(hal, values)
    except Exception as error:
        log(_PROBLEM, "drill: %r" % error)
    forget("firmware.diagnose")


def _diagnose():
    from firmware import diagnose

    return diagnose


def _mourn(log, error):
    """This start has failed: the next ones are to know."""
    from firmware import aftermath

    log(_PROBLEM, "start: %r %s" % (error, aftermath.where(error)))
    aftermath.failed(log.trace)


def _greet(slot, idle):
    """For flash.py, whatever the log's level. Without an identity there is no more to prove: `idle`. What is
    on trial says the same when that is over, in update.py."""
    from firmware.slots import Slots

    slots = Slots((None, None), slot)
    trial = slots.trial
    if trial and idle:
        slots.confirm()
    forget("firmware.slots", "firmware.slotflash")
    if idle or not trial:
        words = VERSION + (slot, ", confirmed" if trial else "")
        print("patrola %d.%d.%d runs from slot %d%s" % words)


def start(slot=None):
    """Called by main.py; returns only when the board's description is wrong."""
    log = Log()
    hal = None
    try:
        hal = _hal()
        app = prepare(hal, log, slot=slot)
        if slot is not None:
            _greet(slot, app is None)
        asyncio.run(_show_fault(hal, None) if app is None else app.run())
    except BoardError as error:
        log(_PROBLEM, str(error))
    except Exception as error:
        # A start that failed may go well the next time: flash that was busy, a heap in pieces.
        sys.print_exception(error)
        try:
            _mourn(log, error)
        except Exception as more:
            sys.print_exception(more)
        if hal is not None:
            try:
                asyncio.run(_show_fault(hal, _RETRY_MS))
            except Exception:
                pass  # there is no room even for that, and no watchdog yet that would bite
            hal.reset()
