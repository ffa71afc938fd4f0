"""The real gateway in virtual time: one seed one run, what it costs, and what its machine can do to it."""

import hashlib

import pytest

from hwsim.house import House
from hwsim.rig import Kit
from protocol import coap

PARKED = {"keepalive_s": 300, "health_s": 3600}


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    return Kit(tmp_path_factory.mktemp("kit"), settings=PARKED)


@pytest.fixture
def house(kit, tmp_path):
    with House(kit, tmp_path) as one:
        yield one


def alarm(house):
    """An alarm through all of its stages."""
    (car,) = house.cars
    house.centre.auto_acknowledge_s = 1.0
    house.working()
    car.press("panic")
    assert house.kernel.run_until(lambda: house.story.cars[car.name].red == "acknowledged", 30)
    return car


def test_one_seed_is_one_run_and_another_seed_another(kit, tmp_path):
    def run(seed):
        with House(kit, tmp_path, seed=seed, weather={"loss": 0.2}) as house:
            car = alarm(house)
            house.gateway.kill_at(7)
            car.press("available")
            house.kernel.run_for(20)
            house.gateway.start()
            house.gateway.disk(fsync_error=True)
            house.kernel.run_for(5)
            house.gateway.disk(fsync_error=False)
            house.kernel.run_for(20)
            rows = [
                (row["boot"], row["seq"], row["relayed"], row["frame"]) for row in house.gateway.journal()
            ]
            return house.kernel.trace, hashlib.sha256(repr(rows).encode()).hexdigest()

    assert run(1) == run(1) != run(2)


def test_the_journal_has_every_frame_once_and_the_centre_all_of_them(house):
    car = alarm(house)
    car.park()
    house.kernel.run_for(60)
    rows = house.gateway.journal()
    names = [(row["kid"], row["boot"], row["seq"]) for row in rows]
    assert len(set(names)) == len(names) > 3
    assert set(names) == set(house.centre.frames) and house.centre.repeats == 0
    assert all(row["relayed"] for row in rows)
    ((_, stages),) = house.gateway.alarms().items()
    assert set(stages) == {"stored", "accepted", "acknowledged", "shown"}
    assert house.gateway.troubles == []


def test_a_parked_cars_gateway_does_next_to_nothing(house):
    """Steps are counted, not seconds: the same on every computer."""
    (car,) = house.cars
    house.working()
    car.park()
    house.kernel.run_for(120)
    before = house.gateway.loop.steps
    house.kernel.run_for(900)
    assert (house.gateway.loop.steps - before) / 900 < 1.0


def test_stopped_in_good_order_it_says_so_to_the_broker(house):
    house.working()
    states = []
    house.kernel.subscribe(
        lambda event: (
            states.append(event.fields["payload"])
            if event.what == "message" and event.fields["topic"].endswith("/state")
            else None
        )
    )
    house.gateway.stop()
    assert house.kernel.run_until(lambda: not house.gateway.running, 20)
    assert len(states) == 1 and b'"offline"' in states[0]
    assert house.seen("gateway.stopped")


def test_killed_its_will_is_done_and_started_again_it_goes_on(house):
    car = alarm(house)
    before = house.gateway.journal()
    house.gateway.kill(power=True)
    house.kernel.run_for(5)
    assert not house.gateway.running
    topics = [event.fields["topic"] for event in house.seen("message")]
    assert topics[-1] == "patrola/v1/gateway/bench/state"
    assert house.gateway.journal() == before
    house.gateway.start()
    car.press("available")
    assert house.kernel.run_until(lambda: len(house.gateway.journal()) > len(before), 60)
    assert house.gateway.starts == 2


def test_while_it_is_down_its_address_is_silent(house):
    house.working()
    house.gateway.kill()
    answers = []
    flow = house.network.path("stranger").socket(lambda data, source: answers.append(data))
    ping = coap.Message(coap.CON, 0, 7).encode()
    flow.send(ping, ("192.0.2.10", 5683))
    house.kernel.run_for(2)
    assert answers == []
    house.gateway.start()
    house.kernel.run_for(1)
    flow.send(ping, ("192.0.2.10", 5683))
    house.kernel.run_for(2)
    assert [coap.decode(data).type for data in answers] == [coap.RST]


def test_revoked_and_suspended_within_a_second(house):
    (car,) = house.cars
    house.working()
    house.gateway.suspend(car.kid)
    house.kernel.run_for(1)
    stored = len(house.gateway.journal())
    car.press("available")
    house.kernel.run_for(30)
    assert len(house.gateway.journal()) == stored
    house.gateway.suspend(car.kid, on=False)
    assert house.kernel.run_until(lambda: len(house.gateway.journal()) > stored, 400)
    house.gateway.revoke(car.kid)
    house.kernel.run_for(1)
    stored = len(house.gateway.journal())
    car.press("on_scene")
    house.kernel.run_for(60)
    assert len(house.gateway.journal()) == stored


def test_a_gateway_that_cannot_write_at_its_first_start_says_why_and_ends(house):
    house.gateway.lose_store()
    house.gateway.disk(full=True)
    house.gateway.start()
    house.kernel.run_for(1)
    assert not house.gateway.running
    (event,) = house.seen("gateway.failed")
    assert "disk is full" in event.fields["details"]["error"]
    house.gateway.disk(full=False)
    house.gateway.start()
    house.kernel.run_for(1)
    assert house.gateway.ready


def test_keys_of_contexts_that_are_over_are_still_known_to_the_bench(house):
    (car,) = house.cars
    house.working()
    known = set(house.gateway.contexts)
    house.gateway.renew(car.kid)
    assert house.kernel.run_until(lambda: car.air.handshakes == 2 and car.air.keys == "used", 60)
    house.kernel.run_for(400)
    assert house.seen("context.retired")
    assert known < set(house.gateway.contexts)
    assert all(house.context_of(name) for name in known)
