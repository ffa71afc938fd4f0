"""Faults of the way between modem and headquarters."""

from hwsim.faults.registry import Trouble, between, on_car
from hwsim.network import Weather

_LEAST_DELAY_MS = 30


def weather(faults, rng):
    """The next few minutes of one car's way."""
    loss, duplicate, reorder = (rng.random() for _ in range(3))
    delay_ms = between(rng, _LEAST_DELAY_MS, max(_LEAST_DELAY_MS, faults.delay_ms))
    return Weather(
        loss=loss * faults.loss,
        duplicate=duplicate * faults.duplicate,
        reorder=reorder * faults.reorder,
        rtt_ms=delay_ms if faults.delay_ms else 60,
        jitter_ms=delay_ms / 4 if faults.delay_ms else 10,
    )


@on_car
def partition(scene, car, rng):
    scene.network.partition(True, car.name)
    return Trouble(between(rng, 5, 7200), lambda: scene.network.partition(False, car.name))


@on_car
def nat_rebind(_scene, car, _rng):
    car.path.rebind()
    return Trouble()
