"""Faults of the receiver and of the clocks that the terminal believes in."""

from hwsim import world
from hwsim.faults.registry import Trouble, between, on_car

_WEEK_ROLLOVER_S = -1024 * 7 * 86400
_YEAR_S = 31_557_600


def _has_sky(car):
    return hasattr(car.gnss, "sky")


def _redo(car):
    """What the receiver has made ahead is no longer true."""
    redo = getattr(car.gnss, "redo", None)
    if redo is not None:
        redo()


def _sky(car, seconds, **changes):
    """Change the sky; put these things back as they are in a good one."""
    if not _has_sky(car):
        return None
    good = {name: getattr(type(car.gnss.sky)(), name) for name in changes}

    def put(values):
        for name, value in values.items():
            setattr(car.gnss.sky, name, value)
        _redo(car)

    put(changes)
    return Trouble(seconds, lambda: put(good))


@on_car
def gnss_loss(_scene, car, rng):
    """Under a roof, or the antenna's cable is torn or crushed."""
    if not _has_sky(car):
        return None
    cause = rng.choice(("roof", "roof", "open", "short"))
    if cause == "roof":
        car.gnss.signal = False
    else:
        car.gnss.antenna = cause
    _redo(car)

    def undo():
        car.gnss.signal, car.gnss.antenna = True, "ok"
        _redo(car)

    return Trouble(between(rng, 2, 3600), undo, cause=cause)


@on_car
def gnss_cold_start(_scene, car, rng):
    return _sky(car, rng.uniform(25, 60), cold=True)


@on_car
def gnss_jump(_scene, car, rng):
    size_m = between(rng, 50, 5000)
    return _sky(
        car, between(rng, 1, 300), moved_m=(rng.choice((-1, 1)) * size_m, rng.choice((-1, 1)) * size_m)
    )


@on_car
def gnss_jamming(_scene, car, rng):
    return _sky(car, between(rng, 5, 1800), jam=rng.uniform(0.3, 1.0))


@on_car
def gnss_spoofing(scene, car, rng):
    track = world.track_of(rng.choice(world.units(16)))
    return _sky(car, between(rng, 10, 1800), elsewhere=track, since_us=scene.kernel.now_us)


@on_car
def week_rollover(_scene, car, rng):
    return _sky(car, between(rng, 10, 7200), shift_s=_WEEK_ROLLOVER_S)


@on_car
def leap_second(scene, car, rng):
    minute_us = 60_000_000
    epoch_us = car.gnss.epoch.second * 1_000_000 if _has_sky(car) else 0
    next_us = ((scene.kernel.now_us + epoch_us) // minute_us + 1) * minute_us - epoch_us
    return _sky(car, between(rng, 120, 3600), leap_us=next_us)


@on_car
def clock_jump(_scene, car, rng):
    """Years, either way: the receiver's almanac is damaged, the cell's clock was set by hand."""
    seconds = rng.choice((-1, 1)) * int(between(rng, 0.01 * _YEAR_S, 30 * _YEAR_S))
    lasting_s = between(rng, 10, 7200)
    who = rng.choice(("receiver", "cell", "both"))
    trouble = Trouble(lasting_s) if who == "cell" else _sky(car, lasting_s, shift_s=seconds)
    if trouble is None:
        return None
    if who != "receiver":
        car.modem.clock_shift_s = seconds
        before = trouble.undo

        def undo():
            car.modem.clock_shift_s = 0
            if before is not None:
                before()

        trouble.undo = undo
    trouble.details = {"who": who, "seconds": seconds}
    return trouble
