"""The real terminal with its default settings: a parked car on duty is not missed, one in a tunnel is."""

import pytest

from hwsim.house import House
from hwsim.rig import Kit


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    return Kit(tmp_path_factory.mktemp("kit"))


@pytest.fixture
def house(kit, tmp_path):
    with House(kit, tmp_path) as one:
        yield one


def told(house, car):
    return house.centre.latest.get(car.kid, {}).get("presence", {}).get("presence")


def test_parked_is_not_lost_and_a_tunnel_is(house):
    (car,) = house.cars
    house.working()
    car.press("available")
    house.kernel.run_for(10)
    car.park()
    house.kernel.run_for(900)
    assert told(house, car) is None
    house.network.partition(True)
    # A minute, for its keep-alive comes each 40 s; the bench looks once in a minute.
    house.kernel.run_for(20)
    assert told(house, car) is None
    house.kernel.run_for(101)
    assert told(house, car) == "lost"
    house.network.partition(False)
    house.kernel.run_for(120)
    assert told(house, car) == "back"
    car.press("off_duty")
    house.kernel.run_for(30)
    house.network.partition(True)
    house.kernel.run_for(300)
    assert told(house, car) == "back"
    assert house.gateway.troubles == []
