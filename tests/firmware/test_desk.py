# runs on: both
"""Keys and commands at the desk: which frames are made, what the lamps show, what is answered."""

from firmware import config, desk
from firmware.commands import DONE, LATER, NOT_SUPPORTED, REFUSED
from firmware.desk import Desk
from firmware.duty import Duty
from firmware.gnss import Fix
from firmware.indicator import Indicator
from firmware.keys import KeyLogic
from firmware.panic import Panics
from protocol import report


class Maker:
    """Stands where ReportBuilder does: notes the frames, and may have a flash that fails."""

    def __init__(self):
        self.boot = 7
        self.status = None
        self.made = []
        self.flash_works = True

    def make(self, kind, field=None, value=None, panic=None, urgent=False, with_fix=True):
        self.made.append((kind, value, urgent))
        return len(self.made) - 1, self.flash_works


class Modem:
    def __init__(self):
        self.graces = 0

    @property
    def panic_active(self):
        return self.graces > 0

    @panic_active.setter
    def panic_active(self, on):
        self.graces = self.graces + 1 if on else 0


class Bench:
    def __init__(self, **settings):
        settings["host"] = "h"
        values = config.check(settings)[0]
        self.levels = {}
        self.now = 0
        writers = [self.writer(n) for n in ("red", "green", "buzzer", "vibrator")]
        self.indicator = Indicator(
            writers[0], writers[1], writers[2], writers[3], values["covert"], lambda: self.now
        )
        self.maker = Maker()
        self.kept = []
        self.panics = Panics(7, self.kept.append)
        self.duty = Duty(100, lambda rows: None)
        self.modem = Modem()
        self.desk = Desk(
            values, self.maker, self.panics, self.duty, self.indicator, self.modem, lambda level, text: None
        )

    def writer(self, name):
        def write(level):
            self.levels[name] = level

        return write

    def red(self):
        """Levels of the red lamp at every 50 ms of a second."""
        seen = []
        for _ in range(20):
            self.indicator.step()
            seen.append(self.levels["red"])
            self.now += 50
        return seen


FAST = [1, 1, 0, 0] * 5
SLOW = [1] * 10 + [0] * 10


def test_panic_is_a_frame_a_lamp_and_grace_for_the_modem():
    bench = Bench()
    bench.desk.key("panic", 0)
    id = 7 * 65536 + 1
    assert bench.maker.made == [
        (report.KIND_PANIC, {0: id, 1: report.PANIC_RAISED, 2: report.SOURCE_KEY}, True)
    ]
    assert bench.red() == FAST and bench.modem.panic_active
    assert bench.desk.panic_field()[0] == id


def test_the_lamp_follows_the_facts_and_only_them():
    bench = Bench()
    bench.desk.key("panic", 0)
    id = 7 * 65536 + 1
    bench.desk.stored(7, 99)
    bench.desk.stored(6, 0)
    assert bench.desk.command(desk.PANIC_RECEIPT, {0: id, 1: 4}) == DONE
    assert bench.red() == FAST, "the broker's receipt is not the gateway's"
    bench.desk.stored(7, 0)
    assert bench.red() == SLOW
    assert bench.desk.command(desk.PANIC_RECEIPT, {0: id + 1, 1: 5}) == REFUSED
    assert bench.red() == SLOW
    assert bench.desk.command(desk.PANIC_RECEIPT, {0: id, 1: 5}) == DONE
    assert bench.red() == [1] * 20
    assert bench.desk.command(desk.PANIC_RECEIPT, {0: id, 1: 7}) == DONE
    assert bench.red() == [0] * 20 and not bench.modem.panic_active and bench.desk.panic_field() is None


def test_commands_that_come_again_are_answered_the_same():
    bench = Bench()
    bench.desk.key("panic", 0)
    id = 7 * 65536 + 1
    for _ in range(3):
        assert bench.desk.command(desk.PANIC_RECEIPT, {0: id, 1: 5}) == DONE
    for _ in range(3):
        assert bench.desk.command(desk.PANIC_RECEIPT, {0: id, 1: 7}) == DONE
    assert bench.desk.command(desk.PANIC_RECEIPT, {0: id, 1: 5}) == DONE, (
        "it was shown, though it is closed now"
    )


def test_a_second_alarm_begins_to_blink_again():
    bench = Bench()
    bench.desk.key("panic", 0)
    bench.desk.stored(7, 0)
    bench.desk.key("panic", 0)
    assert bench.red() == FAST and bench.modem.graces == 1
    bench.desk.stored(7, 1)
    assert bench.red() == SLOW


def test_flash_that_fails_is_no_reason_to_be_silent():
    bench = Bench()
    bench.maker.flash_works = False
    bench.desk.key("panic", 0)
    assert bench.red() == FAST
    bench.desk.stored(7, 0)
    assert bench.red() == SLOW


def test_a_frame_that_could_not_be_made_is_made_later():
    bench = Bench()

    def fail(*arguments, **named):
        raise MemoryError

    make, bench.maker.make = bench.maker.make, fail
    try:
        bench.desk.key("panic", 0)
    except MemoryError:
        bench.maker.make = make
    bench.desk.tidy()
    assert [kind for kind, _, _ in bench.maker.made] == [report.KIND_PANIC]
    bench.desk.tidy()
    assert len(bench.maker.made) == 1


def test_a_drill_is_marked():
    bench = Bench(drill=True)
    bench.desk.key("panic", 0)
    assert bench.maker.made[0][1][1] == report.PANIC_DRILL
    assert bench.desk.panic_field()[1] == report.PANIC_DRILL


def test_each_status_key_has_its_code():
    bench = Bench()
    for name, code in (("available", 1), ("on_the_way", 2), ("on_scene", 3), ("busy", 4), ("off_duty", 5)):
        bench.desk.key(name, 0)
        assert bench.maker.made[-1] == (report.KIND_STATUS, code, True) and bench.maker.status == code


def test_an_event_has_its_count():
    bench = Bench(event_code=12)
    bench.desk.key("event", 9)
    assert bench.maker.made == [(report.KIND_EVENT, {0: 12, 1: 9}, True)]


def test_a_task_from_shown_to_done():
    bench = Bench()
    assert (
        bench.desk.command(desk.TASK, {0: 41, 1: "accident, kilometre 82", 2: 449700000, 3: 196100000})
        == DONE
    )
    bench.desk.key("accept", 0)
    fix = Fix()
    fix.valid, fix.lat_e7, fix.lon_e7, fix.speed_cm_s = True, 449700100, 196100000, 0
    bench.desk.arrival(fix)
    bench.desk.arrival(fix)
    bench.desk.key("available", 0)
    tasks = [value for kind, value, _ in bench.maker.made if kind == report.KIND_TASK]
    assert tasks == [{0: 41, 1: n} for n in (1, 2, 4, 5)]


def test_a_task_told_twice_is_shown_once():
    bench = Bench()
    for _ in range(2):
        assert bench.desk.command(desk.TASK, {0: 41, 1: "x"}) == DONE
    assert len(bench.maker.made) == 1


def test_a_task_that_makes_no_sense_is_refused_and_not_kept():
    """On flash it would break every look at the place and every key, in this boot and in all that follow."""
    bench = Bench()
    place = {2: 449700000, 3: 196100000}
    ids = ({0: "41"}, {0: -1}, {0: True}, {0: 1 << 53})
    places = ({2: "x"}, {2: 900000001}, {3: -1800000001}, {3: None})
    for wrong in ids + places:
        body = {0: 41}
        body.update(place)
        body.update(wrong)
        assert bench.desk.command(desk.TASK, body) == REFUSED, wrong
    assert bench.duty.open == [] and bench.maker.made == []


def test_what_it_does_not_know_it_says():
    bench = Bench()
    assert bench.desk.command(4, {}) == NOT_SUPPORTED
    assert bench.desk.command(5, None) == NOT_SUPPORTED
    assert bench.desk.command(desk.MESSAGE, {0: "come home"}) == DONE


def test_stuck_keys_are_told_by_their_place_on_the_panel():
    logic = KeyLogic(["panic", "event", "accept"], lambda a, b: a - b, 600, 30000, 2000, None)
    logic.stuck = 0b101
    assert desk.stuck_mask(logic) == 1 << 0 | 1 << 7


def test_in_a_covert_alarm_messages_and_tasks_wait_for_its_end():
    bench = Bench(covert=True)
    assert bench.desk.command(desk.MESSAGE, {0: "before"}) == DONE
    bench.desk.key("panic", 0)
    panic = bench.panics.newest().id
    assert bench.desk.command(desk.MESSAGE, {0: "who is there?"}) == LATER
    assert bench.desk.command(desk.TASK, {0: 9, 1: "come"}) == LATER
    assert [kind for kind, _, _ in bench.maker.made] == [report.KIND_PANIC], "no answer to what nobody heard"
    bench.desk.command(desk.PANIC_RECEIPT, {0: panic, 1: 7})
    assert bench.desk.command(desk.TASK, {0: 9, 1: "come"}) == DONE
    assert bench.maker.made[-1][1] == {report.TASK_ID: 9, report.TASK_ANSWER: report.TASK_SHOWN}


def test_in_an_open_alarm_that_is_not_covert_they_are_shown():
    bench = Bench()
    bench.desk.key("panic", 0)
    assert bench.desk.command(desk.MESSAGE, {0: "hold on"}) == DONE
