"""Room for the program's names in MicroPython's own table of them (qstr pools).

The table grows by doubling: 630 names fit into what 7 KB more hold up to 1,270, then it takes 14 KB at once.
On a chip the program's names lie in flash, but for a few (flashing/frozen.py); here they stand in the same
table as the bench's, which no chip has, and would cost the program 14 KB. So the bench makes the step itself,
in its own part of the heap, and puts the names there that a board has. What is taken from the program's part
for the few others stands in hwsim/terminal.py.
"""

import gc
import sys

_STEP = 8000  # no other allocation is as large
_MOST = 2000
_AT_ONCE = 4  # to ask how much is taken costs as much as a hundred names


def reserve():
    """Fill the table until it has grown to hold the program's names, too."""
    before = gc.mem_alloc()
    for number in range(_MOST):
        hasattr(gc, "q%d" % number)
        if number % _AT_ONCE:
            continue
        size = gc.mem_alloc()
        if size - before > _STEP:
            import patrola_names  # noqa: F401 - its names are all there is in it

            del sys.modules["patrola_names"]
            return
        before = size
    raise MemoryError("the table of names did not grow")
