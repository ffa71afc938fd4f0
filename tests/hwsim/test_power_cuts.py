"""Power lost at random moments of the whole terminal, every second time in the middle of a flash operation:
every start succeeds, and every frame that once stood on flash comes to headquarters.

`PATROLA_POWER_CUTS=200` in the environment asks for more of them (`make power-cuts`).
"""

import os
import random

import pytest

from hwsim import journal_image
from hwsim.rig import Kit, Rig

CUTS = int(os.environ.get("PATROLA_POWER_CUTS", "16"))
SEED = int(os.environ.get("PATROLA_SEED", "1"))
STATUS_KEYS = ("available", "on_the_way", "on_scene", "busy", "off_duty")


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    return Kit(tmp_path_factory.mktemp("kit"))


class Shift:
    """A car whose power fails again and again."""

    def __init__(self, rig, seed):
        self.rig = rig
        self.kernel = rig.kernel
        self.car = rig.cars[0]
        self.terminal = self.car.terminal
        self.kid = bytes.fromhex(self.car.kid)
        self.rng = random.Random(seed)
        self.stood = {}  # (boot, seq) -> frame, of all that was ever found whole on flash

    def work(self):
        """The officer's keys, headquarters there or not; then some seconds, now and then a minute."""
        rng = self.rng
        self.rig.desk.awake = rng.random() < 0.6
        for _ in range(rng.randrange(4)):
            key = "panic" if rng.random() < 0.3 else rng.choice(STATUS_KEYS)
            delay_us = rng.randrange(4_000_000)
            self.kernel.after(delay_us, self.car.panel.press, key, 700 if key == "panic" else 120)
        self.kernel.run_for(60 if rng.random() < 0.1 else rng.uniform(0.2, 8))

    def cut(self):
        flash = self.terminal.flash
        if self.rng.random() < 0.5:
            flash.cut_at(flash.operations + self.rng.randrange(12))
            self.kernel.run_until(lambda: not self.terminal.powered, 20)
            flash.cut_at(None)
        self.terminal.power_off()
        for record in journal_image.records(self.terminal):
            name = record.boot, record.seq
            assert self.stood.setdefault(name, record.frame) == record.frame, "one name, two frames"

    def start(self):
        starts = self.terminal.starts
        self.kernel.run_for(1)
        self.terminal.power_on()
        self.kernel.run_for(2.5)
        assert self.terminal.starts == starts + 1, "it started by itself"
        assert not self.rig.seen("died") and not self.rig.seen("watchdog"), self.rig.lines()[-20:]

    def missing(self):
        return {name for name in self.stood if (self.kid, *name) not in self.rig.desk.frames}


def test_every_start_succeeds_and_nothing_that_stood_on_flash_is_lost(kit, tmp_path):
    with Rig(kit, tmp_path, seed=SEED) as rig:
        rig.working()
        shift = Shift(rig, SEED)
        torn = 0
        for _ in range(CUTS):
            shift.work()
            shift.cut()
            torn = len(rig.seen("torn"))
            shift.start()
        rig.desk.awake = True
        assert rig.kernel.run_until(lambda: not shift.missing(), 600), sorted(shift.missing())
        boots = {name[1] for name in rig.desk.named(shift.kid)}
        assert len(shift.stood) > 2 * CUTS and torn > CUTS // 4, (len(shift.stood), torn, len(boots))
        print(f"{CUTS} cuts, {torn} in a flash operation; {len(shift.stood)} frames, {len(boots)} boots")
