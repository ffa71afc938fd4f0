"""What the system promises when its servers die: nothing lost, one name for a frame, a lamp that never lies.

Real firmware, real gateway, real broker; the wall's clock.
"""

from hwsim.bench import Bench

KEEP = {"keepalive_s": 15}


async def linked(bench):
    """Switch the cars on; every terminal has its socket and has been heard of."""
    bench.do(bench.fleet.start)
    assert await bench.until(
        lambda: len({name[0] for name in bench.story.reached("stored")}) == len(bench.fleet.cars), 60
    )


async def sealed(bench):
    """Everything that was made gets through; the judge has nothing to say."""
    assert await bench.until(lambda: all("shown" in alarm.at_ms for alarm in bench.story.alarms), 60), [
        alarm.as_json() for alarm in bench.story.alarms
    ]
    for alarm in bench.story.alarms:
        bench.do(bench.operator.clear, alarm.car.kid, alarm.panic)
    assert await bench.until(lambda: all("cleared" in alarm.at_ms for alarm in bench.story.alarms), 30)
    assert await bench.drain(90), "it never became quiet"
    report, broken = await bench.judge()
    assert broken == []
    assert report["created"] == report["stored"] == report["relayed"] > 10
    assert report["lost"] == report["unsent_on_flash"] == 0
    return report


async def test_the_broker_is_away_for_20_s_while_an_officer_raises_the_alarm():
    """The gateway stores and answers; relay and acknowledgement follow when the broker is back."""
    async with Bench(terminals=2, republish_s=2) as bench:
        bench.operator.auto_acknowledge_s = 1.0
        await linked(bench)
        car = bench.fleet.cars[0]
        bench.broker.kill()
        away_ms = bench.kernel.now_us / 1000
        bench.do(car.press, "panic")
        assert await bench.until(lambda: bench.story.cars[car.name].red == "received", 10)
        bench.do(bench.fleet.cars[1].press, "available")
        await bench.until(lambda: False, away_ms / 1000 + 20 - bench.kernel.now_us / 1e6)
        (alarm,) = bench.story.alarms
        assert alarm.stage == "stored" and bench.story.cars[car.name].red == "received"
        await bench.broker.start()
        await sealed(bench)
        assert alarm.at_ms["stored"] - alarm.at_ms["raised"] < 3000
        assert alarm.at_ms["relayed"] > away_ms + 20_000


async def test_the_gateway_is_killed_twice_in_the_middle_of_an_alarm():
    """No frame is lost or stored twice, no stage is forgotten: what was acknowledged stays acknowledged."""
    async with Bench(terminals=2, settings=KEEP, republish_s=2) as bench:
        await linked(bench)
        car, other = bench.fleet.cars
        await bench.headquarters.kill9()
        bench.do(car.press, "panic")
        bench.do(other.press, "on_scene")
        assert await bench.until(lambda: bench.story.cars[car.name].red == "sending", 5)
        await bench.until(lambda: False, 4)
        assert bench.story.cars[car.name].red == "sending", "nobody can have received it"
        await bench.headquarters.start()
        assert await bench.until(lambda: bench.operator.open_alarms(), 20)
        await bench.headquarters.kill9()
        ((kid, panic),) = bench.operator.open_alarms()
        bench.do(bench.operator.acknowledge, kid, panic)
        await bench.until(lambda: False, 3)
        await bench.headquarters.start()
        # The broker kept the command, or the operator, who sees the alarm still open, gives it again.
        if not await bench.until(lambda: "acknowledged" in bench.story.alarms[0].at_ms, 10):
            bench.do(bench.operator.acknowledge, kid, panic)
        report = await sealed(bench)
        assert bench.operator.conflicts == []
        assert report["unverified"] == 0


async def test_what_never_left_the_car_is_found_on_its_flash_and_counted_as_lost():
    """The judge can say no: a run in which nothing gets through is not called a good one."""
    async with Bench(terminals=1) as bench:
        bench.network.partition(True)
        bench.do(bench.fleet.start)
        (car,) = bench.fleet.cars
        await bench.until(lambda: False, 4)
        bench.do(car.press, "panic")
        assert await bench.until(lambda: bench.story.cars[car.name].red == "sending", 5)
        report, broken = await bench.judge()
        assert report["stored"] == report["relayed"] == 0
        assert report["created"] == report["lost"] == report["unsent_on_flash"] > 0
        assert any("never stored" in sentence for sentence in broken)
        assert (report["panics"][0]["stored_ms"], report["panics"][0]["shown_ms"]) == (None, None)
