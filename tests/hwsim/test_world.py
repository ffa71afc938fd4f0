"""The cars of a demonstration: where they are, how they drive, what they are called."""

from itertools import pairwise

import pytest

from hwsim.roads import distance_m
from hwsim.world import track_of, units


def test_the_first_three_cars_belong_to_three_directorates():
    cars = units(3)
    assert [car.directorate for car in cars] == ["sremska-mitrovica", "border-police", "vranje"]


def test_any_number_of_cars_and_no_two_with_one_name():
    cars = units(200)
    assert len({(car.directorate, car.station, car.unit) for car in cars}) == 200
    assert len({car.call_sign for car in cars}) == 200
    assert all(
        slug.isascii() and slug == slug.lower()
        for car in cars
        for slug in (car.directorate, car.station, car.unit)
    )


@pytest.mark.parametrize("index", range(6))
def test_a_car_drives_like_a_car(index):
    track = track_of(units(6)[index], index)
    fixes = [track.at(s / 2) for s in range(7200)]
    assert any(fix.speed_m_s == 0 for fix in fixes[60:]), "it stops somewhere"
    for a, b in pairwise(fixes):
        moved = distance_m(a.lat, a.lon, b.lat, b.lon)
        assert moved <= 0.5 * max(a.speed_m_s, b.speed_m_s) + 2.0, "it does not jump"
        assert abs(b.speed_m_s - a.speed_m_s) < 3.0
        assert 0 <= a.speed_m_s <= 121 / 3.6
        assert 42.2 < a.lat < 46.2 and 18.8 < a.lon < 22.6, "it stays in Serbia"


def test_the_same_moment_gives_the_same_place():
    car = units(1)[0]
    track, other = track_of(car), track_of(car)
    late = track.at(500)
    assert track.at(100) == other.at(100)
    assert other.at(500) == late
