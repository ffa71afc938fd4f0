"""On the board, while `flash.py flash` talks to it: what lies in both slots, new blocks into the other one.

Sent as part of a small ROMFS (flashing/board/tool.py) with the terminal's own firmware/slots.py, so that a
board without any program of ours has it too.
"""

import gc
import hashlib
import io

from firmware.slotflash import open_slot
from firmware.slots import HEAD, Slots

try:
    import deflate
except ImportError:
    deflate = None

_BLOCK = 4096
_DIGEST = 8
_WINDOW = 12


class Transfer:
    """`flash`: the board's `[flash]`."""

    def __init__(self, flash):
        both = [open_slot(flash, number) for number in range(len(flash["slots"]))]
        self._slots = slots = Slots(both)
        self._buffer = bytearray(_BLOCK)
        self._plain = memoryview(self._buffer)
        if slots.good >= len(both):
            # No state: the slot with the newest whole image must not become the one that is written.
            slots.pick()
            slots.running = None
        elif slots.whole(slots.good) is None:
            slots.stage(0)  # a good one that is damaged protects nothing; the other does, if it is whole

    def state(self):
        """(good, on trial, tries left, given up, other, what each holds): numbers of slots, 255 for none; of
        a slot (size, version, SHA-256, board, does its digest fit?) or None."""
        slots = self._slots
        held = []
        for number in range(len(slots.slots)):
            found = slots.image(number)
            if found is not None:
                fits = slots.whole(number) is not None
                found = (found.size, found.version, found.sha256, found.board, fits)
            held.append(found)
        return (slots.good, slots.tried, slots.tries, slots.given_up, slots.other, held)

    def sums(self, number, count):
        """The beginnings of the SHA-256 of the first `count` blocks behind a slot's head, in a row."""
        found = bytearray()
        for block in range(count):
            self._slots.slots[number].read(HEAD + block * _BLOCK, self._buffer)
            found += hashlib.sha256(self._buffer).digest()[:_DIGEST]
        return bytes(found)

    def clear(self):
        """From now on the other slot holds no image."""
        self._slots.begin()

    def put(self, block, data):
        """A block as it is."""
        self._slots.write(block * _BLOCK, data)

    def unpack(self, block, data):
        """A block, deflated."""
        size = deflate.DeflateIO(io.BytesIO(data), deflate.RAW, _WINDOW).readinto(self._buffer)
        self._slots.write(block * _BLOCK, self._plain[:size])

    def copy(self, block, origin, size):
        """`size` bytes of a block that lies in the good slot."""
        self._slots.slots[self._slots.good].read(HEAD + origin * _BLOCK, self._buffer)
        self._slots.write(block * _BLOCK, self._plain[:size])
        gc.collect()

    def finish(self, size, version, sha256, board):
        """Read all of it back; True when it is what it is to be."""
        return self._slots.finish(size, version, sha256, board)

    def stage(self):
        """The next start tries it; on a desk there is no link by which it could prove itself."""
        return self._slots.stage(desk=True)
