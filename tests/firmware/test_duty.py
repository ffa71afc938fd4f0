# runs on: both
"""The officer's tasks: what one key answers, and arrival that shows by itself."""

from firmware.duty import Duty
from firmware.gnss import Fix
from protocol.report import TASK_ACCEPTED, TASK_DONE, TASK_ON_SCENE

LAT, LON = 449700000, 196100000


def make():
    kept = []

    def store(rows):
        kept.append([list(row) for row in rows])

    return kept, Duty(100, store)


def at(lat, lon, speed=0):
    fix = Fix()
    fix.valid = True
    fix.lat_e7, fix.lon_e7, fix.speed_cm_s = lat, lon, speed
    return fix


def test_shown_accepted_on_scene_done():
    kept, duty = make()
    assert duty.shown(5, None, None)
    assert duty.key("on_scene") is None and duty.key("available") is None
    assert duty.key("accept") == (5, TASK_ACCEPTED)
    assert duty.key("accept") is None
    assert duty.key("on_scene") == (5, TASK_ON_SCENE)
    assert duty.key("available") == (5, TASK_DONE)
    assert duty.key("available") is None and kept[-1] == []


def test_available_before_the_scene_ends_nothing():
    kept, duty = make()
    duty.shown(5, None, None)
    duty.key("accept")
    assert duty.key("available") is None and duty.key("busy") is None


def test_the_newest_task_is_answered_first():
    kept, duty = make()
    duty.shown(1, None, None)
    duty.shown(2, None, None)
    assert duty.key("accept") == (2, TASK_ACCEPTED)
    assert duty.key("accept") == (1, TASK_ACCEPTED)


def test_a_task_that_comes_again_is_known():
    kept, duty = make()
    assert duty.shown(1, None, None) and not duty.shown(1, None, None)
    assert len(duty.open) == 1


def test_standing_at_the_place_is_arrival_driving_through_is_not():
    kept, duty = make()
    duty.shown(1, LAT, LON)
    assert duty.arrival(at(LAT, LON)) is None, "not accepted yet"
    duty.key("accept")
    assert duty.arrival(at(LAT, LON, 800)) is None
    assert duty.arrival(at(LAT + 12000, LON)) is None, "133 m away"
    assert duty.arrival(at(LAT + 7000, LON)) == (1, TASK_ON_SCENE)
    assert duty.arrival(at(LAT, LON)) is None
    assert duty.key("available") == (1, TASK_DONE)


def test_a_lost_fix_arrives_nowhere():
    kept, duty = make()
    duty.shown(1, LAT, LON)
    duty.key("accept")
    fix = at(LAT, LON)
    fix.valid = False
    assert duty.arrival(fix) is None


def test_an_accepted_task_survives_a_power_cut():
    kept, duty = make()
    duty.shown(9, LAT, LON)
    duty.key("accept")
    later = Duty(100, lambda rows: None)
    later.load(kept[-1])
    assert later.arrival(at(LAT, LON)) == (9, TASK_ON_SCENE)


def test_the_list_is_bounded():
    kept, duty = make()
    for id in range(20):
        duty.shown(id, None, None)
    assert [row[0] for row in duty.open] == list(range(12, 20))
