"""How a fault is written down: a function that lets it happen to one car (or to the house) and says how long
it lasts and how it ends."""

import math

CAR, HOUSE = "car", "house"

ACTS = {}  # name -> (CAR or HOUSE, function)


class Trouble:
    """It has happened. `undo()` after `seconds`, at the latest when the faults are over; `details` go into
    the trace."""

    def __init__(self, seconds=0.0, undo=None, **details):
        self.seconds = seconds
        self.undo = undo
        self.details = details


def on_car(act):
    """`act(scene, car, rng)` -> Trouble, or None when it can't happen now."""
    ACTS[act.__name__] = (CAR, act)
    return act


def on_house(act):
    """`act(scene, house, rng)` -> Trouble, or None."""
    ACTS[act.__name__] = (HOUSE, act)
    return act


def between(rng, shortest, longest):
    """From `shortest` to `longest`, each magnitude as likely as the next: most are short, some are long."""
    return math.exp(rng.uniform(math.log(shortest), math.log(longest)))
