"""What the system promises when its servers die: nothing lost, one name for a frame, a lamp that never lies.

Real firmware and real gateway in virtual time; one outage of a real broker and the gateway's process on the
wall's clock, so that nothing is true of the bench alone.
"""

import pytest

from hwsim.bench import Bench


def sealed(house, reader=None):
    """Everything that was made gets through; the judges have nothing to say."""
    assert house.until(lambda: all("shown" in alarm.at_ms for alarm in house.story.alarms), 90), [
        alarm.as_json() for alarm in house.story.alarms
    ]
    for alarm in house.story.alarms:
        house.centre.clear(alarm.car.kid, alarm.panic)
    assert house.until(lambda: all("cleared" in alarm.at_ms for alarm in house.story.alarms), 30)
    assert house.drain(240), "it never became quiet"
    assert house.judge(reader=reader) == []
    created, stored = house.story.created(), house.story.count("stored")
    assert created == stored == house.story.count("relayed") > 5


@pytest.mark.parametrize("keep", [True, False])
def test_the_broker_is_away_while_an_officer_raises_the_alarm(watch, keep):
    """The gateway stores and answers; relay and acknowledgement follow when the broker is back, with its
    memory or without."""
    house = watch(2, republish_s=2)
    house.centre.auto_acknowledge_s = 1.0
    house.served()
    car = house.cars[0]
    house.broker.kill(keep=keep)
    away_ms = house.kernel.now_us / 1000
    car.press("panic")
    assert house.until(lambda: house.lamp(car) == "received", 10)
    house.cars[1].press("available")
    house.kernel.run(int(away_ms * 1000) + 20_000_000)
    (alarm,) = house.story.alarms
    assert alarm.stage == "stored" and house.lamp(car) == "received"
    house.broker.start()
    sealed(house)
    assert alarm.at_ms["stored"] - alarm.at_ms["raised"] < 3000
    assert alarm.at_ms["relayed"] > away_ms + 20_000


@pytest.mark.parametrize("power", [False, True])
def test_the_gateway_is_killed_twice_in_the_middle_of_an_alarm(watch, reader, power):
    """No frame is lost or stored twice, no stage is forgotten: what was acknowledged stays acknowledged."""
    house = watch(2, republish_s=2)
    house.served()
    car, other = house.cars
    house.gateway.kill(power=power)
    car.press("panic")
    other.press("on_scene")
    assert house.until(lambda: house.lamp(car) == "sending", 5)
    house.wait(4)
    assert house.lamp(car) == "sending", "nobody can have received it"
    house.gateway.start()
    assert house.until(lambda: house.centre.open_alarms(), 20)
    house.gateway.kill(power=power)
    ((kid, panic),) = house.centre.open_alarms()
    house.centre.acknowledge(kid, panic)
    house.wait(3)
    house.gateway.start()
    assert house.until(lambda: "acknowledged" in house.story.alarms[0].at_ms, 10), "the broker kept it"
    sealed(house, reader)


def test_killed_at_any_step_of_an_alarm(watch):
    """At each of the first 60 steps that the gateway takes for an alarm: stored once, shown, cleared."""
    house = watch(1, republish_s=2)
    house.centre.auto_acknowledge_s = 0.2
    house.served()
    (car,) = house.cars
    killed = 0
    for step in range(1, 61, 3):
        house.gateway.kill_at(step)
        count = len(house.story.alarms)
        car.press("panic")
        house.until(lambda: not house.gateway.running, 3)
        house.gateway.kill_at(1 << 60)
        if not house.gateway.running:
            killed += 1
            house.wait(0.5)
            house.gateway.start()
        assert house.until(lambda n=count: len(house.story.alarms) > n, 5)
        alarm = house.story.alarms[-1]
        assert house.until(lambda a=alarm: "shown" in a.at_ms, 30), (step, alarm.as_json())
        house.centre.clear(car.kid, alarm.panic)
        assert house.until(lambda: house.lamp(car) == "off", 30), step
    assert killed == 20
    sealed(house)


@pytest.mark.parametrize("fault", [{"full": True}, {"fsync_error": "lost"}, {"fsync_error": "kept"}])
def test_the_gateways_disk_fails_during_an_alarm(watch, fault):
    """Nothing is called received that is not on the disk; when it works again, everything gets there."""
    house = watch(1, republish_s=2)
    house.centre.auto_acknowledge_s = 1.0
    house.served()
    (car,) = house.cars
    house.gateway.disk(**fault)
    car.press("panic")
    assert house.until(lambda: house.lamp(car) == "sending", 5)
    house.wait(10)
    assert house.lamp(car) == "sending"
    assert house.gateway.disk_model.failed > 0
    house.gateway.disk(full=False, fsync_error=False)
    assert house.until(lambda: house.lamp(car) == "acknowledged", 30)
    sealed(house)


def test_a_slow_broker_delays_nobody_but_itself(watch):
    house = watch(1)
    house.centre.auto_acknowledge_s = 0.5
    house.served()
    house.broker.slow(4000)
    (car,) = house.cars
    car.press("panic")
    assert house.until(lambda: house.lamp(car) == "received", 5)
    (alarm,) = house.story.alarms
    assert house.until(lambda: "relayed" in alarm.at_ms, 30)
    assert alarm.at_ms["relayed"] - alarm.at_ms["stored"] > 4000
    house.broker.slow(0)
    sealed(house)


@pytest.mark.parametrize("years", [-3, 3])
def test_the_gateways_clock_is_wrong_by_years(watch, years):
    """Its time goes into receipts and records; alarms and their stages do not depend on it."""
    house = watch(1)
    house.centre.auto_acknowledge_s = 0.5
    house.gateway.clock_offset_ms = years * 365 * 86_400_000
    house.served()
    (car,) = house.cars
    car.press("panic")
    assert house.until(lambda: house.lamp(car) == "acknowledged", 30)
    house.gateway.clock_offset_ms = 0
    house.wait(5)
    car.press("available")
    sealed(house)


def test_what_never_left_the_car_is_found_on_its_flash_and_counted_as_lost(watch, reader):
    """The judge can say no: a run in which nothing gets through is not called a good one."""
    house = watch(1)
    house.network.partition(True)
    house.start()
    (car,) = house.cars
    house.wait(8)
    car.press("panic")
    assert house.until(lambda: house.lamp(car) == "sending", 5)
    broken = house.judge(reader=reader)
    assert house.story.count("stored") == 0 and house.story.created() > 0
    assert any("never stored" in sentence for sentence in broken)
    assert any("never left the car" in sentence for sentence in broken)


async def test_on_the_walls_clock_a_real_broker_is_away_while_an_officer_raises_the_alarm():
    async with Bench(terminals=1, republish_s=2) as bench:
        bench.operator.auto_acknowledge_s = 1.0
        bench.do(bench.fleet.start)
        assert await bench.until(lambda: bench.story.reached("stored"), 60)
        (car,) = bench.fleet.cars
        bench.broker.kill()
        bench.do(car.press, "panic")
        assert await bench.until(lambda: bench.story.cars[car.name].red == "received", 10)
        (alarm,) = bench.story.alarms
        assert alarm.stage == "stored"
        await bench.broker.start()
        assert await bench.until(lambda: "shown" in alarm.at_ms, 60)
        bench.do(bench.operator.clear, car.kid, alarm.panic)
        assert await bench.until(lambda: "cleared" in alarm.at_ms, 30)
        assert await bench.drain(90), "it never became quiet"
        report, broken = await bench.judge()
        assert broken == []
        assert report["created"] == report["stored"] == report["relayed"]
        assert report["lost"] == report["unsent_on_flash"] == 0
