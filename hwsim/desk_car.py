"""What hangs on a board that lies on a desk: modem, receiver, keys and lamps, as in a car that stands
still."""

from hwsim import world
from hwsim.gnss import GnssTrack
from hwsim.modem import PROFILES, Modem
from hwsim.network import GATEWAY_ADDRESS, Network
from hwsim.panel import Panel
from hwsim.terminal import Terminal

HOLD_MS = 900
_TAP_MS = 120
_SUPPLY_MV = 12_600
_LINES = 500


class DeskCar:
    """`modem`: a name of PROFILES; None: it is dead. `host` answers at the gateway's address, or nobody
    does."""

    def __init__(self, kernel, name, board, flash_path, console, modem, sim, host, epoch):
        self.kernel = kernel
        self.terminal = Terminal(kernel, name, board, None, flash_path, console=console)
        self.panel = Panel(self.terminal, kernel)
        self.network = Network(kernel)
        if host is not None:
            self.network.serve(GATEWAY_ADDRESS, host)
        self.path = self.network.path(name)
        self.path.lane = self.terminal.lane
        self.modem = None
        if modem is not None:
            port = self.terminal.port("modem")
            self.modem = Modem(kernel, port, self.path, PROFILES[modem], sim=sim, name=name, epoch=epoch)
            self.terminal.attach_uart("modem", self.modem)
            for pin in ("pwrkey", "reset", "supply"):
                self.terminal.watch_pin("modem_" + pin, lambda level, pin=pin: self.modem.set_pin(pin, level))
        (unit,) = world.units(1)
        port = self.terminal.port("gnss")
        self.gnss = GnssTrack(kernel, port, world.track_of(unit, 0), epoch=epoch, name=name)
        self.gnss.moving = False
        self.terminal.attach_uart("gnss", self.gnss)
        full_mv = self.terminal.board["adc"]["supply_full_mv"]
        self.terminal.set_adc("supply", _SUPPLY_MV * 65535 // full_mv)
        self.terminal.pin_in("ignition", 1)
        self.lines = []
        kernel.subscribe(self._hear)
        self._started = False

    def _hear(self, event):
        if event.what == "log" and event.source == self.terminal.name:
            self.lines.append(event.fields["line"])
            del self.lines[:-_LINES]

    def start(self):
        if not self._started:
            self._started = True
            self.gnss.start()
        self.terminal.power_on()

    def press(self, key, hold_ms=None):
        """As an officer does: panic is held, every other key is tapped."""
        self.panel.press(key, hold_ms or (HOLD_MS if key == "panic" else _TAP_MS))

    def close(self):
        self.terminal.close()
        self.gnss.stop()
        self.path.close()
