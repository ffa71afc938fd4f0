"""Where a story of stories.py is played."""

from hwsim.checks import Recorder

_LIMIT_S = 120


class Stage:
    """One car, and whoever it talks to. `rig` is a House or a Rig."""

    def __init__(self, rig):
        self.rig = rig
        self.kernel = rig.kernel
        (self.car,) = rig.cars
        self.recorder = Recorder(rig)

    def run(self, seconds):
        self.kernel.run_for(seconds)

    def tap(self, *keys):
        for key in keys:
            self.car.panel.press(key, 120)
            self.run(1)

    def alarm(self, then_s=3):
        """PANIC is held; the id that headquarters knows it by, or None."""
        self.car.panel.press("panic", 900)
        self.run(then_s)
        frames = [frame for _, frame in self.recorder.recording.cars[self.car.name].frames.values()]
        ids = [frame.panic[0] for frame in frames if frame.raises]
        return max(ids, default=None)

    def power(self, off_s=2):
        self.car.terminal.cut_power(off_s)

    def acknowledge(self, panic):
        self.rig.centre.acknowledge(self.car.kid, panic)
        self.run(8)

    def clear(self, panic):
        self.rig.centre.clear(self.car.kid, panic)
        self.run(8)

    def restart(self, off_s=1.0, power=False):
        """The gateway is killed and started again."""
        self.rig.gateway.kill(power)
        self.run(off_s)
        self.rig.gateway.start()
        self.run(3)

    def quiet(self, limit_s=_LIMIT_S):
        """Until everything that was on the air has been confirmed, and nothing more comes for a while."""
        self.car.park()
        tale = self.recorder.recording.cars[self.car.name]
        since = self.kernel.now_us
        calm = 0
        while calm < 4 and self.kernel.now_us - since < limit_s * 1_000_000:
            self.run(7)
            confirmed = {name for receipt in tale.receipts for name in receipt.names}
            calm = calm + 1 if confirmed.issuperset(tale.frames) else 0
