"""Faults of the modem, its cell, its card and its wires."""

from hwsim.faults.registry import Trouble, between, on_car


@on_car
def coverage(_scene, car, rng):
    car.modem.set_coverage(False)
    return Trouble(between(rng, 5, 1800), lambda: car.modem.set_coverage(True))


@on_car
def cell_change(scene, car, rng):
    """Sometimes to and fro at the border of two cells."""
    times = rng.choice((1, 1, 1, 5))
    for turn in range(times):
        tac, cell = f"{rng.randrange(1 << 16):04X}", f"{rng.randrange(1 << 28):08X}"
        scene.later(turn * rng.uniform(0.2, 3), car.modem.radio.change_cell, tac, cell)
    return Trouble(times=times)


@on_car
def sim_lost(_scene, car, rng):
    car.modem.reader.remove()
    return Trouble(between(rng, 0.5, 600), car.modem.reader.insert)


@on_car
def modem_hang(_scene, car, _rng):
    if not car.modem.alive:
        return None
    car.modem.hang()
    return Trouble()


@on_car
def modem_reset(_scene, car, _rng):
    if not car.modem.alive:
        return None
    car.modem.restart()
    return Trouble()


@on_car
def urc_storm(_scene, car, rng):
    if not car.modem.alive:
        return None
    seconds, every_ms = between(rng, 1, 60), rng.choice((5, 15, 50))
    car.modem.storm(seconds, every_ms)
    return Trouble(seconds, every_ms=every_ms)
