"""Short stories, each about one thing that must not go wrong, judged by the checkers alone. They stand beside
the conformance suite and the soak: what those meet by chance in hours, these meet within minutes.

`python -m tests.mutants.stories [--image FILE] NAME...` plays them and writes one line of JSON each.
"""

import argparse
import inspect
import json
import sys
import tempfile
from pathlib import Path

from hwsim.checks import violations
from hwsim.house import House
from hwsim.rig import Kit, Rig
from tests.mutants.intruder import Intruder
from tests.mutants.stage import Stage
from tests.mutants.starved import starved

_HANG = 2  # hwsim/faults/chip.py
_SUPERVISED = (2, 3, 4, 5, 6, 7)  # tasks of the terminal, in the order in which they are made


def shift(stage):
    """A short shift in bad weather: statuses, events, alarms, power lost in between."""
    stage.rig.working()
    stage.tap("available", "on_the_way", "event", "event", "on_scene")
    first = stage.alarm()
    stage.car.panel.press("panic", 250)  # too short
    stage.run(3)
    stage.tap("busy")
    stage.run(6)
    stage.power()
    stage.run(25)
    stage.acknowledge(first)
    stage.power(off_s=4)
    stage.run(20)
    second = stage.alarm(then_s=8)
    stage.car.panel.press("panic", 5000)  # long, and one alarm all the same
    stage.run(12)
    for panic in {first, second, second + 1}:
        stage.acknowledge(panic)
        stage.clear(panic)
    stage.tap("off_duty")
    stage.quiet()


def silence(stage):
    """No link: what is pressed is kept, through power cuts too, and arrives when the link is back."""
    stage.rig.working()
    stage.car.path.partitioned = True
    stage.run(5)
    stage.tap("available", "on_the_way", "event", "event", "event")
    stage.run(4)
    stage.alarm()
    stage.tap("on_scene")
    stage.run(3)
    stage.power()
    stage.run(12)
    stage.tap("busy", "event")
    stage.run(5)
    stage.alarm()
    stage.run(30)  # longer than any number of repeats that somebody may think enough
    stage.power()
    stage.run(40)
    stage.car.path.partitioned = False
    stage.quiet(limit_s=240)


def forger(stage):
    """Nothing gets through, and somebody answers in the gateway's place."""
    stage.rig.working()
    stage.tap("available")
    stage.alarm()  # a true one first: there are old answers to be used again
    intruder = Intruder(stage.rig, stage.car)
    stage.run(5)
    stage.car.path.partitioned = True
    intruder.forging = True
    stage.alarm(then_s=10)
    intruder.tell_the_car()
    stage.run(10)
    stage.power()
    stage.run(10)
    intruder.forging = False
    stage.car.path.partitioned = False
    stage.quiet()
    intruder.close()


def replays(stage):
    """Every request comes once more from elsewhere, before and after the gateway was killed."""
    stage.rig.working()
    intruder = Intruder(stage.rig, stage.car)
    for _ in range(3):
        stage.tap("available", "on_the_way", "on_scene", "busy", "event")
        stage.run(5)
        intruder.ask_headquarters()
        stage.run(5)
    for _ in range(45):
        stage.tap("available")  # more than a window of 64 with the keep-alives and positions
    intruder.ask_headquarters()
    stage.run(2)
    stage.restart()
    intruder.ask_headquarters()
    stage.run(10)
    stage.power()  # more numbers were used than are reserved at a time
    stage.run(14)
    stage.tap("off_duty")
    stage.quiet()
    intruder.close()


def killed(stage):
    """The gateway is killed at any of its steps while alarms come in, and loses power as well."""
    stage.rig.working()
    for number in range(8):
        stage.rig.gateway.kill_at(7 + 13 * number)
        panic = stage.alarm(then_s=2)
        stage.tap("available", "event")
        stage.rig.gateway.start()
        stage.run(4)
        stage.restart(power=number % 2 == 0)
        stage.run(4)
        if panic is not None and number % 3 == 0:
            stage.acknowledge(panic)
            stage.restart()
            stage.clear(panic)
    stage.quiet(limit_s=240)


def broker(stage):
    """The broker is slow, is killed, comes back; an alarm and everything else goes on from the journal."""
    stage.rig.working()
    stage.rig.broker.slow(1500)
    stage.tap("available", "on_the_way", "event")
    stage.alarm(then_s=2)
    stage.rig.broker.kill()  # with more than it could take under way
    stage.tap("on_scene", "busy")
    stage.run(5)
    stage.restart()
    stage.rig.broker.start()
    stage.rig.broker.slow(0)
    stage.run(10)
    panic = stage.alarm(then_s=8)
    stage.acknowledge(panic)
    stage.clear(panic)
    stage.quiet()


def disk(stage):
    """The gateway's disk is full, then fails to sync, while frames come in."""
    stage.rig.working()
    for trouble in ({"full": True}, {"fsync_error": "lost"}, {"fsync_error": "kept"}):
        stage.rig.gateway.disk(**trouble)
        stage.tap("available", "event")
        stage.alarm(then_s=6)
        stage.rig.gateway.disk(**dict.fromkeys(trouble, False))
        stage.run(15)
    stage.quiet(limit_s=240)


def suspended(stage):
    """Suspended for a while: what is pressed meanwhile comes when that is over."""
    stage.rig.working()
    stage.rig.gateway.suspend(stage.car.kid)
    stage.run(3)
    stage.tap("available", "event", "busy")
    stage.alarm(then_s=20)
    stage.rig.gateway.suspend(stage.car.kid, False)
    stage.quiet(limit_s=240)


def crowd(stage):
    """Many more urgent frames than their own room holds, and no link: none is dropped."""
    stage.rig.working()
    stage.car.path.partitioned = True
    for _ in range(40):
        stage.tap("available", "on_the_way", "on_scene", "busy", "off_duty")
    stage.alarm()
    stage.power()
    stage.run(15)
    stage.car.path.partitioned = False
    stage.quiet(limit_s=400)


def renewed(stage):
    """New keys on command, before and after a start, with alarms in between."""
    stage.rig.working()
    for _ in range(2):
        stage.rig.gateway.renew(stage.car.kid)
        stage.run(20)
        stage.tap("available")
        stage.alarm(then_s=5)
        stage.power()
        stage.run(20)
    stage.quiet()


def hang(stage):
    """One supervised task after the other hangs: each time the terminal starts again."""
    stage.rig.working()
    for task in _SUPERVISED[::2]:
        stage.kernel.emit("fault", "task_hang", car=stage.car.name, task=task, supervised=True)
        stage.car.terminal.afflict(_HANG, bytes((task,)))
        stage.run(110)
    stage.quiet()


def covert(stage):
    """No light and no sound, whatever comes."""
    stage.rig.working()
    panic = stage.alarm(then_s=6)
    stage.tap("available", "busy")
    stage.power()
    stage.run(15)
    stage.acknowledge(panic)
    stage.clear(panic)
    stage.quiet()


def starts(stage):
    """Power goes again and again, at program and erase too; each start makes new names and new nonces."""
    stage.rig.working()
    flash = stage.car.terminal.flash
    for number in range(6):
        flash.cut_at(flash.operations + 3 * number)
        stage.car.terminal.power_on()
        stage.tap("available")
        stage.alarm(then_s=2)
        stage.run(3)
        stage.power(off_s=1)
        stage.run(14)
    stage.quiet(limit_s=240)


# Name: the story, on a House (True) or a Rig, settings of the terminal, weather.
_BAD = {"loss": 0.15}
STORIES = {
    "shift": (shift, True, {}, _BAD),
    "silence": (silence, True, {}, {}),
    "forger": (forger, True, {}, {}),
    "replays": (replays, True, {}, {}),
    "killed": (killed, True, {}, _BAD),
    "broker": (broker, True, {}, {}),
    "disk": (disk, True, {}, {}),
    "suspended": (suspended, True, {}, {}),
    "crowd": (crowd, True, {"urgent_kb": 16, "bulk_kb": 32}, {}),
    "renewed": (renewed, True, {}, {}),
    "hang": (hang, False, {}, {}),
    "starved": (starved, False, {"moving_s": 2, "least_s": 2}, {}),
    "covert": (covert, True, {"covert": True}, {}),
    "starts": (starts, False, {}, {}),
}


def play(name, image=None, seed=7):
    """The violations of one story, as sentences."""
    story, whole, settings, weather = STORIES[name]
    with tempfile.TemporaryDirectory(prefix="patrola-story-") as folder:
        kit = Kit(Path(folder), settings=settings, image=image)
        bench = House if whole else Rig
        with bench(kit, folder, seed=seed, weather=weather) as rig:
            stage = Stage(rig)
            try:
                story(stage)
                return [str(violation) for violation in violations(stage.recorder)]
            finally:
                stage.recorder.close()


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tests.mutants.stories", description=__doc__)
    parser.add_argument("--image", type=Path)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args(arguments)
    if options.list:
        for name, row in STORIES.items():
            print(f"{name:10} {inspect.getdoc(row[0]).splitlines()[0]}")
        return 0
    broken = False
    for name in options.names or STORIES:
        try:
            found = play(name, options.image)
        except AssertionError as error:  # the terminal was never served: that is found, too
            found = [f"the story could not go on: {str(error).splitlines()[0]}"]
        broken = broken or bool(found)
        print(json.dumps({"check": name, "violations": found}), flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
