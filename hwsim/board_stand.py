"""A board on the technician's desk: a real MicroPython behind a port that another program opens, with its
flash, modem, receiver, keys and lamps, and a cable that can be pulled at any moment.

It runs in a thread of its own. Its clock runs as the board works, and stands while the prompt waits for what
somebody types; or it follows the wall (`speed`).
"""

import datetime
import select
import tempfile
import threading
from pathlib import Path

from hwsim.board import load_board
from hwsim.console import BAUD, Console
from hwsim.desk_car import DeskCar
from hwsim.kernel import Kernel
from hwsim.orders import Orders
from hwsim.outside import OutsideHost
from hwsim.pty_port import PtyPort
from hwsim.stand_pace import StandPace

VERSION = "1.29.0"
_HANGS_S = 300.0  # of the wall: what takes longer hangs; a busy computer is no reason
_DEAD_CHIP = b"invalid header: 0xffffffff\r\n"
_DEAD_CHIP_US = 390_000


class BoardStand:
    """`with BoardStand(...) as stand:` a board on a port, switched on.

    flash_path: its flash, kept from run to run; None: a new one that goes away with the stand.
    gateway: (host, port) of a real gateway, what the terminal knows as `address`; None: nobody answers.
    speed: how many times as fast as the wall its clock may run; 0: as fast as the board works, and not at all
    while its prompt waits.
    modem: a name of hwsim.modem.PROFILES, or None: a modem that never answers. sim: hwsim.modem.sim.Sim.
    micropython: the version on it; None: a chip with nothing on it. unique_id: bytes of the chip's number.
    platform: the chip that it says it is, as of another board that somebody has taken for this one; machine:
    the whole of what os.uname() says of it.
    """

    def __init__(
        self,
        board="SIM",
        flash_path=None,
        port=None,
        name="board",
        seed=1,
        speed=0,
        gateway=None,
        modem="a7670",
        sim=None,
        micropython=VERSION,
        platform=None,
        machine=None,
        unique_id=None,
        plugged=True,
    ):
        self._folder = tempfile.TemporaryDirectory(prefix="patrola-board-", ignore_cleanup_errors=True)
        self.board = load_board(board)
        self.name = name
        self.heard_by = []  # each gets what it says, byte by byte, whoever has its port open, in its thread
        self.kernel = Kernel(seed)
        self.events = []
        self.kernel.subscribe(self.events.append)
        self.micropython = micropython
        chip = platform or self.board["chip"]
        made = {
            "version": micropython or VERSION,
            "platform": chip,
            "machine": machine or f"{self.board['title']} with {chip}",
            "mpy": None,
        }
        baud = self.board.get("console", {}).get("baud", BAUD)
        self.console = Console(self.kernel, baud, self._to_computer, made, self._look)
        self.outside = OutsideHost(self.kernel, gateway) if gateway else None
        epoch = datetime.datetime.now(datetime.UTC)
        flash_path = flash_path or Path(self._folder.name, "flash")
        self.car = DeskCar(
            self.kernel, name, self.board, flash_path, self.console, modem, sim, self.outside, epoch
        )
        self.terminal = self.car.terminal
        self.console.terminal = self.terminal
        if unique_id is not None:
            self.terminal.unique_id = unique_id
        self._pace = StandPace(self, speed)
        self._port = PtyPort(port or Path(self._folder.name, "ttyBoard"))
        self._plugged = plugged
        self._orders = Orders()
        self._ending = self._closed = False
        self._operation = None
        self.kernel.subscribe(self._power_watch)
        self._thread = threading.Thread(target=self._run, name=f"board {name}", daemon=True)
        self._orders.thread = self._thread

    # What a test, or a technician's hand, does to it

    @property
    def port(self):
        """The path of its port."""
        return self._port.path

    @property
    def speed(self):
        """See above; may be set at any time."""
        return self._pace.speed

    @speed.setter
    def speed(self, speed):
        self._pace.speed = speed

    @property
    def still(self):
        """Its clock stands, whatever it does: somebody takes his time."""
        return self._pace.still

    @still.setter
    def still(self, still):
        self._pace.still = still

    @property
    def now_us(self):
        """Its clock."""
        return self.kernel.now_us

    @property
    def flash(self):
        return self.terminal.flash

    @property
    def modem(self):
        """The modem's model (hwsim.modem), None where it is dead."""
        return self.car.modem

    @property
    def panel(self):
        """Keys, and lamps as an eye takes them."""
        return self.car.panel

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.close()

    def start(self):
        if self._plugged:
            self._plug()
        self._thread.start()

    def close(self):
        """The end; a second one is none. Raises what went wrong in its thread."""
        if self._closed:
            return
        self._ending = self._closed = True
        self._orders.stir()
        if self._thread.is_alive():
            self._thread.join()
        self.car.close()
        self._port.pull()
        if self.outside is not None:
            self.outside.close()
        self._orders.close()
        self._folder.cleanup()
        error, self._orders.error = self._orders.error, None
        if error is not None:
            raise error

    def do(self, call, *arguments):
        """`call(*arguments)` between two events of the bench; its result, or what it raised."""
        return self._orders.do(call, *arguments)

    def until(self, condition, limit_s=_HANGS_S):
        """Wait until `condition()` holds between two events. False when that took too long, by the wall."""
        return self._orders.until(condition, limit_s)

    def prompts(self, limit_s=_HANGS_S):
        """Wait until its prompt reads what is typed. False when that took too long, or it has no power."""
        self.until(lambda: self.terminal.program.reading or not self.terminal.powered, limit_s)
        return self.do(lambda: self.terminal.program.reading)

    def press(self, key, hold_ms=None):
        self.do(self.car.press, key, hold_ms)

    def pull(self):
        """The cable is pulled: port and power are gone."""
        self.do(self._pull)

    def plug(self):
        """It is put in again; the port has its old name."""
        self.do(self._plug)

    def pull_at(self, operation=None, byte=None):
        """Pull it in the middle of that flash operation from now on, or at that byte of the console, counted
        from 0; both None: not any more."""
        self.do(self._pull_at, operation, byte)

    @property
    def plugged(self):
        return self.do(lambda: self._port.plugged)

    def says(self):
        """What its program has printed so far, line by line."""
        return list(self.car.lines)

    # In its thread

    def _plug(self):
        self._port.plug()
        self.console.handles = (self._port.fileno(), self._orders)
        if self.micropython is None:
            self.kernel.after(_DEAD_CHIP_US, self._mutter)
        else:
            self.car.start()

    def _pull(self):
        self.terminal.power_off()
        self.console.power_off()
        self._port.pull()
        self.console.handles = (self._orders,)

    def _pull_at(self, operation, byte):
        self.console.on_byte = None if byte is None else (self.console.bytes + byte, self._pull)
        self.flash.cut_at(None if operation is None else self.flash.operations + operation)
        self._operation = operation

    def _power_watch(self, event):
        if event.what == "power" and self._operation is not None and event.source == self.name:
            self._operation = None
            self._pull()
        elif event.what == "start" and event.source == self.name and event.fields["cause"] != "soft":
            self.console.power_off()

    def _mutter(self):
        """The ROM of a chip that finds nothing to run."""
        if self._port.plugged:
            self._port.write(_DEAD_CHIP)
            self.kernel.after(_DEAD_CHIP_US, self._mutter)

    def _to_computer(self, data):
        for hear in self.heard_by:  # first: whoever reads the port looks at once at what they have heard
            hear(data)
        self._port.write(data)

    def _look(self):
        """What the world has done meanwhile, as far as it may come while the program computes: orders, bytes
        on the port. A datagram may not: the program may have run on past when it would arrive."""
        self._orders.obey()
        self._port.push()
        data = self._port.read(self.console.room)
        if data:
            self.console.type(data)
        if self._ending and self.terminal.powered:
            self.terminal.power_off()

    def _run(self):
        try:
            while not self._ending:
                self._look()
                if self.outside is not None:
                    self.outside.look()
                if not self._pace.advance():
                    self._wait()
        except BaseException as error:
            self._orders.error = error

    def _wait(self):
        poll = select.poll()
        poll.register(self._orders, select.POLLIN)
        if self._port.plugged:
            wanted = (select.POLLIN if self.console.room else 0) | (select.POLLOUT if self._port.held else 0)
            poll.register(self._port.fileno(), wanted)
        if self.outside is not None:
            for handle in self.outside.handles():
                poll.register(handle, select.POLLIN)
        poll.poll(self._pace.pause_ms())
