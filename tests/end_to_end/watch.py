"""Runs in virtual time with everything real but wires, air and disk: how they begin, become quiet, and are
judged."""

from hwsim import checkers, technician
from hwsim.checks import Recorder, violations
from hwsim.house import House

SIZES = {"urgent_kb": 64, "bulk_kb": 256}
_A_DAY_MS = 86_400_000  # more is a clock that was wrong
SETTINGS = {"keepalive_s": 15, **SIZES}


class Watch(House):
    """A House with its judges."""

    def __init__(self, kit, directory, **options):
        super().__init__(kit, directory, **options)
        self.recorder = Recorder(self)
        self.kit = kit

    def until(self, condition, limit_s):
        return self.kernel.run_until(condition, limit_s)

    def wait(self, seconds):
        self.kernel.run_for(seconds)

    def lamp(self, car):
        return self.story.cars[car.name].red

    def listener(self):
        """The operations centre, unless the broker was killed and nothing can be expected of it."""
        return self.centre if self.broker.starts == 1 else None

    def drain(self, limit_s, quiet_s=20):
        """Park every car and wait until nothing is under way any more. False when that took too long."""
        for car in self.cars:
            car.park()
        end_us = self.kernel.now_us + limit_s * 1_000_000
        quiet_us, before = self.kernel.now_us, None
        while self.kernel.now_us < end_us:
            self.wait(1)
            # Its log may lack what a kill or a failing disk has kept it from saying.
            self.story.take_journal(self.gateway.journal())
            asked = sum(car.air.unanswered for car in self.cars)
            now = (len(self.story.frames), self.story.count("received"), asked)
            if asked or now != before or checkers.nothing_lost(self.story, self.listener()):
                quiet_us, before = self.kernel.now_us, now
            elif self.kernel.now_us - quiet_us > quiet_s * 1_000_000:
                return True
        return False

    def unsent(self, reader):
        """(kid, boot, seq) of what the flashes still hold when all power is gone."""
        found = set()
        for car in self.cars:
            car.terminal.power_off()
            path = car.terminal.flash.path
            found |= {(car.kid, *name) for name in technician.unsent(car.name, reader, path, SIZES)}
        return found

    def judge(self, drained=True, reader=None):
        """What was broken, as sentences. `reader` (of `technician.build_reader`) reads the flashes too."""
        self.wait(1)
        rules = violations(self.recorder, drained)
        left = self.unsent(reader) if reader else set()
        self.gateway.stop()
        self.until(lambda: not self.gateway.running, 20)
        self.story.take_journal(self.gateway.journal())
        lost = left - self.story.reached("stored")
        for name in left:
            self.story.frame(*name)
        self._stages()
        broken = checkers.check(self.story, self.centre, drained, self.listener() is not None)
        if lost and drained:
            broken.append(f"never left the car: {sorted(lost)}")
        return broken + [str(rule) for rule in rules] + [str(trouble) for trouble in self.gateway.troubles]

    def _stages(self):
        """What its log was kept from saying stands in its store."""
        known = self.gateway.alarms(self.gateway.epoch_ms + self.gateway.clock_offset_ms)
        for alarm in self.story.alarms:
            for stage, at_ms in known.get((alarm.car.kid, alarm.panic), {}).items():
                told = {"accepted": "relayed"}.get(stage, stage)
                if told != "shown" and abs(at_ms - alarm.at_ms["raised"]) < _A_DAY_MS:
                    alarm.at_ms[told] = min(at_ms, alarm.at_ms.get(told, at_ms))

    def served(self, limit_s=120):
        """Switch the cars on; the operations centre has heard of each."""
        self.working(limit_s)
        units = len(self.cars)
        assert self.until(lambda: len({name[0] for name in self.centre.frames}) == units, 60)
