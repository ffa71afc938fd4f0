"""Keys of the link with the real gateway: killed in the middle of handshakes, its store lost, renewals by
command. Virtual time, real firmware, one seed each."""

import pytest

LOSSY = {"loss": 0.2, "rtt_ms": 100, "jitter_ms": 20}


def made(house):
    """Names of all frames that the cars have made, as far as anybody can know."""
    highest = {}
    for kid, boot, seq in house.story.frames:
        highest[kid, boot] = max(seq, highest.get((kid, boot), -1))
    return {(kid, boot, n) for (kid, boot), seq in highest.items() for n in range(seq + 1)}


@pytest.mark.parametrize("seed", [1, 2])
def test_the_gateway_is_killed_in_the_middle_of_every_first_handshake(watch, seed):
    """A context that a terminal believes in is one that the gateway has on its disk: nobody is locked out."""
    house = watch(2, seed=seed)
    house.start()
    cars = house.cars
    for number in range(3):
        if house.until(lambda: any(car.air.keys == "handshake" for car in cars), 60):
            house.gateway.kill_at(1 + 4 * number)
            assert house.until(lambda: not house.gateway.running, 60)
            house.wait(1.0)
            house.gateway.start()
    assert house.gateway.starts == 4
    assert house.until(lambda: all(car.air.keys == "used" for car in cars), 180)
    assert house.until(lambda: all(house.gateway.named(bytes.fromhex(car.kid)) for car in cars), 60)
    assert house.drain(240), "it never became quiet"
    assert house.judge() == []
    assert len(house.story.journal) == len(made(house)) > 2


def test_terminals_find_back_by_themselves_after_the_store_was_lost(watch):
    """Journal, registry and contexts are gone; the same public keys are enrolled again, and that is all."""
    house = watch(2)
    house.served()
    cars = house.cars
    cars[0].press("available")
    before = {car.name: car.air.handshakes for car in cars}
    house.gateway.lose_store()
    cars[1].press("on_scene")
    house.wait(2)
    house.gateway.start()
    gone_us = house.kernel.now_us
    assert house.until(
        lambda: all(car.air.handshakes > before[car.name] and car.air.keys == "used" for car in cars), 120
    )
    print(f"served again after {(house.kernel.now_us - gone_us) / 1e6:.1f} s")
    cars[0].press("panic")
    assert house.until(lambda: house.lamp(cars[0]) == "received", 30)
    for car in cars:
        car.park()
    assert house.until(lambda: made(house) <= set(house.centre.frames), 120), made(house) - set(
        house.centre.frames
    )
    assert house.centre.unverified == [] and house.centre.conflicts == []
    assert [trouble for tale in house.story.cars.values() for trouble in tale.trouble] == []


def answered(car, house):
    """The gateway has answered something under the newest keys, and the answer came through: what is asked
    for before that has been done already (ADR 11)."""
    since = max(event.t_us for event in house.seen("keys"))
    return any(
        event.source == car.name
        and event.fields["direction"] == "down"
        and event.fields["fate"] == "sent"
        and event.t_us > since
        for event in house.seen("air")
    )


@pytest.mark.parametrize("seed", range(1, 6))
def test_keys_are_renewed_by_command_while_driving_and_in_an_alarm(watch, reader, seed):
    """Twice, with a fifth of the datagrams lost. What is asked for in an alarm is done after it."""
    house = watch(1, seed=seed, weather=LOSSY)
    house.centre.auto_acknowledge_s = 1.0
    house.served(180)
    (car,) = house.cars
    for number in range(2):
        assert house.until(lambda: answered(car, house), 60)
        house.wait(1)
        done = car.air.handshakes
        house.centre.renew(car.kid)
        if number == 1:
            car.press("panic")
            assert house.until(lambda: any("shown" in a.at_ms for a in house.story.alarms), 60)
            (alarm,) = house.story.alarms
            house.centre.clear(car.kid, alarm.panic)
            assert house.until(lambda a=alarm: "cleared" in a.at_ms, 60)
        assert house.until(lambda n=done: car.air.handshakes > n and car.air.keys == "used", 200), number
    assert house.drain(300), "it never became quiet"
    assert house.story.gateway["edhoc.established"] >= 3
    assert house.story.gateway["context.used"] >= 3
    assert house.judge(reader=reader) == []
