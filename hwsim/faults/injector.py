"""Lets faults happen: from the kernel's seed, each fault of each car with a generator of its own, so that one
switched off leaves all others where they were."""

from hwsim.faults import air, cabin, chip, gnss, headquarters, modem  # noqa: F401 - they fill ACTS
from hwsim.faults.model import FAULTS, RATE, RATE_OF_HOUSE
from hwsim.faults.registry import ACTS, CAR
from hwsim.technician import run_once

_WEATHER_S = 240  # between two weathers, on average
_HOUR_S = 3600
_BAD_WIRE_S = (60, 300)
_GOOD_WIRE_S = (300, 3600)
_SERVICE_RETRY_US = 5_000_000
_LONGEST_WRAP_S = 3600
_FILL = """\
import os
left = {left}
if left is None:
    try:
        os.remove("/junk")
    except OSError:
        pass
else:
    block = os.statvfs("/")[0]
    with open("/junk", "wb") as file:
        while os.statvfs("/")[3] > left + 4:
            file.write(b"x" * block)
print("filled", os.statvfs("/")[3])
"""


class Injector:
    """`house` is a House or a Rig. `start()` once, `calm()` ends every fault for good. `last_fault_us`: when
    the last one happened or ended; `count`: {name: how many}."""

    def __init__(self, house, faults):
        self.house = house
        self.faults = faults
        self.kernel = house.kernel
        self.network = house.network
        self.last_fault_us = 0
        self.count = {}
        self.over = False
        self._undo = {}  # a number -> (name, car, call)
        self._number = 0
        self._timers = []
        self._restore = []
        self._has_gateway = hasattr(house, "gateway")
        if self._has_gateway:
            self.kernel.subscribe(self._manage)

    def start(self):
        for car in self.house.cars:
            self._steady(car)
            for name in FAULTS:
                if FAULTS[name]["kind"] == RATE and getattr(self.faults, name):
                    self._plan(name, car, self._rng(name, car))
        for name in FAULTS:
            if FAULTS[name]["kind"] == RATE_OF_HOUSE and getattr(self.faults, name) and self._has_gateway:
                self._plan(name, None, self._rng(name, None))
        for name, seconds, index in self.faults.at:
            car = self.house.cars[index] if ACTS[name][0] == CAR else None
            rng = self.kernel.rng(f"fault/{name}/at/{seconds}/{index}")
            self._timers.append(self.kernel.after(round(seconds * 1e6), self._act, name, car, rng))

    def calm(self):
        """No more faults; what still lasts is undone now."""
        self.over = True
        for timer in self._timers:
            timer.cancel()
        for number in list(self._undo):
            self._end(number)
        for restore in self._restore:
            restore()
        self._restore = []
        for car in self.house.cars:
            car.terminal.power_on()
        if self._has_gateway and not self.house.gateway.running:
            self.house.gateway.start()
        self.last_fault_us = self.kernel.now_us

    def _manage(self, event):
        """The gateway's service manager: what could not start is started again."""
        if event.source == "gateway" and event.what == "gateway.failed":
            self.kernel.after(_SERVICE_RETRY_US, self.house.gateway.start)

    # What the faults use.

    def later(self, seconds, call, *args):
        """As the kernel's `after`, in seconds. Not called when the faults are over by then."""
        self._timers = [timer for timer in self._timers if timer.active]
        self._timers.append(self.kernel.after(round(seconds * 1e6), call, *args))

    def happened(self, name, car, **details):
        self.last_fault_us = self.kernel.now_us
        self.count[name] = self.count.get(name, 0) + 1
        if car is not None:
            details["car"] = car.name
        self.kernel.emit("fault", name, **details)

    def journal_region(self, car):
        """(address, size) of the journal on flash, or None where it is part of the file system."""
        region = car.terminal.board["flash"].get("journal")
        return None if region is None else (region["address"], region["size"])

    def fill_flash(self, car, left):
        """Somebody's files leave `left` blocks of the file system; None: they are removed. Power is off."""
        flash = car.terminal.flash
        run_once(car.name, car.terminal.image, flash.path, _FILL.format(left=left), "filled")

    # How they come about.

    def _rng(self, name, car):
        return self.kernel.rng(f"fault/{name}/{'house' if car is None else car.name}")

    def _plan(self, name, car, rng):
        gap_s = rng.expovariate(getattr(self.faults, name) / _HOUR_S)
        self.later(gap_s, self._turn, name, car, rng)

    def _turn(self, name, car, rng):
        lasting_s = self._act(name, car, rng)
        # The next is planned from the end of this one: two of a kind never overlap on one car.
        self.later(lasting_s, self._plan, name, car, rng)

    def _act(self, name, car, rng):
        trouble = ACTS[name][1](self, self.house if car is None else car, rng)
        if trouble is None:
            return 0
        details = trouble.details
        if trouble.seconds:
            details = {**details, "seconds": round(trouble.seconds, 3)}
        if not details.pop("armed", False):
            self.happened(name, car, **details)
        if trouble.undo is not None:
            self._number += 1
            self._undo[self._number] = (name, car, trouble.undo)
            self.later(trouble.seconds, self._end, self._number)
        return trouble.seconds

    def _end(self, number):
        if number not in self._undo:
            return
        name, car, undo = self._undo.pop(number)
        undo()
        self.last_fault_us = self.kernel.now_us
        self.kernel.emit("fault", "over", of=name, car=None if car is None else car.name)

    # What is there all the time.

    def _steady(self, car):
        faults = self.faults
        if faults.loss or faults.duplicate or faults.reorder or faults.delay_ms:
            before = car.path.weather
            self._weather(car, self._rng("weather", car))
            self._restore.append(lambda: setattr(car.path, "weather", before))
        if faults.uart_garble or faults.uart_lose:
            self._wires(car, self._rng("uart", car), True)
            self._restore.append(lambda: self._noise(car, 0, 0))
        if faults.key_bounce:
            rng = self._rng("key_bounce", car)
            self._restore.append(cabin.bouncing(car.panel, faults.key_bounce, rng))
        if faults.ticks_wrap:
            self._wraps(car, self._rng("ticks_wrap", car))

    def _weather(self, car, rng):
        weather = car.path.weather = air.weather(self.faults, rng)
        shown = {
            name: round(getattr(weather, name), 3) for name in ("loss", "duplicate", "reorder", "rtt_ms")
        }
        self.happened("weather", car, **shown)
        self.later(rng.expovariate(1 / _WEATHER_S), self._weather, car, rng)

    def _wires(self, car, rng, bad):
        """A loose contact: bad for minutes, good for longer."""
        garble, lose = (self.faults.uart_garble, self.faults.uart_lose) if bad else (0, 0)
        self._noise(car, garble, lose)
        if bad:
            self.happened("uart_noise", car, garble=garble, lose=lose)
        self.later(rng.uniform(*(_BAD_WIRE_S if bad else _GOOD_WIRE_S)), self._wires, car, rng, not bad)

    @staticmethod
    def _noise(car, garble, lose):
        for uart in ("modem", "gnss"):
            line = car.terminal.port(uart).faults
            line.garble, line.lose = garble, lose

    def _wraps(self, car, rng):
        usual_ms = car.terminal.wrap_ms

        def starts(event):
            if event.what == "start" and event.source == car.name:
                # Before the program is launched: it reads this when it begins.
                wraps = rng.random() < self.faults.ticks_wrap
                car.terminal.wrap_ms = rng.randrange(_LONGEST_WRAP_S * 1000) if wraps else usual_ms
                if wraps:
                    self.happened("ticks_wrap", car, after_ms=car.terminal.wrap_ms)

        leave = self.kernel.subscribe(starts)

        def undo():
            leave()
            car.terminal.wrap_ms = usual_ms

        self._restore.append(undo)
