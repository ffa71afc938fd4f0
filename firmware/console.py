"""The console of a finished car is closed: Ctrl-C stops nothing there. Whoever may work on it holds two keys
while it is switched on; the log says so, and with the next health report headquarters knows.

The selector in `/main.py` has closed it before the program was loaded; here it is decided what stays. On the
workbench, between provisioning and the test that closes it, it stays open for so many starts: whatever cable
is pulled meanwhile, flash.py gets in again.
"""

import time

import micropython

from firmware import statefile
from firmware.hal import RESET_POWER
from protocol.compat import const

# Far apart on every panel; a board without both is opened by all it has but PANIC, or by PANIC.
_KEYS = ("available", "off_duty")
_WORKSHOP = "/workshop"
_HELD_MS = const(2000)
_LOOK_MS = const(50)
_CTRL_C = const(3)
# Beside the number of starts: opened by its keys, and no longer than it has power. So flash.py, whose every
# command ends in a start, needs the keys once; and whoever forgets to close it does so by switching it off.
_BY_KEYS = const(0x80)
_STARTS_BY_KEYS = const(5)


def settle(hal, release, log):
    """Open or close it for this run."""
    if not release or _in_workshop(hal) or _asked(hal, log):
        micropython.kbd_intr(_CTRL_C)
    else:
        micropython.kbd_intr(-1)


def workshop(starts, by_keys=0):
    """Leave it open for so many starts; 0: for none."""
    if starts:
        statefile.write(_WORKSHOP, bytes((starts | by_keys,)))
    else:
        statefile.remove(_WORKSHOP)


def _in_workshop(hal):
    kept = statefile.read(_WORKSHOP)
    if not kept:
        return False
    by_keys = kept[0] & _BY_KEYS
    try:
        if by_keys and hal.reset_cause == RESET_POWER:
            workshop(0)
            return False
        workshop((kept[0] & ~_BY_KEYS) - 1, by_keys)  # a car that nobody tested closes by itself
    except OSError:
        return False  # what cannot be counted down would never end; and the car has to start
    return True


def combination(keys):
    """Names of the keys to hold."""
    if all(name in keys for name in _KEYS):
        return _KEYS
    others = sorted(name for name in keys if name != "panic")
    return others[:2] or ["panic"]


def _asked(hal, log):
    keys = hal.keys
    pins = [hal.key_pin(keys[name]) for name in combination(keys)]
    for _ in range(_HELD_MS // _LOOK_MS):
        for pin in pins:
            if pin.value():
                return False
        hal.red.write(1)
        hal.green.write(1)
        time.sleep_ms(_LOOK_MS)
    hal.red.write(0)
    hal.green.write(0)
    log(1, "console: opened by its keys")
    try:
        workshop(_STARTS_BY_KEYS, _BY_KEYS)
    except OSError:
        pass  # for this start it is open all the same
    return True
