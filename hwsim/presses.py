"""The panic key, pressed thousands of times while whatever else goes on: how long each stage takes.

Real terminals and the real gateway in virtual time, from one seed. A press counts from the end of its hold:
that is when it becomes an alarm. Ways differ: a quiet network, one that loses every tenth datagram each way,
one that loses three in ten, and one that is cut as the key goes down and comes back later.
"""

import random
import shutil
import tempfile
import time
from dataclasses import dataclass, field

from hwsim.house import House
from protocol import report

QUIET, TENTH, THIRD, CUT = "quiet", "loss 10 %", "loss 30 %", "link returns"
LOSS = {QUIET: 0.0, TENTH: 0.1, THIRD: 0.3, CUT: 0.0}
FIRST, RECEIVED, AGAIN = "first datagram", "received shown", "first datagram after the link is back"
# Of each way and stage: (quantile, milliseconds at most).
LIMITS = {
    FIRST: dict.fromkeys(LOSS, ((0.99, 300.0),)),
    RECEIVED: {
        QUIET: ((0.5, 500.0), (0.99, 2000.0)),
        TENTH: ((0.5, 500.0), (0.99, 2000.0)),
        THIRD: ((0.999, 10_000.0),),
    },
    AGAIN: {CUT: ((1.0, 1000.0),)},
}
SHARES = (0.5, 0.99, 0.999, 1.0)
_HOLD_US = 600_000
_PATIENCE_S = 60
_OTHERS = ("available", "on_the_way", "on_scene", "busy", "event")
_FORGET_S = 600


@dataclass
class Press:
    way: str
    held_us: int
    panic: int | None = None
    sent_us: int | None = None
    back_us: int | None = None  # the link is there again
    again_us: int | None = None
    stored_us: int | None = None
    received_us: int | None = None

    def times(self):
        """{stage: milliseconds}, infinite for what did not happen."""
        rows = {FIRST: (self.held_us, self.sent_us)}
        if self.way == CUT:
            rows[AGAIN] = (self.back_us, self.again_us)
        else:
            rows[RECEIVED] = (self.held_us, self.received_us)
        return {
            stage: float("inf") if to is None else (to - since) / 1000 for stage, (since, to) in rows.items()
        }


@dataclass
class Tally:
    """What was measured, over any number of runs."""

    times: dict = field(default_factory=dict)  # (stage, way) -> [ms]
    presses: int = 0
    false_received: int = 0
    virtual_s: float = 0.0
    wall_s: float = 0.0

    def add(self, press):
        self.presses += 1
        for stage, ms in press.times().items():
            self.times.setdefault((stage, press.way), []).append(ms)

    def join(self, other):
        for key, values in other.times.items():
            self.times.setdefault(key, []).extend(values)
        self.presses += other.presses
        self.false_received += other.false_received
        self.virtual_s += other.virtual_s
        self.wall_s += other.wall_s

    def rows(self):
        """(stage, way, number, {quantile: ms}), in the order of the stages."""
        order = list(LIMITS)
        for stage, way in sorted(self.times, key=lambda key: (order.index(key[0]), list(LOSS).index(key[1]))):
            values = sorted(self.times[stage, way])
            yield (
                stage,
                way,
                len(values),
                {share: quantile(values, share) for share in SHARES},
            )

    def broken(self):
        """Sentences."""
        found = []
        for stage, way, number, shares in self.rows():
            for share, limit_ms in LIMITS[stage].get(way, ()):
                if shares[share] > limit_ms:
                    found.append(
                        f"{stage}, {way}: p{share * 100:g} is {shares[share]:.0f} ms of {number} presses, "
                        f"{limit_ms:.0f} ms at most"
                    )
        if self.false_received:
            found.append(f'the lamp said "received" {self.false_received} times for what was not stored')
        return found


def quantile(values, share):
    """The least value that `share` of the sorted values do not exceed."""
    return values[min(len(values) - 1, max(0, -int(-share * len(values) // 1) - 1))]


class Finger:
    """Presses one car's panic key, and keeps the book of it."""

    def __init__(self, house, rng, ways, tally):
        self.house = house
        self.kernel = house.kernel
        self.car = house.cars[0]
        self._rng = rng
        self._ways = ways
        self._tally = tally
        self._press = None
        self._leave = self.kernel.subscribe(self._event)

    def close(self):
        self._leave()

    def _event(self, event):
        press = self._press
        if event.source == "gateway":
            if event.what == "frame.stored" and press is not None:
                self._stored_now(press, event.fields["details"].get("panic"), event.fields["at_ms"])
        elif event.source == self.car.name:
            if event.what == "frame.sent" and event.fields["kind"] == report.KIND_PANIC:
                if press is not None and press.panic is None:
                    press.panic, press.sent_us = event.fields["panic"], event.t_us
            elif event.what == "air" and event.fields["direction"] == "up":
                if press is not None and press.back_us is not None and press.again_us is None:
                    press.again_us = event.t_us
            elif event.what == "lamp" and event.fields["state"] == "received":
                self._received(press, event.fields["began_us"])

    def _stored_now(self, press, panic, at_ms):
        if press.panic == panic and press.stored_us is None:
            press.stored_us = round(at_ms * 1000)

    def _received(self, press, began_us):
        if press is None or press.stored_us is None or began_us < press.stored_us:
            self._tally.false_received += 1
        elif press.received_us is None:
            press.received_us = began_us

    def one(self):
        """A press and all that follows, until the alarm is cleared."""
        rng, kernel = self._rng, self.kernel
        kernel.run_for(rng.uniform(0.3, 2.0))
        way = rng.choices(list(self._ways), self._ways.values())[0]
        self.house.network.weather.loss = LOSS[way]
        if rng.random() < 0.3:
            # Something else is going on as the key is held.
            kernel.after(rng.randrange(900_000), self.car.press, rng.choice(_OTHERS))
        if rng.random() < 0.02:
            self.house.gateway.renew(self.car.kid)
        held_us = kernel.now_us + rng.randrange(10_000, 300_000) + _HOLD_US
        press = self._press = Press(way, held_us)
        kernel.at(held_us - _HOLD_US, self.car.press, "panic")
        if way == CUT:
            self._cut(press)
        kernel.run_until(lambda: press.received_us is not None, _PATIENCE_S)
        self.house.network.weather.loss = 0.0
        self._tally.add(press)
        if press.panic is not None:
            self.house.centre.clear(self.car.kid, press.panic)
            kernel.run_until(lambda: self.car.panel.red.state == "off", _PATIENCE_S)
        self._press = None

    def _cut(self, press):
        network, kernel = self.house.network, self.kernel
        kernel.at(press.held_us - _HOLD_US, network.partition, True)

        def heal():
            network.partition(False)
            press.back_us = kernel.now_us

        kernel.at(press.held_us + self._rng.randrange(1_000_000, 15_000_000), heal)


def run(made, seed, presses, ways=None):
    """So many presses from one seed; a Tally. `ways`: {way: weight}; `made`: a Kit of one terminal."""
    ways = ways or {QUIET: 2, TENTH: 5, THIRD: 2, CUT: 1}
    tally = Tally()
    began_s = time.perf_counter()
    folder = tempfile.mkdtemp(prefix="patrola-panics-")
    try:
        with House(made, folder, seed=seed, weather={"rtt_ms": 60, "jitter_ms": 30}) as house:
            house.working()
            house.kernel.run_for(5)
            finger = Finger(house, random.Random(f"presses {seed}"), ways, tally)
            forgotten_us = house.kernel.now_us
            for _ in range(presses):
                finger.one()
                if house.kernel.now_us - forgotten_us > _FORGET_S * 1_000_000:
                    house.events.clear()
                    forgotten_us = house.kernel.now_us
            finger.close()
            tally.virtual_s = house.kernel.now_us / 1e6
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    tally.wall_s = time.perf_counter() - began_s
    return tally
