"""A terminal in virtual time: how many seconds of its life one second of a processor core gives."""

import os
import tempfile
import time
from pathlib import Path

from hwsim.house import House
from hwsim.rig import Kit, Rig

# What the firmware itself would choose: the bench's own settings make cars report more often than in service.
STANDARD = {"moving_s": 20, "moving_m": 300, "least_s": 5, "slow_s": 60, "track_s": 120}
_SETTLED_S = 240  # by then keys are made, points prepared, and a parked car has come to rest
_STEP_S = 120  # the end of each is a horizon too


class Drives:
    """One car, served by the bench's own headquarters, or by the gateway itself with a broker and an
    operations centre; with the chip's computing time charged."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="patrola-", ignore_cleanup_errors=True)
        self._kit = Kit(self._folder.name, settings=STANDARD)
        self._rigs = []

    def start(self, parked, look_ahead, gateway=False):
        folder = Path(self._folder.name, str(len(self._rigs)))
        folder.mkdir()
        rig = (House if gateway else Rig)(self._kit, folder)
        self._rigs.append(rig)
        rig.kernel.look_ahead = look_ahead
        rig.kernel.keep_apart()  # as the soak does
        rig.working()
        if parked:
            rig.cars[0].park()
        rig.kernel.run_for(_SETTLED_S)
        return Life(rig)

    def close(self):
        for rig in self._rigs:
            rig.__exit__()
        self._folder.cleanup()


class Life:
    def __init__(self, rig):
        self._rig = rig

    def rate(self, seconds):
        """Virtual seconds for each second of processor time, its own process and the program's together."""
        begun, lived = self._spent(), 0
        while self._spent() - begun < seconds:
            self._rig.kernel.run_for(_STEP_S)
            self._rig.events.clear()
            lived += _STEP_S
        return lived / (self._spent() - begun)

    def _spent(self):
        program = Path(f"/proc/{self._rig.cars[0].terminal.pid}/schedstat")
        try:
            return time.process_time() + int(program.read_text().split()[0]) / 1e9
        except OSError:  # no Linux: both wait for each other, so the wall tells the same on a machine at rest
            return time.perf_counter()


def where():
    return f"bench and MicroPython, {os.uname().machine}"
