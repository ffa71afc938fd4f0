"""Faults of the gateway, its disk, its clock and the broker; of a House, for a Rig has none of these."""

from hwsim.faults.registry import Trouble, between, on_house

_MOST_STEPS = 400
_YEAR_MS = 31_557_600_000


@on_house
def gateway_kill(scene, house, rng):
    """At one of its next awaits; if it comes to none, at once when it is to start again."""
    gateway = house.gateway
    if not gateway.running:
        return None
    steps, seconds = rng.randint(1, _MOST_STEPS), between(rng, 0.5, 120)
    power = rng.random() < 0.3
    gateway.kill_at(steps)

    def again():
        if gateway.running:
            gateway.kill(power)
        gateway.start()

    return Trouble(seconds, again, steps=steps, power=power)


@on_house
def gateway_restart(scene, house, rng):
    gateway = house.gateway
    if not gateway.running:
        return None
    gateway.stop()

    def again():
        if gateway.running:  # it finishes what it has begun
            scene.later(1, again)
        else:
            gateway.start()

    return Trouble(between(rng, 0.5, 60), again)


@on_house
def disk_full(_scene, house, rng):
    house.gateway.disk(full=True)
    return Trouble(between(rng, 5, 1200), lambda: house.gateway.disk(full=False))


@on_house
def fsync_error(_scene, house, rng):
    house.gateway.disk(fsync_error=True)
    return Trouble(between(rng, 0.5, 120), lambda: house.gateway.disk(fsync_error=False))


@on_house
def gateway_clock(_scene, house, rng):
    years = rng.random() < 0.3
    size_ms = between(rng, 0.1, 20) * _YEAR_MS if years else between(rng, 1, 3600) * 1000
    offset_ms = rng.choice((-1, 1)) * int(size_ms)
    house.gateway.clock_offset_ms = offset_ms

    def undo():
        house.gateway.clock_offset_ms = 0

    return Trouble(between(rng, 10, 3600), undo, offset_ms=offset_ms)


@on_house
def broker_kill(_scene, house, rng):
    keep = rng.random() < 0.5
    house.broker.kill(keep=keep)
    return Trouble(between(rng, 0.5, 300), house.broker.start, keep=keep)


@on_house
def broker_slow(_scene, house, rng):
    ms = int(between(rng, 50, 20_000))
    house.broker.slow(ms)
    return Trouble(between(rng, 10, 1200), lambda: house.broker.slow(0), ms=ms)
