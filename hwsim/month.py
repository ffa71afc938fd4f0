"""Days and weeks of one terminal in the heap of its chip: does it hold more from day to day?

Real firmware in virtual time. Each day has a shift - driving, statuses, an alarm that is answered, new keys
for the link, an outage - and long hours at the kerb. The terminal says in its health reports how much of its
heap is free, right after a collection. The most of a day, when nothing is under way, shows what is never
given back.
"""

import random
import shutil
import tempfile
from dataclasses import dataclass, field

from hwsim.desk import PANIC_RECEIPT
from hwsim.rig import Rig
from protocol import report

DAY_S = 86_400
SETTINGS = {"keepalive_s": 300, "moving_s": 30, "moving_m": 1000, "parked_s": 1800, "health_s": 600}
# Bytes by which the last third of the days may be below the middle one: lists that have an end (64 commands,
# 16 notifications remembered) are still being filled.
GROWTH = 1024
_KEYS = ("available", "on_the_way", "on_scene", "busy", "event", "off_duty")


@dataclass
class Days:
    free: list = field(default_factory=list)  # the most of each day, bytes
    least: int = 1 << 30
    starts: int = 0
    restarts: int = 0  # of tasks
    frames: int = 0

    def broken(self):
        """Sentences. The first third is left out: what is made once is made then."""
        found = []
        third = max(1, len(self.free) // 3)
        before, last = self.free[-2 * third : -third], self.free[-third:]
        if len(self.free) < 3:
            found.append(f"{len(self.free)} days show no growth, three at least do")
        elif max(last) < max(before) - GROWTH:
            found.append(f"the heap shrinks: {max(before)} bytes free, and {max(last)} later")
        if self.starts != 1:
            found.append(f"{self.starts} starts")
        if self.restarts:
            found.append(f"{self.restarts} tasks died")
        return found


class Month:
    """`driving_s` of each day the car is on the road; `day_s`: a day may be shorter in a test. `said(number,
    free)` hears of each day when it is over."""

    def __init__(self, rig, seed, driving_s=3600, day_s=DAY_S, said=None):
        self.rig = rig
        self.kernel = rig.kernel
        self.car = rig.cars[0]
        self.kid = bytes.fromhex(self.car.kid)
        self._rng = random.Random(f"month {seed}")
        self._driving_s = driving_s
        self._day_s = day_s
        self._said = said

    def play(self, days):
        self.rig.working()
        told = Days()
        for _ in range(days):
            end_us = self.kernel.now_us + self._day_s * 1_000_000
            before = set(self.rig.desk.frames)
            self._shift()
            self.car.park()
            self.kernel.run(end_us)
            self._count(told, before)
            if self._said is not None:
                self._said(len(told.free), told.free[-1])
        told.starts = self.car.terminal.starts
        return told

    def _count(self, told, before):
        new = [r for name, r in self.rig.desk.frames.items() if name not in before]
        health = [r[report.HEALTH] for r in new if r[report.KIND] == report.KIND_HEALTH]
        told.frames += len(new)
        told.free.append(max(h[report.HEALTH_HEAP] for h in health))
        told.least = min(told.least, *(h[report.HEALTH_HEAP] for h in health))
        told.restarts = max(told.restarts, *(h[report.HEALTH_RESTARTS] for h in health))
        self.rig.events.clear()

    def _shift(self):
        rng, kernel = self._rng, self.kernel
        self.car.drive()
        step_s = self._driving_s / 6
        for key in _KEYS:
            kernel.run_for(step_s * rng.uniform(0.5, 1))
            self.car.press(key)
        self.rig.desk.renew(self.kid)
        kernel.run_for(20)
        self.rig.network.partition(True)
        kernel.run_for(step_s / 2)
        self.car.press("panic")
        kernel.run_for(30)
        self.rig.network.partition(False)
        kernel.run_for(20)
        alarms = [
            r[report.PANIC][report.PANIC_ID] for r in self.rig.desk.frames.values() if report.PANIC in r
        ]
        for stage in (5, 7):
            self.rig.desk.command(self.kid, PANIC_RECEIPT, {0: max(alarms), 1: stage})
        kernel.run_for(20)


def run(made, seed, days, driving_s=3600, day_s=DAY_S, heap=None, said=None):
    """A Days. `made`: a Kit of one terminal with SETTINGS; `said`: as of Month."""
    folder = tempfile.mkdtemp(prefix="patrola-month-")
    try:
        with Rig(made, folder, seed=seed, cpu=0, heap=heap) as rig:
            return Month(rig, seed, driving_s, day_s, said).play(days)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
