"""What an officer's finger means: which presses must have been reported, which may have been, and whether
they were, once each and in their order.

From the panel and the settings alone (docs/officer.md, docs/configuration.md). A press is certain when the
terminal served its keys from before the finger came down until the frame had to be on flash; anything
doubtful (too short, too long by a hair, power gone in between) may count or not.
"""

from dataclasses import dataclass

from hwsim.checks import signed
from hwsim.checks.excuses import BLIND, BLIND_US, ROT, WORN, WORN_OUT
from hwsim.checks.verdict import Violation

STATUS_CODES = {"available": 1, "on_the_way": 2, "on_scene": 3, "busy": 4, "off_duty": 5}
_HOLD_MS, _GAP_MS = 600, 2000  # defaults of panic_hold_ms and event_gap_ms
_SETTLE_US = 60_000  # contacts bounce; a key down for so long is down
_MARGIN_US = 100_000  # the terminal counts the hold from its own first look
_KEPT_US = 2_000_000  # by then the frame is on flash
_SENT_US = 120_000_000  # with a link that works, it is at headquarters by then
_CHORD_US = 250_000  # keys moved closer together than this have no order
_SPARE_BOOT = 1 << 30  # numbers of starts whose counter was lost: they have no order


@dataclass(frozen=True)
class Meaning:
    """One press: reported at least and at most so often."""

    what: str  # "panic", "event", a status
    at_us: int  # when it counted
    least: int
    most: int
    again_us: tuple = ()  # starts at which the key was still down: it may have counted once more then


def meanings(car, recording):
    """The presses of a car in the order in which they count."""
    keys = {function: function for function in ("panic", "event", "accept", *STATUS_CODES)}
    keys.update(car.settings.get("keys", {}))
    functions = {key: function for function, key in keys.items() if key}
    found = []
    before = {}
    presses = sorted(car.presses, key=lambda press: press.down_us)
    counted = _ends_of_counting(car, [p.down_us for p in presses if functions.get(p.key) == "event"])
    for press in presses:
        function = functions.get(press.key)
        if function is not None and function != "accept":
            rested = press.down_us - before.get(press.key, -_SETTLE_US) >= _SETTLE_US
            wait_us = counted[press.down_us] - press.down_us if function == "event" else 0
            found.append(_meaning(car, recording, press, function, rested, wait_us))
        before[press.key] = press.up_us
    return sorted(found, key=lambda meaning: meaning.at_us)


def _ends_of_counting(car, taps_us):
    """{a tap of the event key: when the counting that it belongs to is over}."""
    gap_us = car.settings.get("event_gap_ms", _GAP_MS) * 1000
    ends = {}
    next_us = end_us = float("inf")
    for at_us in sorted(taps_us, reverse=True):
        end_us = end_us if next_us - at_us <= gap_us + _MARGIN_US else at_us + gap_us
        ends[at_us] = end_us
        next_us = at_us
    return ends


def _meaning(car, recording, press, function, rested, wait_us):
    """`wait_us`: so long it is only counted in memory."""
    needed_us, kept_us = _SETTLE_US, _KEPT_US + wait_us
    if function == "panic":
        needed_us = car.settings.get("panic_hold_ms", _HOLD_MS) * 1000
        if press.held_us < needed_us - _MARGIN_US:
            return Meaning(function, press.down_us, 0, 0)
        sure = press.held_us >= needed_us + _MARGIN_US
    else:
        sure = press.held_us >= _SETTLE_US
    at_us = press.down_us + needed_us
    until_us = at_us + kept_us
    served = any(life.covers(press.down_us, until_us) for life in car.lives) and until_us <= recording.now_us
    blind = recording.faults_near(BLIND, press.down_us - BLIND_US, until_us, car.name)
    rotten = recording.faults_near(ROT, at_us, _sent_us(car, recording, until_us), car.name)
    memory = len(recording.faults_near(WORN, 0, until_us, car.name)) >= WORN_OUT
    ended = any(until_us <= life.ended_us < recording.now_us for life in car.lives)
    # A key that is down at a start counts then: once in each life at most.
    lives = [life for life in car.lives if life.started_us <= press.up_us and press.down_us <= life.ended_us]
    again_us = tuple(life.started_us for life in lives if life.started_us > at_us)
    certain = sure and rested and served and not blind and not rotten and not (memory and ended)
    return Meaning(function, at_us, 1 if certain else 0, len(lives), again_us)


def _sent_us(car, recording, kept_us):
    """Until then what was on flash at `kept_us` may have waited there."""
    heard = (row.at_us for row in car.receipts if row.arrived and row.at_us >= kept_us)
    return min(heard, default=recording.now_us) + _SENT_US


def presses_are_reported(recording, drained):
    """Each press that counts is reported once, and nothing that nobody pressed (PROTOCOL.md, Delivery)."""
    for car in recording.cars.values():
        all_of = meanings(car, recording)
        frames = sorted((frame for _, frame in car.frames.values()), key=lambda frame: frame.name[1:])
        due = drained and not car.withdrawn
        alarms = {frame.panic[0] for frame in frames if frame.raises}
        yield from _counted(recording, car, all_of, "panic", len(alarms), due)
        events = [frame.fields[signed.EVENT] for frame in frames if frame.kind == signed.EVENT_KIND]
        yield from _counted(recording, car, all_of, "event", sum(event.get(1, 1) for event in events), due)
        said = [frame for frame in frames if frame.kind == signed.STATUS_KIND]
        wrong = False
        for status, code in STATUS_CODES.items():
            count = sum(frame.fields[signed.STATUS] == code for frame in said)
            for violation in _counted(recording, car, all_of, status, count, due):
                wrong = True
                yield violation
        if due and not wrong:
            yield from _in_order(recording, car, all_of, said)


def _counted(recording, car, all_of, what, count, due):
    rows = [meaning for meaning in all_of if meaning.what == what]
    least, most = sum(row.least for row in rows), sum(row.most for row in rows)
    verb = "held long enough" if what == "panic" else "pressed"
    if count > most:
        text = f"{car.name}: {what} was {verb} {most} times at most, and reported {count} times"
        yield Violation(rows[-1].at_us if rows else recording.now_us, "phantom press", text)
    elif due and count < least:
        text = f"{car.name}: {what} was {verb} {least} times for certain, and reported {count} times"
        first = next(row.at_us for row in rows if row.least)
        yield Violation(first, "lost press", text)


def _in_order(recording, car, all_of, said):
    """Statuses are numbered in the order in which their keys were pressed."""
    rows = [meaning for meaning in all_of if meaning.what in STATUS_CODES]
    close = any(b.at_us - a.at_us < _CHORD_US for a, b in zip(rows, rows[1:], strict=False))
    if close or any(frame.name[1] >= _SPARE_BOOT for frame in said):
        return
    codes = [frame.fields[signed.STATUS] for frame in said]
    reached = {0}  # so many of the frames are explained by the presses up to here
    for row in _one_by_one(rows):
        after = set()
        for at in reached:
            for count in range(row.least, row.most + 1):
                if codes[at : at + count] == [STATUS_CODES[row.what]] * count:
                    after.add(at + count)
        if not after:
            text = f"{car.name}: statuses {codes} are not in the order in which they were pressed"
            yield Violation(row.at_us, "order of presses", text)
            return
        reached = after
    if len(codes) not in reached:
        text = f"{car.name}: statuses {codes} are not in the order in which they were pressed"
        yield Violation(recording.now_us, "order of presses", text)


def _one_by_one(rows):
    """A key that was still down at a start may have counted there: after what was pressed in between."""
    found = []
    for row in rows:
        found.append(Meaning(row.what, row.at_us, row.least, row.most - len(row.again_us)))
        found += [Meaning(row.what, at_us, 0, 1) for at_us in row.again_us]
    return sorted(found, key=lambda row: row.at_us)
