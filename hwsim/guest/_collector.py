"""`gc` in the program's eyes: MicroPython's own, with the chip's idea of a byte.

A word of garbage has 64 bits here and 32 on the chip, so what a program wants collected after so many bytes
are twice as many here.
"""

import gc
from gc import *  # noqa: F403

_WIDTH = 2


def threshold(n=None):
    if n is None:
        n = gc.threshold()
        return n if n < 0 else n // _WIDTH
    return gc.threshold(n if n < 0 else n * _WIDTH)
