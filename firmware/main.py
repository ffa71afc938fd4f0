"""What the board starts. It sets the heap up before anything else is loaded; `start` does the rest."""

import gc

# Without a threshold MicroPython collects only when the heap is full, and by then small live objects lie all
# over it: 47 KB free, and no kilobyte in one piece for a datagram. Collected this often, they stay together.
_COLLECT_BYTES = 8192


def main(slot=None):
    """`slot`: the number of the one that this program runs from; None where it is not in one."""
    gc.collect()
    gc.threshold(_COLLECT_BYTES)
    try:
        from firmware.start import start
    except MemoryError:
        raise SystemExit  # a soft reset: whatever took the heap, the next run has one of its own

    start(slot)
