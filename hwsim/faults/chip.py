"""Faults of the chip, its flash and the program in it."""

from hwsim.faults.registry import Trouble, between, on_car

DEATH, HANG, FREEZE, BALLAST = 1, 2, 3, 4  # hwsim/guest/_fault.py says the same
TASKS = 12  # a program that runs has about so many
_ERRORS = 4
_GIVE_BACK = 0xFFFFFFFF


def _runs(car):
    return car.terminal.program.running


@on_car
def heap_exhaustion(_scene, car, rng):
    if not _runs(car):
        return None
    left = int(between(rng, 256, 32768))
    car.terminal.afflict(BALLAST, left.to_bytes(4, "little"))
    give_back = _GIVE_BACK.to_bytes(4, "little")
    return Trouble(between(rng, 0.5, 120), lambda: car.terminal.afflict(BALLAST, give_back), left=left)


@on_car
def task_death(_scene, car, rng):
    task, error = rng.randint(1, TASKS), rng.randrange(_ERRORS)
    if not _runs(car):
        return None
    car.terminal.afflict(DEATH, bytes((task, error)))
    return Trouble(task=task)


@on_car
def task_hang(_scene, car, rng):
    task, whole = rng.randint(1, TASKS), rng.random() < 0.3
    if not _runs(car):
        return None
    car.terminal.afflict(FREEZE if whole else HANG, bytes((task,)))
    return Trouble(task="all" if whole else task)


@on_car
def flash_worn(_scene, car, rng):
    """A block that has been erased often, as those are the ones that wear."""
    flash = car.terminal.flash
    used = sorted(flash.wear, key=lambda block: (-flash.wear[block], block))[:16]
    block = rng.choice(used) if used else rng.randrange(flash.size // flash.block)
    flash.wear_out(block, rng)
    return Trouble(block=block)


@on_car
def flash_rot(scene, car, rng):
    region = scene.journal_region(car)
    if region is None:
        return None
    address, size = region
    for _ in range(64):  # most of a journal may be empty: look for something that is written
        at, bit = address + rng.randrange(size), rng.randrange(8)
        if car.terminal.flash.rot(at, bit):
            return Trouble(address=at, bit=bit)
    return None


@on_car
def flash_full(scene, car, rng):
    """Somebody copies files on it: seen at the next start."""
    if not car.terminal.powered:
        return None
    left = rng.randrange(4)
    car.terminal.power_off()
    scene.fill_flash(car, left)
    scene.later(1.0, car.terminal.power_on)

    def undo():
        was = car.terminal.powered
        car.terminal.power_off()
        scene.fill_flash(car, None)
        if was:
            scene.later(1.0, car.terminal.power_on)

    return Trouble(between(rng, 60, 3600), undo, blocks_left=left)
