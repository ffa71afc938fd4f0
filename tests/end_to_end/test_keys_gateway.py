"""Keys of the link with the real gateway as a process: killed in the middle of handshakes, its store lost,
renewals by command. The wall's clock."""

from hwsim.bench import Bench

KEEP = {"keepalive_s": 15}


async def served(bench, limit_s=90):
    """Switch the cars on; each has been heard of under keys of its own."""
    bench.do(bench.fleet.start)
    assert await bench.until(
        lambda: len({name[0] for name in bench.story.reached("stored")}) == len(bench.fleet.cars), limit_s
    )


def made(bench):
    """Names of all frames that the cars have made, as far as anybody can know."""
    highest = {}
    for kid, boot, seq in bench.story.frames:
        highest[kid, boot] = max(seq, highest.get((kid, boot), -1))
    return {(kid, boot, n) for (kid, boot), seq in highest.items() for n in range(seq + 1)}


async def test_the_gateway_is_killed_in_the_middle_of_every_first_handshake():
    """A context that a terminal believes in is one that the gateway has on its disk: nobody is locked out."""
    async with Bench(terminals=2, settings=KEEP) as bench:
        bench.do(bench.fleet.start)
        cars = bench.fleet.cars
        for _ in range(3):
            if await bench.until(lambda: any(car.air.keys == "handshake" for car in cars), 40):
                await bench.headquarters.kill9()
                await bench.until(lambda: False, 1.0)
                await bench.headquarters.start()
        assert await bench.until(lambda: all(car.air.keys == "used" for car in cars), 120)
        assert await bench.until(
            lambda: len({name[0] for name in bench.story.reached("stored")}) == len(cars), 60
        )
        assert await bench.drain(90), "it never became quiet"
        report, broken = await bench.judge()
        assert broken == []
        assert report["created"] == report["stored"] == report["relayed"] > 2


async def test_terminals_find_back_by_themselves_after_the_store_was_lost():
    """Journal, registry and contexts are gone; the same public keys are enrolled again, and that is all."""
    async with Bench(terminals=2, settings=KEEP) as bench:
        await served(bench)
        cars = bench.fleet.cars
        bench.do(cars[0].press, "available")
        before = {car.name: car.air.handshakes for car in cars}
        await bench.headquarters.kill9()
        bench.headquarters.lose_store()
        bench.do(cars[1].press, "on_scene")
        units = {car.kid: car.unit for car in cars}
        publics = dict(bench.headquarters.enrolled)
        await bench.headquarters.start()
        for kid, public in publics.items():
            again = await bench.headquarters.enroll(public, units[kid])
            assert again["kid"] == kid
        gone = bench.kernel.now_us
        assert await bench.until(
            lambda: all(car.air.handshakes > before[car.name] and car.air.keys == "used" for car in cars), 120
        )
        print(f"served again after {(bench.kernel.now_us - gone) / 1e6:.1f} s")
        bench.do(cars[0].press, "panic")
        assert await bench.until(lambda: bench.story.cars[cars[0].name].red == "received", 30)
        for car in cars:
            bench.do(car.park)
        assert await bench.until(lambda: made(bench) <= set(bench.operator.frames), 60), made(bench) - set(
            bench.operator.frames
        )
        assert bench.operator.unverified == [] and bench.operator.conflicts == []
        assert [trouble for tale in bench.story.cars.values() for trouble in tale.trouble] == []


async def test_keys_are_renewed_by_command_while_driving_and_in_an_alarm():
    """Twice, with a fifth of the datagrams lost. What is asked for in an alarm is done after it."""
    async with Bench(terminals=1, settings=KEEP, loss=0.2, rtt_ms=100) as bench:
        bench.operator.auto_acknowledge_s = 1.0
        await served(bench)
        (car,) = bench.fleet.cars
        for number in range(2):
            # What is asked for before the newest keys were answered under has been done already.
            await bench.until(lambda: False, 5)
            done = car.air.handshakes
            bench.do(bench.operator.renew, car.kid)
            if number == 1:
                bench.do(car.press, "panic")
                assert await bench.until(lambda: any("shown" in a.at_ms for a in bench.story.alarms), 60)
                (alarm,) = bench.story.alarms
                bench.do(bench.operator.clear, car.kid, alarm.panic)
                assert await bench.until(lambda a=alarm: "cleared" in a.at_ms, 60)
            assert await bench.until(lambda n=done: car.air.handshakes > n and car.air.keys == "used", 200), (
                number
            )
        assert await bench.drain(120), "it never became quiet"
        assert bench.story.gateway["edhoc.established"] >= 3
        assert bench.story.gateway["context.used"] >= 3
        report, broken = await bench.judge()
        assert broken == []
        assert report["lost"] == report["unsent_on_flash"] == 0
