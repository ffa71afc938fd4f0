"""The simulated terminal: how many times real time one core runs it, driving and parked, alone and with its
gateway."""

from benchmarks.work import drive

NAME = "hwsim"
_LIVES = (
    ("driving", False, False),
    ("parked", True, False),
    ("driving with its gateway", False, True),
    ("parked with its gateway", True, True),
)
ABOUT = "virtual seconds a second of one core, against the same run without looking ahead"


def run(bench):
    """Both sides live the same life, to the microsecond (tests/hwsim/test_horizon.py)."""
    drives = drive.Drives()
    try:
        for name, parked, gateway in _LIVES:
            ours = (
                f"{name}, to the horizon without a word",
                drive.where(),
                drives.start(parked, True, gateway),
            )
            peer = ("a message at every wait", drive.where(), drives.start(parked, False, gateway))
            bench.rates(name, ours, peer)
    finally:
        drives.close()
