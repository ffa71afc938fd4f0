"""The SIM card. It outlives every restart of the modem: tries used up stay used up."""


class Sim:
    """A card with or without a PIN; `present=False` is an empty holder."""

    def __init__(self, pin=None, tries=3, present=True, imsi="220030000000001", iccid="8938103000000000017"):
        self.pin = pin
        self.tries = tries
        self.puk_tries = 10
        self.present = present
        self.imsi = imsi
        self.iccid = iccid
        self.attempts = []  # every PIN that was offered, for tests that count them

    def offer(self, pin):
        """True when the PIN was right. A wrong one costs a try; without tries nothing is right any more."""
        self.attempts.append(pin)
        if self.tries == 0:
            return False
        if pin == self.pin:
            self.tries = 3
            return True
        self.tries -= 1
        return False

    def unblock(self, pin):
        """What an operator's hotline does with the PUK."""
        self.pin = pin
        self.tries = 3


class SimReader:
    """The modem's view of the card since its last start: busy, locked or ready."""

    BUSY, PIN, PUK, READY, ABSENT = "busy", "SIM PIN", "SIM PUK", "READY", "absent"

    def __init__(self, modem, sim, on_ready, on_gone):
        self._modem = modem
        self.card = sim
        self._on_ready = on_ready
        self._on_gone = on_gone
        self.state = self.BUSY
        self._timer = None

    def start(self):
        self.state = self.BUSY
        self._later("sim_s", self._read)

    def stop(self):
        self._cancel()
        self.state = self.BUSY

    def _cancel(self):
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def remove(self):
        """The card loses its contacts while the modem runs."""
        self.card.present = False
        if self.state not in (self.BUSY, self.ABSENT):
            self._cancel()
            self.state = self.ABSENT
            self._modem.urc("+CPIN: SIM REMOVED")
            self._on_gone()

    def insert(self):
        """It has them again. Who listens for it (hot swap) reads the card anew."""
        self.card.present = True
        if self.state == self.ABSENT and self._modem.alive:
            self._modem.urc("+CPIN: SIM INSERTED")
            self.start()

    @property
    def failure(self):
        """The +CME code AT+CPIN? answers at this moment, or None."""
        if self.state == self.ABSENT:
            return 10
        if self.state == self.BUSY:
            return 13 if self._modem.profile.sim_failure_first else 14
        return None

    def enter(self, pin):
        """None, or the +CME code. After None and OK call `unlock`: READY follows by itself, later."""
        if self.failure is not None:
            return self.failure
        if self.state != self.PIN:
            return 12 if self.state == self.PUK else 3
        if self.card.offer(pin):
            return None
        if self.card.tries == 0:
            self.state = self.PUK
            return 12
        return 16

    def unlock(self):
        self._later("pin_ready_s", self._ready)

    def _later(self, habit, then):
        self._timer = self._modem.kernel.after(self._modem.draw_us(habit), then)

    def _read(self):
        self._timer = None
        if not self.card.present:
            self.state = self.ABSENT
            self._modem.urc("+CPIN: SIM REMOVED")
        elif self.card.pin is None:
            self._ready()
        elif self.card.tries == 0:
            self.state = self.PUK
            self._modem.urc("+CPIN: SIM PUK")
        else:
            self.state = self.PIN
            self._modem.urc("+CPIN: SIM PIN")

    def _ready(self):
        self._timer = None
        self.state = self.READY
        self._modem.urc("+CPIN: READY")
        self._on_ready()
