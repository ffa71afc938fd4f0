"""Headquarters' other side: relayed after the commit, in the order of the store, every stage a fact."""

from hwsim.checks.excuses import BROKER_LOST, STORE_LOST
from hwsim.checks.recording import ACKNOWLEDGED, CLEARED
from hwsim.checks.verdict import Violation

_ACTS = {"acknowledged": "acknowledge", "cleared": "clear"}


def relayed_after_commit(recording):
    """The gateway stores a frame before it tells anybody."""
    for told in recording.told:
        if not told.committed:
            who = f"frame {told.name[1]}/{told.name[2]} of {told.name[0]}"
            text = f"{who} was at the broker before it was committed"
            yield Violation(told.at_us, "relayed before commit", text)


def relayed_in_order(recording):
    """A terminal's frames reach the broker in the order in which they were stored, repeats apart."""
    if recording.faults_near(STORE_LOST, 0, recording.now_us):
        return  # the numbers began anew
    newest = {}
    seen = set()
    for told in recording.told:
        row = recording.rows.get(told.name)
        if told.digest is None or row is None or row.number < 0 or told.name in seen:
            continue
        seen.add(told.name)
        kid = told.name[0]
        if row.number < newest.get(kid, (-1, None))[0]:
            text = f"{kid}: frame {told.name[1]}/{told.name[2]} came to the broker after {newest[kid][1]}"
            yield Violation(told.at_us, "order", text + ", which was stored later")
        else:
            newest[kid] = (row.number, f"{told.name[1]}/{told.name[2]}")


def everything_is_relayed(recording, drained):
    """What is stored reaches the broker; after the last fault, all of it."""
    if not recording.has_broker or recording.kept is None:
        return
    told = {row.name for row in recording.told if row.digest is not None}
    for name, row in recording.rows.items():
        if name not in recording.kept:
            continue
        if drained and not row.relayed:
            text = f"frame {name[1]}/{name[2]} of {name[0]} is stored and was never relayed"
            yield Violation(row.seen_us, "not relayed", text)
        elif row.relayed and name not in told:
            text = f"frame {name[1]}/{name[2]} of {name[0]} is marked as relayed, and the broker never had it"
            yield Violation(row.seen_us, "not relayed", text)


def stages_are_facts(recording):
    """Acknowledged and cleared: the operations centre said so. Shown: the terminal can know of it."""
    for told in recording.told:
        act = _ACTS.get(told.stage)
        who = f"alarm {told.panic} of {told.name[0]}"
        if act is not None and not told.reminder:
            acts = [row for row in recording.centre if row[1:] == (act, told.name[0], told.panic)]
            if not any(row[0] <= told.at_us for row in acts):
                text = f"{who} is told as {told.stage}, and nobody at the centre did so"
                yield Violation(told.at_us, "stage", text)
        elif told.stage == "shown":
            car = recording.car_of(told.name[0])
            if car is None or not _reached(car, told.panic, ACKNOWLEDGED, told.at_us):
                text = f"{who} is told as shown, and its terminal was never told of the acknowledgement"
                yield Violation(told.at_us, "stage", text)


def terminals_hear_facts(recording):
    """Acknowledged and cleared are told to a terminal only after the operations centre said so."""
    if not recording.has_broker:
        return  # the bench's own headquarters has no centre behind it
    for car in recording.cars.values():
        told = set()
        for fact in car.facts:
            if fact.stage not in (ACKNOWLEDGED, CLEARED) or (fact.panic, fact.stage) in told:
                continue
            told.add((fact.panic, fact.stage))
            act = "acknowledge" if fact.stage == ACKNOWLEDGED else "clear"
            acts = [row for row in recording.centre if row[1:] == (act, car.kid, fact.panic)]
            if not any(row[0] <= fact.at_us for row in acts):
                text = f"{car.name}: is told of an {act} of alarm {fact.panic} that nobody at the centre made"
                yield Violation(fact.at_us, "stage", text)


def alarms_stay_open(recording, drained):
    """An alarm stays open at headquarters until it is cleared, and one that was acknowledged there comes to
    its terminal."""
    if not drained:
        return
    lost = recording.faults_near(STORE_LOST | BROKER_LOST, 0, recording.now_us)
    for at_us, what, kid, panic in recording.centre:
        car = recording.car_of(kid)
        if car is None or car.withdrawn or lost:
            continue
        stage = ACKNOWLEDGED if what == "acknowledge" else CLEARED
        if not _reached(car, panic, stage, recording.now_us):
            text = f"{car.name}: the centre's {what} of alarm {panic} never came to the terminal"
            yield Violation(at_us, "lost command", text)


def _reached(car, panic, stage, by_us):
    """Was the terminal told by then that its alarm is so far?"""
    return any(
        fact.panic == panic and fact.stage >= stage and fact.arrived and fact.at_us <= by_us
        for fact in car.facts
    )
