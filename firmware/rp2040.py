"""What an RP2040 does otherwise than the other chips: flash that is programmed by pages, no RTC memory.

Loaded on that chip only. Sources: RP2040 Datasheet 2.8.4.13 (flash_range_program), 4.7.4 (watchdog scratch);
MicroPython's ports/rp2/rp2_flash.c, machine_wdt.c.
"""

from binascii import crc32

from firmware.trace import LAYOUT, LENGTH, ROOM, SUM, TEXT
from protocol.compat import const

_PAGE = const(256)
# Four words that a watchdog's reset leaves alone; the bootrom and the SDK use the other four themselves.
_SCRATCH = const(0x4005800C)
_WORDS = const(4)
_HEAD = LENGTH - LAYOUT
WATCHDOG_MS = const(8388)  # the counter's 24 bits; a longer one is refused


class Pages:
    """A block device on `flash`, which takes whole pages only: what is written elsewhere is filled up with
    ones, and a one programmed over what is there leaves it as it is."""

    def __init__(self, flash):
        self._flash = flash
        self._page = bytearray(_PAGE)
        self.readblocks = flash.readblocks
        self.ioctl = flash.ioctl

    def writeblocks(self, block, data, offset=None):
        """As `readblocks`: without `offset` the blocks are erased first."""
        if offset is None:
            self._flash.writeblocks(block, data)
            return
        view = memoryview(data)
        page = self._page
        done = 0
        while done < len(view):
            begin = (offset + done) % _PAGE
            n = min(_PAGE - begin, len(view) - done)
            for i in range(_PAGE):
                page[i] = 0xFF
            page[begin : begin + n] = view[done : done + n]
            self._flash.writeblocks(block, page, offset + done - begin)
            done += n


class Memory:
    """In RTC memory's place: how the starts before went, without the last words. `mem32`: the chip's."""

    def __init__(self, mem32):
        self._mem32 = mem32

    def __call__(self, data=None):
        """With `data` (a trace's) keep its head; without, a trace with that head and no text, b"" when none
        was kept."""
        if data is not None:
            head = bytes(data[LAYOUT:LENGTH])
            kept = head + crc32(head).to_bytes(4, "big")
            kept += bytes(4 * _WORDS - len(kept))
            for i in range(_WORDS):
                self._mem32[_SCRATCH + 4 * i] = int.from_bytes(kept[4 * i : 4 * i + 4], "little")
            return None
        kept = b"".join(
            [(self._mem32[_SCRATCH + 4 * i] & 0xFFFFFFFF).to_bytes(4, "little") for i in range(_WORDS)]
        )
        if crc32(kept[:_HEAD]).to_bytes(4, "big") != kept[_HEAD : _HEAD + 4]:
            return b""
        found = bytearray(TEXT + ROOM)
        found[LAYOUT:LENGTH] = kept[:_HEAD]
        found[:SUM] = crc32(memoryview(found)[SUM:]).to_bytes(SUM, "big")
        return bytes(found)


def temperature_dc(raw):
    """0.1 C of the chip's sensor read as 0 to 65535 of 3.3 V: 27 C are 706 mV, each more 1.721 mV less."""
    return 270 - (raw * 33000 // 65535 - 7060) * 100 // 172
