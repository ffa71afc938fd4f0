"""Many hours of patrols, everything that can go wrong, and judges that stand outside: one run from one seed.

officers drive, park and press keys; the centre answers; faults happen; then they end, and what is still
under way gets a bounded time to arrive. What is then missing, doubled, out of order or was shown too
early is a violation.
"""

import contextlib
import dataclasses
import gc
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from hwsim.checks import Recorder, Violation, violations
from hwsim.faults import Injector
from hwsim.house import House
from hwsim.officers import PATROL, DutyOfficer, Officers
from hwsim.rig import Kit
from hwsim.tale import Tale

DRAIN_S = 3600  # after the last fault everything has arrived
_SETTLED_S = 120  # ... and for so long there was nothing left to ask for
_LOOK_S = 20
_FORGET_S = 600
_TOUCH_US = 300_000_000  # a terminal asks for orders each 40 s; parked and off duty each four minutes
# Busier than the firmware's own choice, and the link kept open as it would.
SETTINGS = {"moving_s": 15, "moving_m": 400, "track_s": 60, "health_s": 600}
# What the firmware itself would choose: for lives that are led to be measured.
STANDARD = {"moving_s": 20, "moving_m": 300, "least_s": 5, "slow_s": 60, "track_s": 120}


@dataclass
class Result:
    seed: int
    trace: str
    violations: list  # sentences
    terminal_days: float
    times_real_time: float
    terminals: int
    hours: float
    drain_s: float  # how long it took after the last fault
    frames: int
    alarms: int
    faults: dict  # name -> how often
    rules: list = field(default_factory=list)  # names of the rules that were broken
    story: list = field(default_factory=list)  # lines

    def as_json(self):
        row = dataclasses.asdict(self)
        row["times_real_time"] = round(self.times_real_time, 1)
        row["terminal_days"] = round(self.terminal_days, 4)
        del row["story"]
        return row


_KITS = {}


def kit(terminals, directory=None, life=PATROL):
    """Terminals as a technician hands them over; made once in this process."""
    settings = SETTINGS if life == PATROL else STANDARD
    if (terminals, life) not in _KITS:
        place = Path(directory or tempfile.mkdtemp(prefix="patrola-kit-"))
        place.mkdir(parents=True, exist_ok=True)
        _KITS[terminals, life] = Kit(place, terminals, settings)
    return _KITS[terminals, life]


def run(seed, terminals, hours, faults, made=None, profile="a7670", life=PATROL):
    """Play one seed; a Result. `made` is a kit of that many terminals; `life` as in officers.LIVES."""
    made = made or kit(terminals, life=life)
    folder = tempfile.mkdtemp(prefix="patrola-soak-")
    try:
        with _seldom_collected():
            return _played(made, folder, seed, hours, faults, profile, life)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _played(made, folder, seed, hours, faults, profile, life):
    with House(made, folder, seed=seed, profile=profile) as house:
        return Soak(house, seed, hours, faults, life).play()


@contextlib.contextmanager
def _seldom_collected():
    """Python's own collector looks less often for circles, and never into what was there before: by its own
    choice it takes a twentieth of the bench's time and finds next to nothing. What the run was made of is one
    great circle; the next run would take it for what was there before, and keep it."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
        gc.collect()


class Soak:
    def __init__(self, house, seed, hours, faults, life=PATROL):
        self.house = house
        self.kernel = house.kernel
        self.kernel.keep_apart()  # nobody here sees something at one car and does something to another
        self.seed = seed
        self.hours = hours
        self.tale = Tale(self.kernel)
        self.recorder = Recorder(house)
        self.injector = Injector(house, faults)
        self.officers = [Officers(car, life=life) for car in house.cars]
        self.centre = DutyOfficer(house)

    def play(self):
        began_s = time.perf_counter()
        try:
            for officers in self.officers:
                officers.start()
            self.centre.start()
            self.injector.start()
            self._forget()
            self.kernel.run_for(self.hours * 3600)
            drain_s = self._drain()
            broken = sorted(violations(self.recorder, drained=True) + self._late(drain_s))
        finally:
            self.recorder.close()
            self.tale.close()
        return self._result(broken, drain_s, time.perf_counter() - began_s)

    def _forget(self):
        self.house.events.clear()  # hours of them would fill the memory; the tale keeps what matters
        self.kernel.after(_FORGET_S * 1_000_000, self._forget)

    def _drain(self):
        """Everybody goes home; the faults are over. The seconds until nothing was under way any more."""
        for officers in self.officers:
            officers.stop()
        self.centre.stop()
        self.injector.calm()
        start_us = busy_us = self.kernel.now_us
        while self.kernel.now_us - start_us < DRAIN_S * 1_000_000:
            self.kernel.run_for(_LOOK_S)
            if not self._at_peace(busy_us):
                busy_us = self.kernel.now_us
            elif self.kernel.now_us - busy_us >= _SETTLED_S * 1_000_000:
                break
        return (busy_us - start_us) / 1e6

    def _waiting(self, car):
        """Names of frames that were sent and have not come to headquarters."""
        kid = bytes.fromhex(car.kid)
        there = self.house.gateway.named(kid)
        return sorted(name for name in car.air.asked() if (kid, *name) not in there)

    def _at_peace(self, since_us):
        """Nothing came, nothing is missing, and every car is in touch with headquarters."""
        cars = self.house.cars
        if self.tale.busy_since(since_us) or any(self._waiting(car) for car in cars):
            return False
        return self.tale.served_since(self.kernel.now_us - _TOUCH_US, cars)

    def _late(self, drain_s):
        """Liveness: the bound after the last fault was not enough."""
        if drain_s < DRAIN_S - _SETTLED_S:
            return []
        found = []
        for car in self.house.cars:
            waiting = self._waiting(car)
            if waiting:
                text = f"{car.name}: {len(waiting)} frames, {waiting[0]} first, did not arrive in {DRAIN_S} s"
                found.append(Violation(self.kernel.now_us, "liveness", text))
            if not self.tale.served_since(self.kernel.now_us - _TOUCH_US, [car]):
                text = f"{car.name}: not in touch with headquarters {DRAIN_S} s after the last fault"
                found.append(Violation(self.kernel.now_us, "liveness", text))
        return found

    def _result(self, broken, drain_s, wall_s):
        terminals = len(self.house.cars)
        virtual_s = self.kernel.now_us / 1e6
        story = self.tale.before(broken[0], self.house.cars) if broken else []
        return Result(
            seed=self.seed,
            trace=self.kernel.trace,
            violations=[str(violation) for violation in broken],
            terminal_days=terminals * virtual_s / 86400,
            times_real_time=terminals * virtual_s / wall_s,
            terminals=terminals,
            hours=self.hours,
            drain_s=drain_s,
            frames=self.tale.frames,
            alarms=self.tale.alarms,
            faults=dict(sorted(self.injector.count.items())),
            rules=sorted({violation.rule for violation in broken}),
            story=story,
        )
