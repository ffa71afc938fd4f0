"""MicroPython's collector never fills its stack: guest/_order.py sees to that.

Where it does, the collector goes through all that lives once more, at every collection: a third more of what
a terminal costs the computer, and nobody would notice. What its stack held stays in the process's memory: the
last of its 64 places is written only when it is full.
"""

import ctypes
import os
import struct
import sys

import pytest

from hwsim.process import maps_image
from hwsim.rig import Kit, Rig

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not maps_image(),
    reason="known where it lies in the package's MicroPython",
)

# mp_state_mem_t in py/mpstate.h of MicroPython 1.29, 64 bits: gc_block_stack, 64 numbers of blocks. Another
# version's may lie elsewhere: then the test below says so, which expects to see it full.
STACK = 0x548
PLACES = 64
UNORDERED = """
import _order
_order.fill = _order.settle = lambda *_: None
from firmware.main import main
main()
"""


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    return Kit(tmp_path_factory.mktemp("kit"))


class Stack:
    """Of a process that runs."""

    def __init__(self, pid):
        import micropython_run

        path = os.path.realpath(micropython_run.__file__)  # as the kernel lists it
        library = ctypes.CDLL(path)
        state = ctypes.addressof(ctypes.c_char.in_dll(library, "mp_state_ctx"))
        self._at = state - _base("self", path) + _base(pid, path) + STACK
        self._memory = open(f"/proc/{pid}/mem", "r+b", buffering=0)

    def clear(self):
        self._memory.seek(self._at)
        self._memory.write(bytes(8 * PLACES))

    def deepest(self):
        self._memory.seek(self._at)
        places = struct.unpack(f"<{PLACES}Q", self._memory.read(8 * PLACES))
        return max((n + 1 for n, block in enumerate(places) if block), default=0)

    def close(self):
        self._memory.close()


def _base(pid, path):
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        return min(int(line.split("-")[0], 16) for line in maps if line.rstrip().endswith(path))


def deepest(kit, folder, parked=False, script=None):
    with Rig(kit, folder, script=script) as rig:
        rig.working()
        rig.kernel.run_for(10)
        stack = Stack(rig.cars[0].terminal.pid)
        stack.clear()
        if parked:
            rig.cars[0].park()
            rig.kernel.run_for(200)
        else:
            rig.cars[0].press("panic")
            rig.kernel.run_for(30)
        try:
            return stack.deepest()
        finally:
            stack.close()


@pytest.mark.parametrize("parked", [False, True], ids=["driving, an alarm", "parked"])
def test_its_stack_is_never_full(kit, tmp_path, parked):
    assert 10 < deepest(kit, tmp_path, parked) < PLACES, "see guest/_order.py"


def test_without_the_order_it_is(kit, tmp_path):
    script = tmp_path / "unordered.py"
    script.write_text(UNORDERED, encoding="utf-8")
    assert deepest(kit, tmp_path, script=script) == PLACES
