# runs on: both
"""When a position is worth sending: time, distance, turn, moving off, stopping, ignition, alarm."""

from firmware import config
from firmware.gnss import Fix
from firmware.patrol import (
    ALARM,
    COURSE,
    DISTANCE,
    FIRST,
    IGNITION,
    MOVED,
    NOTHING,
    STOPPED,
    TIME,
    Patrol,
    cos_4096,
    distance_m,
    turn_deg,
)

LAT, LON = 449700000, 196100000  # Sremska Mitrovica


class Car:
    """Drives east in virtual seconds and notes what the patrol logic says."""

    def __init__(self, **settings):
        settings["host"] = "h"
        self.patrol = Patrol(config.check(settings)[0])
        self.fix = Fix()
        self.fix.valid = True
        self.fix.lat_e7, self.fix.lon_e7 = LAT, LON
        self.fix.speed_cm_s, self.fix.course_cdeg = 0, 9000
        self.now = 0
        self.ignition = None
        self.alarm = False
        self.said = []

    def drive(self, seconds, speed_cm_s=None, course_cdeg=None):
        """Reasons said, as (second, reason), in this stretch."""
        fix = self.fix
        if speed_cm_s is not None:
            fix.speed_cm_s = speed_cm_s
        if course_cdeg is not None:
            fix.course_cdeg = course_cdeg
        said = []
        for _ in range(seconds):
            self.now += 1000
            if fix.valid:
                fix.at_ms = self.now
                fix.lon_e7 += fix.speed_cm_s * 100000 // 78700  # a degree of longitude has 78.7 km here
            reason = self.patrol.decide(self.now, fix, self.ignition, self.alarm)
            if reason != NOTHING:
                said.append((self.now // 1000, reason))
                self.patrol.said(self.now, fix)
        return said


def test_distance_against_known_places():
    # Batrovci - Sremska Mitrovica: 40.4 km on the sphere; beyond 20 km an axis is capped.
    assert distance_m(LAT, LON, LAT, LON) == 0
    assert 99 <= distance_m(LAT, LON, LAT + 9000, LON) <= 101
    assert 99 <= distance_m(LAT, LON, LAT, LON + 12700) <= 101
    assert 140 <= distance_m(LAT, LON, LAT + 9000, LON - 12700) <= 143
    assert distance_m(LAT, 1799999000, LAT, -1799999000) <= 20
    assert distance_m(-LAT, LON, LAT, LON) >= 20000
    assert distance_m(899999999, 0, 899999999, 1800000000) <= 20000


def test_cosine_within_a_tenth_of_a_percent():
    for degrees, exact in ((0, 4096), (15, 3956), (44, 2946), (60, 2048), (75, 1060), (90, 0)):
        assert abs(cos_4096(degrees * 10000000) - exact) <= 4
        assert cos_4096(-degrees * 10000000) == cos_4096(degrees * 10000000)


def test_turns_go_the_short_way_round():
    assert turn_deg(35000, 1000) == 20
    assert turn_deg(1000, 35000) == 20
    assert turn_deg(0, 18000) == 180
    assert turn_deg(36000, 0) == 0


def test_the_first_position_goes_out_with_the_first_fix():
    assert Car().drive(1) == [(1, FIRST)]


def test_without_a_fix_the_first_one_goes_out_after_a_minute():
    car = Car()
    car.fix.valid = False
    assert car.drive(70) == [(60, FIRST)]


def test_parked_is_rare():
    car = Car()
    said = car.drive(3600)
    assert said[0] == (1, FIRST)
    assert [reason for _, reason in said[1:]] == [TIME] * 5
    assert said[2][0] - said[1][0] == 600


def test_driving_reports_by_distance_and_at_the_latest_by_time():
    car = Car()
    car.drive(10)
    car.drive(30, 3300)  # 120 km/h: 300 m in 9 or 10 s
    said = car.drive(100)
    assert {reason for _, reason in said} == {DISTANCE} and 9 <= len(said) <= 11
    car.drive(20, 600)
    said = car.drive(100)  # 22 km/h: 120 m in 20 s
    assert said == [(said[0][0] + 20 * n, TIME) for n in range(5)]


def test_moving_off_is_said_at_once_and_standing_for_a_minute_is_parking():
    car = Car()
    car.drive(100)
    assert car.drive(3, 900) == [(101, MOVED)]
    car.drive(200)
    said = car.drive(90, 0)
    assert said[-1][1] == STOPPED
    assert car.drive(500) == []


def test_a_red_light_is_not_parking():
    car = Car()
    car.drive(5)
    car.drive(100, 1400)
    assert STOPPED not in [reason for _, reason in car.drive(50, 0)]
    assert MOVED not in [reason for _, reason in car.drive(50, 1400)]


def test_a_turn_is_said_but_never_sooner_than_five_seconds():
    car = Car(moving_s=600, moving_m=10000)
    car.drive(1)
    car.drive(60, 800, 9000)
    said = []
    for corner in range(10):
        said += car.drive(2, 800, 9000 + 4000 * corner)
    assert said and {reason for _, reason in said} == {COURSE}
    for n in range(1, len(said)):
        assert said[n][0] - said[n - 1][0] >= 5


def test_the_course_of_a_car_at_rest_is_noise():
    car = Car()
    car.drive(10)
    said = []
    for course in range(0, 36000, 3100):
        said += car.drive(20, 50, course)
    assert said == []


def test_ignition_is_said_at_once_even_right_after_a_report():
    car = Car()
    car.ignition = True
    car.drive(1)
    car.ignition = False
    assert car.drive(2) == [(2, IGNITION)]
    car.ignition = True
    assert car.drive(2) == [(4, IGNITION)]


def test_an_open_alarm_is_followed_every_three_seconds_fix_or_no_fix():
    car = Car()
    car.drive(100)
    car.alarm = True
    said = car.drive(30)
    assert said == [(101 + 3 * n, ALARM) for n in range(10)]
    car.fix.valid = False
    assert len(car.drive(30)) == 10
    car.alarm = False
    assert car.drive(30) == []


def test_a_status_that_carried_the_position_counts_as_one():
    car = Car()
    car.drive(10)
    car.drive(300, 600)
    at = car.now
    car.patrol.said(at, car.fix)
    assert car.drive(19) == []
    assert car.drive(1) == [(at // 1000 + 20, TIME)]


def test_noise_of_a_receiver_at_rest_moves_no_parked_car():
    car = Car()
    car.drive(10)
    said = []
    for n in range(600):
        car.fix.lat_e7 = LAT + (n * 7919 % 1800) - 900  # ten metres about
        said += car.drive(1, 20 + n % 40)
    assert [reason for _, reason in said] in ([], [TIME])
