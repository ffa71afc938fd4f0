"""A fleet of terminals: each gets its key pair on the device, is enrolled at the gateway, told the gateway's
public key and its settings, and put into a car with a receiver, a modem and keys. No secret is set from
outside: the keys of the link come about by EDHOC when the car is first switched on."""

import asyncio
import datetime
from pathlib import Path

from hwsim import finished, technician, world
from hwsim.air import AirMonitor
from hwsim.gnss import GnssReplay, GnssTrack
from hwsim.modem import PROFILES, Modem
from hwsim.network import GATEWAY_ADDRESS
from hwsim.panel import Panel
from hwsim.technician import BOARD, build_image, build_reader
from hwsim.terminal import Terminal

HOLD_MS = 600
_SUPPLY_OF_65535_MV = 36300
_JOURNAL = {"urgent_kb": 64, "bulk_kb": 256}
# A demonstration lasts a minute or so: report more often than a shift of eight hours would want.
LIVELY = {
    "moving_s": 4,
    "moving_m": 120,
    "least_s": 2,
    "slow_s": 10,
    "track_s": 30,
}


def _nobody_knows(_oscore_id):
    """No context: of a car whose datagrams nobody reads."""


class Car:
    """One patrol car with everything in it."""

    def __init__(self, kernel, index, unit, identity, image, flash_path, network, options):
        self.index = index
        self.unit = unit
        self.name = unit.unit
        self.kid = identity["kid"]
        self.kernel = kernel
        make = options.get("terminal") or Terminal
        self.terminal = make(kernel, self.name, BOARD, image, flash_path, cpu=options.get("cpu"))
        self.panel = Panel(self.terminal, kernel)
        self.path = network.path(self.name)
        self.path.lane = self.terminal.lane
        self.terminal.program.least_us = self.path.least_us
        epoch = options["epoch"]
        port = self.terminal.port("modem")
        self.modem = Modem(kernel, port, self.path, options["modem"], name=self.name, epoch=epoch)
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
        self.air = AirMonitor(kernel, self.name, options.get("context_of", _nobody_knows))

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

    def drive(self):
        """Ignition on, and on along the road."""
        if isinstance(self.gnss, GnssTrack):
            self.gnss.moving = True
        self.terminal.pin_in("ignition", 1)

    def press(self, key):
        """As an officer does: panic is held, every other key is tapped."""
        self.panel.press(key, HOLD_MS + 300 if key == "panic" else 120)

    def close(self):
        self.terminal.close()
        self.gnss.stop()
        self.air.close()
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
        self._sizes = {}  # of the journals of finished boards

    async def build(self, count, nmea=None, told=None, boards=()):
        """Make `count` terminals ready, and behind them finished boards, by the files of their flash; `nmea`
        is a recorded log for the first one. `told(text)` hears of progress.
        """
        image = await asyncio.to_thread(build_image, self._directory)
        ready = []
        units = world.units(count + len(boards))
        for index, unit in enumerate(units):
            if told is not None:
                told(f"terminal {index + 1} of {len(units)}: {unit.call_sign}, {unit.directorate_name}")
            if index < count:
                ready.append((unit, *await self._provision(unit, image), image))
            else:
                ready.append((unit, *await self._adopt(unit, boards[index - count]), None))
        # Only now: the satellites' time is the wall's if the clock runs on from here.
        epoch = datetime.datetime.now(datetime.UTC) - datetime.timedelta(microseconds=self.kernel.now_us)
        for index, (unit, identity, flash_path, its_image) in enumerate(ready):
            options = {
                "epoch": epoch,
                "modem": self._profile,
                "nmea": nmea if index == 0 else None,
                "context_of": self._headquarters.context_of,
            }
            self.cars.append(
                Car(self.kernel, index, unit, identity, its_image, flash_path, self._network, options)
            )
        return self.cars

    async def _provision(self, unit, image):
        """Key pair on the device, enrolment, settings on the device."""
        flash_path = self._directory / f"{unit.unit}.flash"
        at = (unit.unit, image, flash_path)
        public = await asyncio.to_thread(technician.make_identity, *at, self._seed)
        identity = await self._headquarters.enroll(public, unit)
        settings = self._settings | {"gateway_key": identity["gateway_key"]}
        await asyncio.to_thread(technician.install, *at, settings, self._seed)
        return identity, flash_path

    async def _adopt(self, unit, flash_file):
        """A finished board is enrolled here as well, and told of this gateway."""
        flash_path = self._directory / f"{unit.unit}.flash"
        at = (unit.unit, flash_file, flash_path, self._seed)
        public, settings, sizes = await asyncio.to_thread(finished.take, *at)
        identity = await self._headquarters.enroll(public, unit)
        gateway = {"host": GATEWAY_ADDRESS[0], "port": GATEWAY_ADDRESS[1]}
        gateway["gateway_key"] = identity["gateway_key"]
        at = (unit.unit, flash_path, settings, gateway, self._seed)
        await asyncio.to_thread(finished.aim, *at)
        self._sizes[unit.unit] = sizes
        return identity, flash_path

    async def unsent(self, car):
        """(boot, seq) of the frames that the flash of a car without power still holds."""
        if self._reader is None:
            self._reader = await asyncio.to_thread(build_reader, self._directory)
        sizes = self._sizes.get(car.name) or {name: self._settings[name] for name in _JOURNAL}
        path = car.terminal.flash.path
        return await asyncio.to_thread(technician.unsent, car.name, self._reader, path, sizes, self._seed)

    def start(self):
        for car in self.cars:
            car.start()

    def close(self):
        for car in self.cars:
            car.close()
