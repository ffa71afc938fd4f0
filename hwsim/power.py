"""The vehicle's supply and ignition, as a terminal feels them."""

BROWNOUT_MV = 6000  # below this the terminal's converter gives up


class VehicleSupply:
    def __init__(self, terminal, kernel, millivolts=12_600):
        self._terminal = terminal
        self._kernel = kernel
        self._full_mv = terminal.board["adc"]["supply_full_mv"]
        self.millivolts = millivolts

    def connect(self):
        """The terminal is wired to the vehicle: it starts."""
        self.ignition(False)
        self.set(self.millivolts)

    def set(self, millivolts):
        """The terminal loses power below the brown-out level, and gets it back above."""
        self.millivolts = millivolts
        self._terminal.set_adc("supply", min(65535, millivolts * 65535 // self._full_mv))
        if millivolts < BROWNOUT_MV:
            self._terminal.cut_power()
        else:
            self._terminal.power_on()

    def ignition(self, on):
        self._terminal.pin_in("ignition", 1 if on else 0)

    def dip(self, millivolts, ms):
        """Down to `millivolts` for `ms`, then as before."""
        before = self.millivolts
        self.set(millivolts)
        self._kernel.after(round(ms * 1000), self.set, before)

    def crank(self):
        """The engine is started: ignition on, the starter pulls the supply down for a third of a second."""
        self.ignition(True)
        self.dip(8500, 300)
