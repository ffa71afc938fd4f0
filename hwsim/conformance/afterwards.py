"""After a story that was kept: what was done to the world is undone, what is under way gets its time to
arrive, and the judges who stand outside (hwsim/checks) look at the whole of it. So each case is also held to
all that must never happen - no nonce twice, no lamp that lies, no 2.04 before the commit - and, where its own
story does not forbid it, to losing nothing."""

from hwsim.checks import Recorder, violations

_LOOK_S = 2
_LONGEST_S = 330  # who was suspended asks again after five minutes at most
_SETTLED_S = 6  # a batch more, a notification and its answer


class Judges:
    """Made before the story begins. `sentence()` after it: what was broken, or ""."""

    def __init__(self, stage, lost=None):
        self._stage = stage
        self._recorder = Recorder(stage.rig)
        self._lost = lost

    def close(self):
        self._recorder.close()

    def sentence(self):
        drained = self._lost is None
        if drained:
            self._mend()
            self._drain()
        found = violations(self._recorder, drained)
        if not found:
            return ""
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return f"beside the story: {found[0]}{more}"

    def _mend(self):
        stage = self._stage
        stage.say("the story is over, and all is well again", "sees")
        stage.middle.up = stage.middle.down = None
        stage.rig.network.partition(False)
        weather = stage.rig.network.weather
        weather.loss = weather.duplicate = weather.reorder = 0.0
        weather.rtt_ms = 60
        for car in stage.cars:
            car.modem.set_coverage(True)
            car.terminal.power_on()
        stage.mend()

    def _drain(self):
        """Until nothing that was on the air is missing, and a little longer."""
        kernel = self._stage.kernel
        end_us = kernel.now_us + _LONGEST_S * 1_000_000
        since_us = kernel.now_us
        while kernel.now_us < end_us and kernel.now_us - since_us < _SETTLED_S * 1_000_000:
            kernel.run_for(_LOOK_S)
            if any(self._missing(car) for car in self._stage.cars):
                since_us = kernel.now_us

    def _missing(self, car):
        kid = bytes.fromhex(car.kid)
        there = self._stage.at_headquarters(kid)
        sent = self._recorder.recording.cars[car.name].frames
        return any((kid, boot, seq) not in there for _, boot, seq in sent)
