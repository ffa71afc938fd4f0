"""Terminals that run on past what other terminals do: nothing may reach them sooner than it could."""

import pytest

from hwsim import soak
from hwsim.faults import Faults
from hwsim.house import House
from hwsim.kernel import ASIDE, HOUSE, PROGRAM, Kernel
from hwsim.rig import Kit


def test_events_of_one_moment_happen_lane_after_lane_and_inherit_theirs():
    kernel, said = Kernel(), []
    one, two = kernel.new_lane(), kernel.new_lane()

    def say(name):
        said.append((name, kernel.lane))
        if name == "b":
            kernel.after(0, say, "after b")
            kernel.subscribe(lambda event: said.append((event.what, kernel.lane)))
            kernel.emit("car", "told")

    kernel.at_lane(two, 50, say, "b")
    kernel.at_lane(one, 50, say, "a")
    kernel.at(50, say, "everybody's")
    kernel.run(100)
    assert said == [("everybody's", 0), ("a", one), ("b", two), ("told", 0), ("after b", two)]
    assert kernel.lane == 0


def test_the_horizon_is_what_can_reach_that_lane():
    kernel, seen = Kernel(), []
    one, two = kernel.new_lane(), kernel.new_lane()
    times = ((0, 9000), (HOUSE, 3000), (one, 8000), (one + PROGRAM, 8500), (one + ASIDE, 10), (two, 2000))
    for lane, when_us in times:
        kernel.at_lane(lane, when_us, lambda: None)
    gone = kernel.at_lane(one, 1500, lambda: None)

    def look():
        gone.cancel()
        seen.append([kernel.horizon_us(lane, 4000) for lane in (one, two)])
        kernel.keep_apart()
        seen.append([kernel.horizon_us(lane, 4000) for lane in (one, two)])

    kernel.at(1000, look)
    kernel.run(20_000)
    assert seen == [[(2000, 0), (2000, 0)], [(7000, 8500), (2000, 9000)]]


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    return Kit(tmp_path_factory.mktemp("kit"), units=2, settings=soak.SETTINGS)


def lived(kit, folder, apart):
    folder.mkdir()
    with House(kit, folder, seed=5) as house:
        events = []
        house.kernel.subscribe(lambda event: events.append((event.t_us, event.source, event.what)))
        made = soak.Soak(house, 5, 0.1, Faults(loss=0.2, duplicate=0.1, modem_reset=9, power_cut=9))
        if not apart:
            house.kernel._by_lane = None
        made.play()
        return events, sum(car.terminal.messages for car in house.cars)


def test_cars_apart_live_the_same_lives_in_fewer_messages(kit, tmp_path):
    """Of what the heap has free, the health frames say other numbers: messages leave garbage."""
    together, many = lived(kit, tmp_path / "together", False)
    apart, few = lived(kit, tmp_path / "apart", True)
    assert apart == together
    assert few * 1.5 < many


def test_what_comes_from_another_lane_at_once_is_no_run_but_an_error(kit, tmp_path):
    with House(kit, tmp_path, seed=2) as house:
        house.working()
        house.kernel.keep_apart()
        one, two = house.cars

        def press():
            lane, house.kernel.lane = house.kernel.lane, two.terminal.lane
            for later_us in range(50_000, 3_000_000, 50_000):
                house.kernel.after(later_us, one.terminal.pin_in, "panic", later_us // 50_000 % 2)
            house.kernel.lane = lane

        house.kernel.after(1_000_000, press)
        with pytest.raises(RuntimeError, match="has run on to"):
            house.kernel.run_for(5)


def test_one_seed_is_one_run_also_by_what_the_heap_has_free(tmp_path):
    """Health frames tell it, so the garbage of a handshake must be the same each time."""
    kit = Kit(tmp_path, settings=soak.SETTINGS | {"health_s": 60})

    def trace():
        with House(kit, tmp_path, seed=3) as house:
            house.working()
            house.kernel.run_for(200)
            told = [e.fields for e in house.seen("message") if e.fields["topic"].endswith("/health")]
            assert len(told) >= 4 and all(b"free_heap" in fields["payload"] for fields in told)
            return house.kernel.trace

    assert trace() == trace()
