"""Faults of keys and supply."""

from hwsim.faults.registry import Trouble, between, on_car
from hwsim.power import VehicleSupply

_BAD_BOUNCE_MS = 18  # vibration, a worn dome
_BAD_EDGES = 24
_SAG_MV, _DEAD_MV = (6500, 11_000), (0, 5900)
_FLASH_WITHIN = 24  # operations
_PATIENCE_S = 180  # then it was not to be


@on_car
def key_stuck(_scene, car, rng):
    free = [key for key in sorted(car.terminal.board["keys"]) if not car.panel.is_down(key)]
    if not free:
        return None
    key = rng.choice(free)
    car.panel.stick(key)
    return Trouble(between(rng, 5, 7200), lambda: car.panel.free(key), key=key)


@on_car
def supply_dip(_scene, car, rng):
    if not car.terminal.powered:
        return None
    supply = VehicleSupply(car.terminal, car.kernel, 13_800)
    deep = rng.random() < 0.3
    millivolts = rng.randint(*(_DEAD_MV if deep else _SAG_MV))
    seconds = between(rng, 0.02, 3 if deep else 600)
    supply.set(millivolts)
    return Trouble(seconds, lambda: supply.set(13_800), millivolts=millivolts)


@on_car
def power_cut(_scene, car, rng):
    if not car.terminal.powered:
        return None
    car.terminal.power_off()
    return Trouble(between(rng, 0.05, 1800), car.terminal.power_on)


@on_car
def power_cut_in_flash(scene, car, rng):
    """The one that matters: waits for the terminal's next writes and falls into one of them."""
    flash = car.terminal.flash
    if not car.terminal.powered:
        return None
    flash.cut_at(flash.operations + rng.randrange(_FLASH_WITHIN))
    seconds = between(rng, 0.05, 600)

    def torn(event):
        if event.what == "torn" and event.source == car.name:
            leave()
            scene.happened("power_cut_in_flash", car, torn=event.fields["operation"])
            scene.later(seconds, car.terminal.power_on)

    leave = car.kernel.subscribe(torn)

    def disarm():
        leave()
        flash.cut_at(None)

    return Trouble(_PATIENCE_S, disarm, armed=True)


def bouncing(panel, share, rng):
    """Let that share of the panel's movements bounce badly; returns what undoes it."""
    good = panel.contact

    def contact():
        return (_BAD_BOUNCE_MS, _BAD_EDGES) if rng.random() < share else good()

    panel.contact = contact

    def undo():
        panel.contact = good

    return undo
