"""The promises of PROTOCOL.md, each as a function from a run's story to the sentences that say how it was
broken.

`check` runs them all; an empty list means that every promise was kept.
"""

from itertools import pairwise

from hwsim.story import CLOCK_SLACK_MS, STAGES

_NEVER = float("inf")
_RED_STAGE = {"received": "stored", "acknowledged": "acknowledged"}


def check(story, operator=None, drained=True, broker_kept=True):
    """All promises. `drained`: the run had time to get everything through, so nothing may be missing.
    `broker_kept`: the broker was never killed. One that is takes with it what it had confirmed, and what it
    confirms
    before the operator is back reaches nobody: then the gateway's word counts, which is what its journal is
    for."""
    broken = []
    if drained:
        broken += nothing_lost(story, operator if broker_kept else None)
    broken += lamps_tell_the_truth(story)
    broken += stages_in_order(story)
    broken += terminals_stay_alive(story)
    if operator is not None:
        broken += northbound(story, operator)
    return broken


def nothing_lost(story, operator=None):
    """Every frame a terminal has made is stored, relayed, and was received by the operator."""
    broken = []
    made = _made(story)
    for stage in ("stored", "relayed", "received"):
        if stage == "received" and operator is None:
            continue
        got = story.reached(stage)
        missing = [name for name in made if name not in got]
        if missing:
            where = " by the operator" if stage == "received" else ""
            broken.append(
                f"{len(missing)} of {len(made)} frames never {stage}{where}: {_names(story, missing)}"
            )
    return broken


def northbound(story, operator):
    """The broker's side: verified, once each, in the order in which they were stored."""
    broken = []
    if operator.unverified:
        broken.append(
            f"{len(operator.unverified)} messages on a frame topic do not verify: {operator.unverified[0][1]}"
        )
    if operator.conflicts:
        broken.append(f"one name for two different frames: {_names(story, operator.conflicts)}")
    bodies = {}
    for received in operator.frames.values():
        other = bodies.setdefault(received.frame, received.name)
        if other != received.name:
            broken.append(f"the same frame under two names: {_names(story, [other, received.name])}")
    for name, (_, frame) in (story.journal or {}).items():
        if name in operator.frames and operator.frames[name].frame != frame:
            broken.append(f"what the operator got is not what was stored: {_names(story, [name])}")
    for car in story.cars.values():
        got = [name for name in operator.frames if name[0] == car.kid]
        order = car.stored_order if story.journal is None else story.journal
        stored = [name for name in order if name[0] == car.kid and name in operator.frames]
        known = set(stored)
        if [name for name in got if name in known] != stored:
            broken.append(
                f"{car.name}: frames reached the operator in another order than they were stored in"
            )
    return broken


def lamps_tell_the_truth(story):
    """The red lamp never shows a stage before it happened. It speaks for every open alarm of its car at
    once.
    """
    broken = []
    for car in story.cars.values():
        for lamp, state, began_ms in car.lamps:
            if lamp == "red" and state not in ("off", "unclear", "fault"):
                wrong = _lie(story, car, state, began_ms)
                if wrong:
                    broken.append(f"{car.name}: lamp shows {state} at {began_ms:.0f} ms, but {wrong}")
    return broken


def _lie(story, car, state, began_ms):
    """What is untrue about the lamp's state, or None."""
    slack_ms = _raise_slack_ms(car)
    if not any(alarm.at_ms["raised"] <= began_ms + slack_ms for alarm in car.alarms):
        return "nobody had raised an alarm"
    stage = _RED_STAGE.get(state)
    for alarm in car.alarms:
        is_open = alarm.at_ms["raised"] + slack_ms <= began_ms < alarm.at_ms.get("cleared", _NEVER)
        if stage is None or not is_open:
            continue
        if alarm.at_ms.get(stage, _NEVER) > began_ms + CLOCK_SLACK_MS:
            return f"the alarm raised at {alarm.at_ms['raised']:.0f} ms was not {stage} by then"
        if state == "acknowledged" and not _somebody_acknowledged(story, alarm, began_ms):
            return f"no operator had acknowledged the alarm raised at {alarm.at_ms['raised']:.0f} ms"
    return None


def stages_in_order(story):
    """raised, sent, stored, relayed, acknowledged, shown: none before the one it follows from."""
    broken = []
    for alarm in story.alarms:
        reached = [(stage, alarm.at_ms[stage]) for stage in STAGES if stage in alarm.at_ms]
        for (before, earlier), (after, later) in pairwise(reached):
            if later + CLOCK_SLACK_MS < earlier:
                gap = f"{earlier - later:.0f} ms before it was {before}"
                broken.append(f"{alarm.car.name}: alarm {alarm.panic} was {after} {gap}")
    return broken


def alarms_reach(story, stage):
    """Every alarm has got that far (to be asked when there was time enough)."""
    return [
        f"{alarm.car.name}: the alarm raised at {alarm.at_ms['raised']:.0f} ms got only to {alarm.stage}"
        for alarm in story.alarms
        if stage not in alarm.at_ms
    ]


def terminals_stay_alive(story):
    """No program ended by itself, no watchdog bit."""
    return [
        f"{car.name}: {reason} at {at_ms:.0f} ms"
        for car in story.cars.values()
        for at_ms, reason in car.trouble
    ]


def _made(story):
    """The names of all frames made: in each boot from 0 to the highest seq that anybody saw."""
    highest = {}
    for kid, boot, seq in story.frames:
        highest[kid, boot] = max(seq, highest.get((kid, boot), -1))
    return [(kid, boot, seq) for (kid, boot), last in highest.items() for seq in range(last + 1)]


def _raise_slack_ms(car):
    # The bench counts the hold from the first touch; the terminal's own debouncing may round a little.
    return max(50.0, car.hold_ms / 10)


def _somebody_acknowledged(story, alarm, by_ms):
    return any(
        what == "acknowledge" and kid == alarm.car.kid and panic == alarm.panic and at_ms <= by_ms
        for what, kid, panic, at_ms in story.commands
    )


def _names(story, names):
    cars = {car.kid: car.name for car in story.cars.values()}
    shown = ", ".join(f"{cars.get(kid, kid)}/{boot}/{seq}" for kid, boot, seq in names[:4])
    return shown + (f" and {len(names) - 4} more" if len(names) > 4 else "")
