"""The modem as a whole: a UART, three pins, a SIM card and a path into the network."""

import datetime

from hwsim.modem.engine import Engine
from hwsim.modem.power import ON, Power
from hwsim.modem.profile import PROFILES
from hwsim.modem.quectel_commands import QuectelCommands
from hwsim.modem.quectel_stack import QuectelStack
from hwsim.modem.radio import Radio
from hwsim.modem.sim import Sim, SimReader
from hwsim.modem.simcom_commands import SimcomCommands
from hwsim.modem.simcom_stack import SimcomStack

# Whose commands it takes, and whose network they reach.
_DIALECTS = {"simcom": (SimcomCommands, SimcomStack), "quectel": (QuectelCommands, QuectelStack)}
_EPOCH = datetime.datetime(2024, 6, 3, 6, 0, tzinfo=datetime.UTC)


class Modem:
    """A device on a UART of the terminal.

    `port.send_to_guest(data)` carries bytes to the terminal; `bytes_from_guest(data)` takes its own.
    `epoch` is the UTC time at the kernel's zero. Without a supply pin on the board, call `set_pin("supply",
    1)` once.
    """

    def __init__(self, kernel, port, path, profile=None, sim=None, name=None, epoch=_EPOCH):
        self.kernel = kernel
        self.port = port
        self.path = path
        self.profile = (PROFILES["a7670"] if profile is None else profile).copy()
        self.name = name or path.name
        self.epoch = epoch
        self.clock_shift_s = 0  # the cell's idea of UTC is wrong by that
        self._baud = self.profile.baud
        self.function = 1
        self.gnss_on = False
        self.gnss_source = None  # function -> roads.Fix or None
        self._rng = kernel.rng("modem/" + self.name)
        self._storm = None
        self._wanderlust = None
        self.power = Power(self, self._up, self._down)
        self.reader = SimReader(self, sim or Sim(), self._sim_ready, self._sim_gone)
        self.radio = Radio(self, self._radio_lost)
        commands, stack = _DIALECTS[self.profile.dialect]
        self.stack = stack(self, path)
        self.urcs_here = not self.profile.urcs_elsewhere  # kept in the modem's flash
        self.engine = Engine(self, commands(self).execute)

    # What the terminal does to it.

    def bytes_from_guest(self, data):
        if not self.alive:
            return
        self.engine.feed(data)

    def set_pin(self, pin, level):
        """pwrkey, reset or supply, as the board's transistors see it."""
        self.power.set_pin(pin, level)

    # What the bench does to it.

    def hang(self):
        """Falls silent in the middle of whatever it does."""
        self.power.hang()

    def restart(self):
        """Restarts by itself: sockets, GNSS and settings gone."""
        self.power.restart()

    def storm(self, seconds, every_ms=15):
        """A storm of unsolicited lines."""
        self._storm_step(self.kernel.now_us + int(seconds * 1e6), every_ms * 1000)

    def set_coverage(self, on):
        """Take the cell away, or give it back."""
        self.radio.set_coverage(on)

    @property
    def baud(self):
        """The rate it speaks; the port turns everything to noise when the terminal speaks another."""
        return self._baud

    @baud.setter
    def baud(self, baud):
        self._baud = self.port.device_baud = baud

    @property
    def alive(self):
        return self.power.state == ON and not self.power.hung

    # What the parts use.

    def write(self, data):
        """Bytes to the terminal, garbled as the profile and the baud rate have it."""
        if not self.alive:
            return
        if self.profile.garble:
            data = bytes(
                byte ^ (1 << self._rng.randrange(8)) if self._rng.random() < self.profile.garble else byte
                for byte in data
            )
        self.port.send_to_guest(bytes(data))

    def urc(self, text):
        """An unsolicited line, to whatever port they go."""
        if self.alive and self.urcs_here:
            self.engine.urc(text)

    def draw_us(self, habit):
        """A time of the profile, drawn; in microseconds."""
        shortest, longest = getattr(self.profile, habit)
        return int(1e6 * (shortest + (longest - shortest) * self._rng.random()))

    def chance(self, habit):
        probability = getattr(self.profile, habit)
        return probability > 0 and self._rng.random() < probability

    def utc(self):
        return self.epoch + datetime.timedelta(microseconds=self.kernel.now_us, seconds=self.clock_shift_s)

    def set_function(self, value):
        """AT+CFUN: 0 and 4 switch the radio off."""
        was, self.function = self.function, value
        if value == 1 and was != 1 and self.reader.state == self.reader.READY:
            self.radio.search()
        elif value != 1:
            self.radio.off()

    def gnss_text(self):
        """The fields of +CGNSSINFO, in the layout of the profile; commas only while there is no fix."""
        fix = self.gnss_source() if self.gnss_source and self.gnss_on else None
        if fix is None:
            return "," * self.profile.gnss_empty_commas
        return cgnssinfo(fix, self.utc(), decimal=self.profile.gnss == "a76xx")

    # Life.

    def _up(self):
        self.port.device_baud = self._baud
        self.engine.reset()
        self.stack.reset()
        self.radio.reset()
        self.function = 1
        self.gnss_on = False
        if self.profile.boot_noise:
            self.port.send_to_guest(self._noise(self._rng.randrange(self.profile.boot_noise + 1)))
        start = self.power.starts
        for text in self.profile.boot_urcs:
            self.kernel.after(
                int(1e6 * self._rng.random() * self.profile.urc_spread_s), self._boot_urc, start, text
            )
        self.reader.start()
        if self.profile.spontaneous_restart_s:
            self._wanderlust = self.kernel.after(self.draw_us("spontaneous_restart_s"), self.power.restart)

    def _boot_urc(self, start, text):
        if self.power.starts == start and self.alive:
            self.engine.urc(text)

    def _down(self):
        if self._wanderlust is not None:
            self._wanderlust.cancel()
            self._wanderlust = None
        self.engine.reset()
        self.reader.stop()
        self.radio.reset()
        self.stack.reset()

    def _sim_ready(self):
        if self.function == 1:
            self.radio.search()

    def _sim_gone(self):
        self.radio.off()

    def _radio_lost(self):
        self.stack.lose_network()

    def _storm_step(self, end_us, every_us):
        if self.kernel.now_us < end_us:
            self.urc(self._rng.choice(self.profile.storm_urcs))
            next_us = self.kernel.now_us + every_us
            self.kernel.at_lane(self.port.lane, next_us, self._storm_step, end_us, every_us)

    def _noise(self, count):
        return bytes(self._rng.choice((0x00, 0xFF, 0xF8, 0x80, 0xFE, 0x1C, 0xE0)) for _ in range(count))


def cgnssinfo(fix, utc, decimal):
    """A fix as +CGNSSINFO shows it: decimal degrees and four constellations (A76xx), or ddmm.mmmmmm and
    three.
    """
    north, east = "N" if fix.lat >= 0 else "S", "E" if fix.lon >= 0 else "W"
    if decimal:
        head = ["3", "09", "", "04", "03"]
        lat, lon = f"{abs(fix.lat):.7f}", f"{abs(fix.lon):.7f}"
    else:
        head = ["2", "09", "05", "00"]
        lat, lon = _minutes(abs(fix.lat), 2), _minutes(abs(fix.lon), 3)
    return ",".join(
        [
            *head,
            lat,
            north,
            lon,
            east,
            f"{utc:%d%m%y}",
            f"{utc:%H%M%S}.0",
            f"{fix.alt_m:.1f}",
            f"{fix.speed_m_s * 3.6 / 1.852:.1f}",
            f"{fix.course_deg:.1f}",
            "1.6",
            "0.8",
            "1.3",
        ]
    )


def _minutes(value, width):
    whole, millionths = divmod(round(value * 60_000_000), 60_000_000)
    return f"{whole:0{width}d}{millionths / 1_000_000:09.6f}"
