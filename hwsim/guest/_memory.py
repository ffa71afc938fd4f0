"""Memory outside the heap, where hwsim/embedded.py has put some.

What a chip does not have on its heap is not on the simulated one's, and is not there to be collected.
"""

import uctypes
from uos import getenv


def mapped(name):
    """What hwsim/embedded.py has put into our memory, as bytes; None: nothing."""
    where = getenv(name)
    if not where:
        return None
    address, size = where.split()
    return uctypes.bytearray_at(int(address, 16), int(size))


_room = mapped("PATROLA_ROOM")
_used = 0


def buffer(size):
    """`size` bytes, outside the heap if there is room."""
    global _used
    if _room is None:
        return bytearray(size)
    begin = _used
    _used = begin + (size + 7) // 8 * 8
    if _used > len(_room):
        raise RuntimeError("no room left outside the heap: hwsim/embedded.py")
    return uctypes.bytearray_at(uctypes.addressof(_room) + begin, size)
