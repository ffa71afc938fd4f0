"""Interrupt handlers, run as a chip runs them: they must not allocate, and time stands still for them."""

import sys

import _bench
import micropython


def run(handler, argument):
    """False when it failed."""
    failed = None
    _bench.in_interrupt = True
    micropython.heap_lock()
    try:
        handler(argument)
    except Exception as error:
        failed = error
    micropython.heap_unlock()
    _bench.in_interrupt = False
    if failed is None:
        return True
    print("uncaught exception in interrupt handler", file=sys.stderr)
    sys.print_exception(failed, sys.stderr)
    return False
