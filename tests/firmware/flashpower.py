"""Power lost at every program and every erase of a flash, without running the story anew for each.

What was in memory is lost with the power, so a cut is known by what flash holds then: before each operation
of the story a copy of the flash is taken, the operation torn on it, and a start from there looked at.
"""

from _norflash import NorFlash, PowerLost


class Chip(NorFlash):
    """`watch(torn)` gets, for each operation that is about to happen, `tears` chips on which power failed in
    it, each at another moment of it."""

    def __init__(self, blocks, data=None, watch=None, tears=1):
        NorFlash.__init__(self, 4096)
        self.tears = tears
        self.size = blocks * 4096
        self.data = data if data is not None else bytearray(b"\xff" * self.size)
        self.watch = watch

    def program(self, address, data):
        self._torn(lambda chip: NorFlash.program(chip, address, data))
        NorFlash.program(self, address, data)

    def erase(self, address):
        self._torn(lambda chip: NorFlash.erase(chip, address))
        NorFlash.erase(self, address)

    def _torn(self, operation):
        if self.watch is None:
            return
        for _ in range(self.tears):
            chip = Chip(self.size // 4096, bytearray(self.data))
            chip.cut_at(0)
            try:
                operation(chip)
                raise AssertionError("power did not fail")
            except PowerLost:
                chip.power_on()
            self.watch(chip)
