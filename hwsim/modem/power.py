"""Power key, reset line and supply switch: the three ways to a modem that does not answer any more."""

OFF, BOOTING, ON, LEAVING, RESET = "off", "booting", "on", "leaving", "reset"


class Power:
    """Turns levels on pins into starts and stops. `on_up()` when the UART comes alive, `on_down()` when it
    dies.
    """

    def __init__(self, modem, on_up, on_down):
        self._modem = modem
        self._kernel = modem.kernel
        self._on_up = on_up
        self._on_down = on_down
        self.state = OFF
        self.hung = False
        self.starts = 0
        self.supply = False
        self._pressed = False
        self._resetting = False
        self._timer = None
        self._key_timer = None
        self._reset_timer = None

    def set_pin(self, pin, level):
        """`pin` is pwrkey, reset or supply; `level` is the board's (see the profile for what is active)."""
        profile = self._modem.profile
        if pin == "pwrkey":
            self._key(level == profile.pwrkey_active)
        elif pin == "reset":
            self._reset(level == profile.reset_active)
        elif pin == "supply":
            self._supply(level == profile.supply_active)
        else:
            raise ValueError(f"a modem has no pin {pin!r}")

    def hang(self):
        """From now on not a byte, until one of the ways in `hang_cured_by` is taken."""
        self.hung = True
        self._emit("hung")

    def restart(self):
        """Restart by itself, as an A7670 may: the only sign is the boot URCs."""
        if self.state in (ON, BOOTING):
            self._down(OFF)
            self._boot()

    def power_off(self):
        """Orderly, after AT+CPOF or a long press."""
        self._down(LEAVING)
        self._timer = self._kernel.after(self._modem.draw_us("off_s"), self._left)

    def _key(self, pressed):
        if pressed == self._pressed:
            return
        self._pressed = pressed
        if self._key_timer is not None:
            self._key_timer.cancel()
            self._key_timer = None
        if not self.supply:
            return
        profile = self._modem.profile
        if profile.key_resets_s:
            self._reset(pressed, profile.key_resets_s)
        if not pressed:
            return
        if self.state == OFF:
            self._key_timer = self._kernel.after(int(profile.pwrkey_on_s * 1e6), self._boot)
        elif self.state == ON and (not self.hung or "pwrkey" in profile.hang_cured_by):
            self._key_timer = self._kernel.after(int(profile.pwrkey_off_s * 1e6), self.power_off)

    def _reset(self, pressed, hold_s=None):
        if pressed == self._resetting:
            return
        self._resetting = pressed
        if self._reset_timer is not None:
            self._reset_timer.cancel()
            self._reset_timer = None
        if pressed and self.supply and self.state in (ON, BOOTING):
            if not self.hung or "reset" in self._modem.profile.hang_cured_by:
                hold_us = int((hold_s or self._modem.profile.reset_hold_s) * 1e6)
                self._reset_timer = self._kernel.after(hold_us, self._down, RESET)
        elif not pressed and self.state == RESET:
            self._boot()

    def _supply(self, on):
        if on == self.supply:
            return
        self.supply = on
        if not on:
            self._down(OFF)
        elif self._modem.profile.autostart or self._pressed:
            self._boot()

    def _boot(self):
        self._key_timer = None
        if not self.supply or self.state not in (OFF, RESET):
            return
        self.hung = False
        self.starts += 1
        self.state = BOOTING
        self._emit(BOOTING)
        self._timer = self._kernel.after(self._modem.draw_us("boot_s"), self._up)

    def _up(self):
        self._timer = None
        self.state = ON
        self._emit(ON)
        self._on_up()

    def _left(self):
        self._timer = None
        self.state = OFF
        self._emit(OFF)

    def _down(self, state):
        for timer in (self._timer, self._key_timer, self._reset_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._key_timer = self._reset_timer = None
        self.hung = False
        was, self.state = self.state, state
        if was != state:
            self._emit(state)
        if was == ON:
            self._on_down()

    def _emit(self, state):
        self._kernel.emit(self._modem.name, "modem", state=state)
