"""The terminal's lamp and buzzer: they never show a stage that did not happen, and an open alarm is never
dark. Read from the wires, by the officer's page (docs/officer.md): fast blinking is sending, half a second is
received, steady is acknowledged; a quarter in turn with green is a fault."""

from bisect import bisect_left

from hwsim.checks.excuses import BLIND, BLIND_US
from hwsim.checks.presses import meanings
from hwsim.checks.recording import ACKNOWLEDGED, CLEARED, FOREVER, STORED
from hwsim.checks.verdict import Violation

# The shortest light that somebody takes for the next stage. A flash of 100 ms may become longer while the
# chip computes or writes flash, one of 500 ms too; a frame and three erased blocks are 300 ms.
_RECEIVED_US, _ACKNOWLEDGED_US = 450_000, 900_000
_LONG_US = (450_000, 800_000)  # a tone
_FAULT_US = (200_000, 320_000)
_MOST_OPEN = 8
_RAISED_US = 500_000  # after the hold the lamp says so
_DARK_US = 1_500_000
_SERVED_US = 3_000_000  # after a start
_OVER_US = 5_000_000  # darker than any pattern is, and than a lamp task that has died and starts again
_LAST_BREATH_US = 70_000_000  # before the watchdog bites a program that hung


def lamps_tell_the_truth(recording):
    """PROTOCOL.md, The panic: the lamp NEVER shows a stage that did not happen. It shows the least advanced
    of the open alarms: so for "received" there are as many alarms received as were raised."""
    for car in recording.cars.values():
        all_of = [row for row in meanings(car, recording) if row.what == "panic"]
        for index, light in enumerate(car.lights):
            wrong = _lie(recording, car, all_of, light, index)
            if wrong and not _hung(car, recording, light.from_us):
                yield Violation(light.from_us, "lamp", f"{car.name}: the red lamp {wrong}")


def _lie(recording, car, all_of, light, index):
    at_us, length_us = light.from_us, light.length_us(recording.now_us)
    fault = length_us < _FAULT_US[1] and any(
        _FAULT_US[0] < other.length_us(recording.now_us) < _FAULT_US[1]
        for other in car.lights[max(0, index - 1) : index + 2]
        if abs(other.from_us - at_us) < 3 * _FAULT_US[1]  # the first of a row may be cut short
    )
    if not any(row.most and row.at_us - _RAISED_US <= at_us for row in all_of):
        return None if fault else "is lit, and nobody had raised an alarm"
    if not fault and _from_nowhere(recording, car, all_of, index):
        return "is lit, and nobody had raised an alarm since it went dark"
    for least_us, stage, word in (
        (_ACKNOWLEDGED_US, ACKNOWLEDGED, "acknowledged"),
        (_RECEIVED_US, STORED, "received"),
    ):
        if length_us < least_us:
            continue
        raised = sum(row.least for row in all_of if row.at_us + _RAISED_US <= at_us)
        reached = reached_by(car, stage, at_us)
        if not reached or (raised - reached_by(car, CLEARED, at_us) <= _MOST_OPEN and reached < raised):
            shown = f"shows {word} ({length_us / 1000:.0f} ms)"
            return f"{shown}, but of {max(raised, 1)} alarms only {reached} were"
    return None


def _from_nowhere(recording, car, all_of, index):
    """Dark for so long means that no alarm is open: only a press, or a start, lights it again."""
    since_us, at_us = car.lights[index - 1].to_us if index else 0, car.lights[index].from_us
    if at_us - since_us < _OVER_US or recording.faults_near(BLIND, since_us - BLIND_US, at_us, car.name):
        return False
    if any(since_us - _OVER_US <= life.started_us <= at_us for life in car.lives):
        return False
    return not any(
        row.most and since_us - _OVER_US <= row.at_us and row.at_us - _RAISED_US <= at_us for row in all_of
    )


def reached_by(car, stage, at_us):
    """How many of its alarms the terminal could know to be so far by then."""
    return len(
        {fact.panic for fact in car.facts if fact.at_us <= at_us and fact.stage >= stage and fact.arrived}
    )


def sounds_tell_the_truth(recording):
    """Two beeps: received. One long tone: a person has seen it."""
    for car in recording.cars.values():
        for sound in car.sounds:
            at_us, long = sound.from_us, _LONG_US[0] <= sound.length_us(recording.now_us) <= _LONG_US[1]
            if long and not reached_by(car, ACKNOWLEDGED, at_us) and not _hung(car, recording, at_us):
                yield Violation(at_us, "buzzer", f"{car.name}: the long tone, and nobody acknowledged")
        for group in _groups(car.sounds):
            at_us, lengths = group[0].from_us, [light.length_us(recording.now_us) / 1000 for light in group]
            if (
                _two_beeps(lengths)
                and not reached_by(car, STORED, at_us)
                and not _hung(car, recording, at_us)
            ):
                yield Violation(at_us, "buzzer", f"{car.name}: two beeps, and nothing was received")


def _two_beeps(lengths):
    return len(lengths) == 2 and all(75 <= ms <= 140 for ms in lengths)


def _groups(sounds):
    group = []
    for sound in sounds:
        if group and sound.from_us - group[-1].to_us > 300_000:
            yield group
            group = []
        group.append(sound)
    if group:
        yield group


def open_alarms_are_shown(recording):
    """An alarm stays open, through every start, until the operations centre clears it."""
    for car in recording.cars.values():
        if car.settings.get("covert"):
            continue
        for from_us, to_us in _open_spans(car, recording):
            for life in car.lives:
                begin = max(from_us, life.ready_us + _SERVED_US if life.started_us > from_us else from_us)
                end = min(to_us, life.ended_us, recording.now_us)
                for dark_us, light_us in _dark(car, begin, end):
                    near = recording.faults_near(BLIND, dark_us - BLIND_US, light_us, car.name)
                    if light_us - dark_us > _DARK_US and not near and not _hung(car, recording, dark_us):
                        text = f"the red lamp is dark for {(light_us - dark_us) / 1e6:.1f} s"
                        yield Violation(dark_us, "dark lamp", f"{car.name}: an alarm is open, and {text}")


def _open_spans(car, recording):
    """When at least one alarm was certainly open."""
    raised = [row.at_us + _RAISED_US for row in meanings(car, recording) if row.what == "panic" and row.least]
    cleared = {}
    for fact in car.facts:
        if fact.stage == CLEARED:
            cleared.setdefault(fact.panic, fact.at_us)
    changes = sorted([(at, 1) for at in raised] + [(at, -1) for at in cleared.values()])
    open_now, since = 0, None
    for at_us, step in changes:
        open_now += step
        if open_now > 0 and since is None:
            since = at_us
        elif open_now <= 0 and since is not None:
            yield since, at_us
            since = None
    if since is not None:
        yield since, FOREVER


def _dark(car, begin, end):
    """Spans without light between `begin` and `end`."""
    if begin >= end:
        return
    edges = [begin]
    first = bisect_left(car.lights, begin, key=lambda light: light.to_us)
    for light in car.lights[first:]:
        if light.from_us >= end:
            break
        edges += [max(begin, light.from_us), min(end, light.to_us)]
    edges.append(end)
    for a, b in zip(edges[::2], edges[1::2], strict=True):
        if b > a:
            yield a, b


def covert_is_covert(recording):
    """Covert mode: no light, no sound while an alarm is open."""
    for car in recording.cars.values():
        if not car.settings.get("covert"):
            continue
        for light in car.lights:
            if not _FAULT_US[0] < light.length_us(recording.now_us) < _FAULT_US[1]:
                yield Violation(light.from_us, "covert", f"{car.name}: the red lamp is lit")
        for from_us, to_us in _open_spans(car, recording):
            for sound in car.sounds:
                if from_us <= sound.from_us < to_us:
                    yield Violation(sound.from_us, "covert", f"{car.name}: the buzzer sounds in an alarm")


def _hung(car, recording, at_us):
    """The program was about to be ended by the watchdog, or a task of it hung: wires stay as they were."""
    for life in car.lives:
        broken = life.end in ("watchdog", "died") and life.started_us <= at_us
        if broken and abs(at_us - life.ended_us) <= _LAST_BREATH_US:
            return True
    return bool(recording.faults_near(BLIND, at_us - BLIND_US, at_us, car.name))
