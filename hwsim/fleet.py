"""A fleet of terminals: each gets its key pair on the device, is enrolled at the gateway, configured, and
put into a
car with a receiver, a modem and keys."""

import asyncio
import datetime
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from hwsim import world
from hwsim.air import AirMonitor
from hwsim.gnss import GnssReplay, GnssTrack
from hwsim.kernel import Kernel
from hwsim.modem import PROFILES, ModemA76xx
from hwsim.network import GATEWAY_ADDRESS
from hwsim.panel import Panel
from hwsim.terminal import CHIP_HEAP, Terminal

_ROOT = Path(__file__).resolve().parent.parent
BOARD = "SIM"
HOLD_MS = 600
_RUN_S = 120
_READER_HEAP = 4 << 20  # the bench's own program, not the chip's
_ENDED = re.compile("the program has ended|Traceback")
_SUPPLY_OF_65535_MV = 36300
# What flash.py types at a real terminal's prompt, here as the program the simulated one runs once.
_MAKE_IDENTITY = """\
from board import BOARD
from firmware import provision
from firmware.hal import Hal
print("public key", provision.create_identity(Hal(BOARD)).hex())
"""
_INSTALL = """\
from firmware import provision
print("installed", provision.install({config!r}, {link!r}))
"""
_UNSENT = """\
from firmware.journal import Journal
journal = Journal("/j", {urgent_kb} * 1024, {bulk_kb} * 1024)
for urgent in (True, False):
    found = journal.peek(urgent, 8)
    while found:
        for key, _ in found:
            print("unsent", key[0], key[1])
        found = journal.peek(urgent, 8, found[-1][0])
print("unsent end")
"""
_JOURNAL = {"urgent_kb": 64, "bulk_kb": 256}
# A demonstration lasts a minute or so: report more often than a shift of eight hours would want.
LIVELY = {
    "moving_s": 4,
    "moving_m": 120,
    "least_s": 2,
    "slow_s": 10,
    "track_s": 30,
}


class FleetError(Exception):
    """A terminal could not be made ready; the text has its last words."""


def build_image(directory):
    """The firmware as one ROMFS image, made by the technician's own tool."""
    output = Path(directory) / "firmware.romfs"
    made = subprocess.run(
        [sys.executable, "flash.py", "image", "--board", BOARD, "--output", str(output)],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        words = (made.stderr or made.stdout).strip().splitlines() or ["no message"]
        raise FleetError(f"the firmware's image could not be built: {words[-1]}")
    return output


def build_reader(directory):
    """The program's modules as they stand, by their names: the image proper keeps only what the program
    calls. With this the bench opens a terminal's journal after the run."""
    tree, output = Path(directory) / "reader", Path(directory) / "reader.romfs"
    for room in ("protocol", "firmware"):
        shutil.copytree(_ROOT / room, tree / room, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "mpremote", "romfs", "-o", str(output), "build", str(tree)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise FleetError(
            f"the journal's reader could not be built: {made.stderr.strip() or made.stdout.strip()}"
        )
    return output


class Car:
    """One patrol car with everything in it."""

    def __init__(self, kernel, index, unit, identity, image, flash_path, network, options):
        self.index = index
        self.unit = unit
        self.name = unit.unit
        self.kid = identity["kid"]
        self.kernel = kernel
        self.terminal = Terminal(kernel, self.name, BOARD, image, flash_path)
        self.panel = Panel(self.terminal, kernel)
        self.path = network.path(self.name)
        epoch = options["epoch"]
        port = self.terminal.port("modem")
        self.modem = ModemA76xx(kernel, port, self.path, options["modem"], name=self.name, epoch=epoch)
        self.terminal.attach_uart("modem", self.modem)
        for pin in ("pwrkey", "reset", "supply"):
            self.terminal.watch_pin("modem_" + pin, lambda level, pin=pin: self.modem.set_pin(pin, level))
        port = self.terminal.port("gnss")
        if options["nmea"] is not None:
            self.gnss = GnssReplay(kernel, port, options["nmea"])
        else:
            self.gnss = GnssTrack(kernel, port, world.track_of(unit, index), epoch=epoch, name=self.name)
        self.terminal.attach_uart("gnss", self.gnss)
        self.terminal.set_adc("supply", 13_800 * 65535 // _SUPPLY_OF_65535_MV)
        self.air = AirMonitor(kernel, self.name, identity["link"])

    def start(self):
        """Ignition: power for everything."""
        self.terminal.pin_in("ignition", 1)
        self.gnss.start()
        self.terminal.power_on()

    def park(self):
        """The patrol is over: the car stands still, ignition off. The terminal stays on."""
        if isinstance(self.gnss, GnssTrack):
            self.gnss.moving = False
        self.terminal.pin_in("ignition", 0)

    def press(self, key):
        """As an officer does: panic is held, every other key is tapped."""
        self.panel.press(key, HOLD_MS + 300 if key == "panic" else 120)

    def close(self):
        self.gnss.stop()
        self.air.close()
        self.terminal.close()
        self.path.close()


class Fleet:
    """`await build(...)`, then `start()`. Cars are numbered from 1, as on the keyboard."""

    def __init__(self, kernel, network, headquarters, directory, settings=None, profile="a7670", seed=0):
        self.kernel = kernel
        self.cars = []
        self._network = network
        self._headquarters = headquarters
        self._directory = Path(directory)
        self._settings = {
            "apn": "internet",
            "host": GATEWAY_ADDRESS[0],
            "port": GATEWAY_ADDRESS[1],
            **LIVELY,
            **_JOURNAL,
            **(settings or {}),
        }
        self._profile = PROFILES[profile]
        self._seed = seed
        self._reader = None

    async def build(self, count, nmea=None, told=None):
        """Make `count` terminals ready; `nmea` is a recorded log for the first one. `told(text)` hears of
        progress.
        """
        image = await asyncio.to_thread(build_image, self._directory)
        ready = []
        for index, unit in enumerate(world.units(count)):
            if told is not None:
                told(f"terminal {index + 1} of {count}: {unit.call_sign}, {unit.directorate_name}")
            ready.append((unit, *await self._provision(unit, image)))
        # Only now: the satellites' time is the wall's if the clock runs on from here.
        epoch = datetime.datetime.now(datetime.UTC) - datetime.timedelta(microseconds=self.kernel.now_us)
        for index, (unit, identity, flash_path) in enumerate(ready):
            options = {"epoch": epoch, "modem": self._profile, "nmea": nmea if index == 0 else None}
            self.cars.append(
                Car(self.kernel, index, unit, identity, image, flash_path, self._network, options)
            )
        return self.cars

    async def _provision(self, unit, image):
        """Key pair on the device, enrolment, configuration on the device."""
        flash_path = self._directory / f"{unit.unit}.flash"
        (said,) = await asyncio.to_thread(
            self._run_once, unit.unit, image, flash_path, _MAKE_IDENTITY, "public key"
        )
        identity = await self._headquarters.enroll(bytes.fromhex(said), unit)
        program = _INSTALL.format(config=json.dumps(self._settings), link=json.dumps(identity["link"]))
        (wrong,) = await asyncio.to_thread(self._run_once, unit.unit, image, flash_path, program, "installed")
        if wrong != "[]":
            raise FleetError(f"{unit.unit}: the terminal refuses its configuration: {wrong}")
        return identity, flash_path

    async def unsent(self, car):
        """(boot, seq) of the frames that the flash of a car without power still holds."""
        program = _UNSENT.format(**{name: self._settings[name] for name in _JOURNAL})
        if self._reader is None:
            self._reader = await asyncio.to_thread(build_reader, self._directory)
        path = car.terminal.flash.path
        given = (car.name, self._reader, path, program, "unsent", _READER_HEAP)
        rows = await asyncio.to_thread(self._run_once, *given)
        if rows[-1] != "end":
            raise FleetError(f"{car.name}: the journal could not be read to its end: {rows[-1]}")
        return [tuple(int(word) for word in row.split()) for row in rows[:-1]]

    def _run_once(self, name, image, flash_path, program, mark, heap=CHIP_HEAP):
        """Run a program on the terminal in virtual time; what its lines say after `mark`, at least one."""
        with tempfile.NamedTemporaryFile("w", suffix=".py", dir=self._directory, encoding="utf-8") as script:
            script.write(program)
            script.flush()
            kernel = Kernel(f"{self._seed}/provision/{name}/{mark}")
            lines = []
            kernel.subscribe(
                lambda event: lines.append(event.fields["line"]) if event.what == "log" else None
            )
            terminal = Terminal(kernel, name, BOARD, image, flash_path, heap, script.name)
            terminal.power_on()
            kernel.run_until(lambda: any(_ENDED.match(line) for line in lines), _RUN_S)
            kernel.run_for(0.1)
            terminal.close()
        said = [line[len(mark) + 1 :] for line in lines if line.startswith(mark + " ")]
        if not said or not any(line == "the program has ended" for line in lines):
            words = lines[-1] if lines else "it said nothing"
            raise FleetError(f"{name}: a program on the terminal failed: {words}")
        return said

    def start(self):
        for car in self.cars:
            car.start()

    def close(self):
        for car in self.cars:
            car.close()
