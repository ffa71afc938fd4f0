"""TASK: tasks and messages of the operations centre."""

from hwsim.conformance import signs
from hwsim.conformance.case import case
from hwsim.conformance.signs import answered, sound, stored
from protocol import report


def answer(task, number):
    """A task report."""
    return stored("task", f"{task} with answer {number}", lambda r: r[report.TASK] == {0: task, 1: number})


@case("TASK-01", "officer.task", "frame.task", "resources.c", against="TASK-02")
def shown(s):
    """A task is told by three short beeps and answered "shown", once."""
    s.working()
    command = s.task(71)
    s.expect(sound("message"), 1)
    s.expect(answered(command, 1), 2)
    s.expect(answer(71, 1), 2)
    s.wait(90, "the list of commands is asked for again")
    s.count(sound("message"), 1)
    s.count(stored("task"), 1)


@case("TASK-02", "officer.task", against="TASK-01")
def no_task(s):
    """ACCEPT without a task answers nothing."""
    s.working()
    s.press("accept")
    s.never(stored("task"), 5)


@case("TASK-03", "officer.task", "frame.task", against="TASK-04")
def accepted(s):
    """ACCEPT is yes to the newest task."""
    s.working()
    s.task(71)
    s.expect(answer(71, 1), 3)
    s.task(72)
    s.expect(answer(72, 1), 3)
    s.press("accept")
    s.expect(answer(72, 2), 2)
    s.never(answer(71, 2), 3)


@case("TASK-04", "officer.task", against="TASK-03")
def once(s):
    """A second ACCEPT does not accept the same task again; with one task only, it says nothing."""
    s.working()
    s.task(71)
    s.expect(answer(71, 1), 3)
    s.press("accept")
    s.wait(2)
    s.press("accept")
    s.wait(3)
    s.count(answer(71, 2), 1)


@case("TASK-05", "officer.task", against="TASK-06")
def on_scene_and_done(s):
    """ON SCENE tells arrival at an accepted task, AVAILABLE ends it."""
    s.working()
    s.task(71)
    s.expect(answer(71, 1), 3)
    for key, number in (("accept", 2), ("on_scene", 4), ("available", 5)):
        s.press(key)
        s.expect(answer(71, number), 2)
        s.wait(1)


@case("TASK-06", "officer.task", against="TASK-05")
def not_done(s):
    """AVAILABLE ends no task at whose scene nobody was; ON SCENE tells no arrival at one that was not
    accepted."""
    s.working()
    s.task(71)
    s.expect(answer(71, 1), 3)
    s.press("on_scene")
    s.wait(1.5)
    s.press("accept")
    s.wait(1.5)
    s.press("available")
    s.wait(3)
    s.equal([r[report.TASK][1] for r in s.reports("task")], [1, 2], "answers")


@case("TASK-07", "officer.task", "settings.officer", against="TASK-08")
def arrival(s):
    """Standing at the place of an accepted task is told by itself."""
    s.car.gnss.moving = False
    s.working()
    s.wait(15)
    here = _here(s)
    s.task(71, here[0] + 0.0003, here[1])
    s.expect(answer(71, 1), 3)
    s.press("accept")
    s.expect(answer(71, 4), 10)


@case("TASK-08", "officer.task", "settings.officer", against="TASK-07")
def elsewhere(s):
    """Standing 200 m from it is not, nor is standing at the place of a task that was not accepted."""
    s.car.gnss.moving = False
    s.working()
    s.wait(15)
    here = _here(s)
    s.task(71, *here)
    s.expect(answer(71, 1), 3)
    s.wait(5)
    s.task(72, here[0] + 0.0018, here[1])
    s.expect(answer(72, 1), 3)
    s.press("accept")
    s.expect(answer(72, 2), 3)
    s.never(answer(72, 4), 15, s.began_us)
    s.never(answer(71, 4), since=s.began_us)


@case("TASK-09", "resources.c", against="TASK-01")
def nonsense(s):
    """A task at a place that is none is refused, a command of an unknown kind not supported; both are
    answered."""
    s.working()
    bad = s.command(1, {0: 71, 1: "?", 2: 2_000_000_000, 3: 0}, "a task beyond the pole")
    s.expect(answered(bad, 3), 3)
    strange = s.command(77, {0: 1}, "a command of kind 77")
    s.expect(answered(strange, 2), 3)
    s.never(sound(), 2, s.began_us)
    s.equal(s.reports("task"), [], "task reports")


@case("TASK-10", "power", "officer.task", against="TASK-04")
def over_power(s):
    """A task accepted before power was lost can be worked on after."""
    s.working()
    s.task(71)
    s.expect(answer(71, 1), 3)
    s.press("accept")
    s.expect(answer(71, 2), 2)
    s.wait(3)
    s.cut_power(3)
    s.expect(signs.start(), 4)
    s.wait(20)
    s.press("on_scene")
    s.expect(answer(71, 4), 10)


@case("TASK-11", "officer.task", against="TASK-12")
def message(s):
    """A message is told by three short beeps, and answered."""
    s.working()
    command = s.message()
    s.expect(sound("message"), 1)
    s.expect(answered(command, 1), 2)


@case("TASK-12", "panic.covert", "officer.task", against="TASK-11", settings={"covert": True})
def hushed(s):
    """In a covert alarm a message makes no sound and is not answered as shown; it is told when the alarm is
    over."""
    s.working()
    id = s.alarm(3, s.hold_panic())
    s.wait(2)
    since = s.kernel.now_us
    command = s.message()
    s.never(sound(pin="buzzer"), 8, since)
    s.never(answered(command), since=since)
    s.clear(id)
    s.expect(sound("message"), 75)
    s.expect(answered(command, 1), 75)


@case("TASK-13", "officer.task", "delivery.once", against="TASK-03")
def same_task(s):
    """The same task, sent again as another command, is answered, but neither told nor reported again."""
    s.working()
    s.task(71)
    s.expect(answer(71, 1), 3)
    s.wait(3)
    again = s.task(71)
    s.expect(answered(again, 1), 3)
    s.wait(3)
    s.count(sound("message"), 1)
    s.count(answer(71, 1), 1)


def _here(s):
    fix = s.car.gnss.track.at(0)
    return fix.lat, fix.lon
