"""Room for the program's names in MicroPython's own table of them (qstr pools).

The table grows by doubling: 630 names fit into what 7 KB more hold up to 1,270, then it takes 14 KB at once.
On a chip the program's names are the only ones, some 800; here the bench's, which no chip has, stand in the
same table, and would bring that step forward: two names more in the program would cost it 14 KB. So the bench
makes the step itself, in its own part of the heap, and what the program's names take here without it is taken
from the program's part (boot.py).
"""

import gc

_STEP = 8000  # no other allocation is as large
_MOST = 2000


def reserve():
    """Fill the table until it has grown to hold the program's names, too."""
    for number in range(_MOST):
        before = gc.mem_alloc()
        hasattr(gc, "q%d" % number)
        if gc.mem_alloc() - before > _STEP:
            return
    raise MemoryError("the table of names did not grow")
