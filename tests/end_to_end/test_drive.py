"""Recorded and invented drives over good and bad networks, an alarm in each: everything real but the
hardware, in virtual time."""

import pytest

from tests.portable import vectors

DRIVE = "nmea/drives/20100403_Z205_Switzerland_short.nmea"


def drive(house, seconds):
    """Drive, raise one alarm, drive on; then everything is to be where it belongs."""
    house.centre.auto_acknowledge_s = 1.0
    house.served(240)
    car = house.cars[0]
    house.wait(seconds)
    car.press("panic")
    assert house.until(lambda: all("shown" in alarm.at_ms for alarm in house.story.alarms), 120)
    house.wait(seconds)
    (alarm,) = house.story.alarms
    house.centre.clear(car.kid, alarm.panic)
    assert house.until(lambda: house.lamp(car) == "off", 120)
    assert house.drain(600), "it never became quiet"
    assert house.judge() == []
    created, stored = house.story.created(), house.story.count("stored")
    assert created == stored == house.story.count("relayed") > 5 * len(house.cars)
    return alarm


@pytest.mark.parametrize("seed", [1, 2])
def test_a_recorded_drive_over_a_bad_network(watch, seed):
    weather = {"loss": 0.2, "rtt_ms": 150, "jitter_ms": 30}
    house = watch(3, seed=seed, weather=weather, nmea=vectors(DRIVE))
    drive(house, 20)
    assert sum(car.path.counts["up_lost"] + car.path.counts["down_lost"] for car in house.cars) > 0
    places = {house.centre.places[car.kid] for car in house.cars}
    assert any(5 < lon < 11 and 45 < lat < 48 for lon, lat in places), "the one in Switzerland"


def test_a_good_network(watch):
    house = watch(3)
    alarm = drive(house, 20)
    assert alarm.at_ms["stored"] - alarm.at_ms["raised"] < 2000
    assert house.centre.repeats == 0


def test_everything_that_the_air_can_do_at_once(watch):
    weather = {"loss": 0.3, "rtt_ms": 900, "jitter_ms": 400, "duplicate": 0.1, "reorder": 0.1}
    house = watch(2, seed=4, weather=weather)
    drive(house, 20)
