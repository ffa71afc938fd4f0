"""What people and the world do to a car: keys, ignition, supply, sky, network, modem."""

from hwsim.fleet import HOLD_MS

_SUPPLY_FULL_MV = 36300


class Officer:
    """The acting half of a Stage. `car` is the first car unless another is named."""

    # --- keys

    def press(self, key, ms=120, car=None):
        """A key goes down now and up after `ms`; the moment it went down, microseconds."""
        self.say(f"officer presses {key} for {ms} ms")
        (car or self.car).panel.press(key, ms)
        return self.kernel.now_us

    def hold_panic(self, ms=HOLD_MS + 300, car=None, hold_ms=HOLD_MS):
        """PANIC is held; the moment the hold is long enough (in the future), microseconds."""
        self.press("panic", ms, car)
        return self.kernel.now_us + hold_ms * 1000

    def tap(self, key, times, every_ms=400, ms=100):
        """A key several times; returns when the last is up."""
        self.say(f"officer taps {key} {times} times, every {every_ms} ms")
        for _ in range(times):
            self.car.panel.press(key, ms)
            self.kernel.run_for(every_ms / 1000)
        self.acted_us = self.kernel.now_us

    def spark(self, key, times=1, us=200):
        """Contacts that no finger made."""
        self.say(f"a spark at {key}: {times} contacts of {us} us")
        for _ in range(times):
            self.car.panel.glitch(key, us)
            self.kernel.run_for(0.003)
        self.acted_us = self.kernel.now_us

    def key_down(self, key):
        self.say(f"{key} is held down")
        self.car.panel.down(key)

    def key_up(self, key):
        self.say(f"{key} is let go")
        self.car.panel.up(key)

    # --- car and power

    def ignition(self, on):
        self.say(f"ignition {'on' if on else 'off'}")
        self.car.terminal.pin_in("ignition", 1 if on else 0)

    def park(self):
        self.say("the car stops")
        self.car.gnss.moving = False

    def drive(self):
        self.say("the car drives")
        self.car.gnss.moving = True

    def supply(self, millivolts):
        self.say(f"supply at {millivolts / 1000:g} V")
        self.car.terminal.set_adc("supply", min(65535, millivolts * 65535 // _SUPPLY_FULL_MV))

    def cut_power(self, off_s=None, after_s=0):
        """Power is lost (`after_s` from now), and is back `off_s` later."""
        back = "" if off_s is None else f", back after {off_s:g} s"
        if after_s:
            self.say(f"power will be cut in {after_s * 1000:g} ms{back}")
            self.kernel.after(round(after_s * 1e6), self.car.terminal.cut_power, off_s)
        else:
            self.say(f"power is cut{back}")
            self.car.terminal.cut_power(off_s)

    def power_on(self):
        self.say("power is back")
        self.car.terminal.power_on()

    def reset(self, cause="hard"):
        """`cause`: hard, as somebody at the reset line; watchdog, as after a program that stood still."""
        self.say("the watchdog bites" if cause == "watchdog" else "somebody pulls the reset line")
        self.car.terminal.reset(cause)

    def flash_wears(self):
        """Of the flash for frames, every second block can't be erased to the last bit any more."""
        self.say("every second block of the flash for frames is worn out")
        flash = self.car.terminal.flash
        region = self.car.terminal.board["flash"].get("journal", {"address": 0, "size": flash.size})
        first, count = region["address"] // flash.block, region["size"] // flash.block
        for block in range(first, first + count, 2):
            flash.wear_out(block, self.kernel.rng(f"worn/{block}"))

    def files_wear(self):
        """Of the flash for files, neither block of the root can be erased to the last bit any more. littlefs
        moves every other pair of blocks away, and this one only once it was written a hundred times."""
        self.say("the two blocks of the root of its files are worn out")
        for block in (0, 1):
            self.car.terminal.flash.wear_out(block, self.kernel.rng(f"worn/{block}"), share=0.01)

    # --- sky

    def sky(self, on):
        self.say("open sky" if on else "under a roof: no satellites")
        self.car.gnss.signal = on
        self.kernel.emit("fault", "sky open" if on else "sky covered", car=self.car.name)

    def antenna(self, state):
        self.say(f"antenna: {state}")
        self.car.gnss.antenna = state

    # --- network and modem

    def outage(self, on):
        """The way to headquarters is cut for datagrams, though the modem is registered."""
        self.say("the network carries nothing" if on else "the network carries again")
        self.rig.network.partition(on)
        self.kernel.emit("fault", "outage" if on else "outage over")

    def coverage(self, on):
        self.say("back in the cell" if on else "into a tunnel")
        self.car.modem.set_coverage(on)
        self.kernel.emit("fault", "coverage back" if on else "no coverage", car=self.car.name)

    def weather(self, **how):
        self.say("the network: " + ", ".join(f"{name} {value:g}" for name, value in how.items()))
        for name, value in how.items():
            setattr(self.rig.network.weather, name, value)

    def rebind(self):
        self.say("the operator's NAT forgets the terminal's port")
        self.car.path.rebind()
        self.kernel.emit("fault", "NAT rebinding", car=self.car.name)

    def modem_hangs(self):
        self.say("the modem hangs")
        self.car.modem.hang()
        self.kernel.emit("fault", "modem hangs", car=self.car.name)

    def modem_restarts(self):
        self.say("the modem restarts by itself")
        self.car.modem.restart()
        self.kernel.emit("fault", "modem restarts", car=self.car.name)
