"""The simulated terminal: how many times real time one core runs it, driving and parked."""

from benchmarks.work import drive

NAME = "hwsim"
ABOUT = "virtual seconds a second of one core, against the same run without looking ahead"


def run(bench):
    """Both sides live the same life, to the microsecond (tests/hwsim/test_horizon.py)."""
    drives = drive.Drives()
    try:
        for name, parked in (("driving", False), ("parked", True)):
            ours = (f"{name}, to the horizon without a word", drive.where(), drives.start(parked, True))
            peer = ("a message at every wait", drive.where(), drives.start(parked, False))
            bench.rates(name, ours, peer)
    finally:
        drives.close()
