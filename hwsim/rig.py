"""Real terminals in virtual time: cars, the air, and the bench's own headquarters, from event to event.

A `Kit` is what a technician hands over: the image, and flashes with identity and settings. Each `Rig` drives
copies of them, so that many runs stand on one kit."""

import datetime
import shutil
from pathlib import Path

from hwsim import technician, world
from hwsim.desk import Desk
from hwsim.fleet import LIVELY, Car
from hwsim.kernel import Kernel
from hwsim.modem import PROFILES
from hwsim.network import GATEWAY_ADDRESS, Network
from hwsim.story import Story

EPOCH = datetime.datetime(2026, 6, 3, 6, tzinfo=datetime.UTC)
SETTINGS = {"apn": "internet", "host": GATEWAY_ADDRESS[0], "port": GATEWAY_ADDRESS[1], **LIVELY}


class Kit:
    """`units` terminals with their keys and settings; `desk_key` is the headquarters they trust."""

    def __init__(self, directory, units=1, settings=None, image=None):
        self.directory = Path(directory)
        self.image = image or technician.build_image(directory)
        self.units = world.units(units)
        self.flashes = []
        self.publics = []
        self.settings = settings = SETTINGS | (settings or {}) | {"gateway_key": Desk(Kernel()).public.hex()}
        for unit in self.units:
            flash = self.directory / f"{unit.unit}.flash"
            self.publics.append(technician.make_identity(unit.unit, self.image, flash))
            technician.install(unit.unit, self.image, flash, settings)
            self.flashes.append(flash)


class Rig:
    """One run. `weather` are options of the Network; `script` a program in place of the firmware's main;
    `desk(kernel)` makes the headquarters; `nmea` is a recorded log for the first car."""

    def __init__(
        self,
        kit,
        directory,
        seed=1,
        weather=None,
        profile="a7670",
        script=None,
        cpu=None,
        heap=None,
        desk=Desk,
        nmea=None,
    ):
        self.settings = kit.settings
        self.kernel = Kernel(seed)
        self.events = []
        self.kernel.subscribe(self.events.append)
        self.network = Network(self.kernel, **(weather or {}))
        self.desk = desk(self.kernel)
        self.network.serve(GATEWAY_ADDRESS, self.desk.host)
        self.story = Story(self.kernel)
        self.cars = []
        for index, unit in enumerate(kit.units):
            flash = shutil.copyfile(kit.flashes[index], Path(directory) / f"{unit.unit}-{seed}.flash")
            identity = self.desk.enroll(kit.publics[index])
            options = {"epoch": EPOCH, "modem": PROFILES[profile], "nmea": nmea if index == 0 else None}
            options |= {"context_of": self.desk.context_of, "cpu": cpu}
            options["terminal"] = getattr(kit, "terminal", None)  # another maker's
            car = Car(self.kernel, index, unit, identity, kit.image, flash, self.network, options)
            car.terminal.script = None if script is None else Path(script)
            if heap is not None:
                car.terminal.heapsize = heap
            self.story.add_car(car.name, car.kid)
            self.cars.append(car)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for car in self.cars:
            car.close()
        self.story.close()

    def start(self):
        for car in self.cars:
            car.start()

    def lines(self):
        """What the programs printed."""
        return [event.fields["line"] for event in self.events if event.what == "log"]

    def seen(self, what):
        return [event for event in self.events if event.what == what]

    def working(self, limit_s=90):
        """Switch on, and wait until every car is served. The seconds that took; AssertionError if not."""
        self.start()
        kids = [bytes.fromhex(car.kid) for car in self.cars]
        if not self.kernel.run_until(lambda: all(self.desk.named(kid) for kid in kids), limit_s):
            raise AssertionError("not served:\n" + "\n".join(self.lines()[-20:]))
        return self.kernel.now_us / 1e6
