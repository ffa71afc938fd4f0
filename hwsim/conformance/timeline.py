"""A story as lanes over time: what the picture and the console both draw."""

import math
from dataclasses import dataclass, field

_LEAD_US = 300_000
_KNEE_S = 0.05  # below this, time is drawn as it is; above, ever shorter
_ROOM = 17.0  # pixels for a gap of the knee's length times e - 1
_LEAST = 3.0
_STATE = {"off": "", "dark": "", "unclear": ""}


@dataclass
class Bar:
    """`style` is a word for the style sheet; `text` stands in it if there is room."""

    begin_us: int
    end_us: int
    style: str
    text: str = ""


@dataclass
class Mark:
    at_us: int
    style: str
    text: str
    strong: bool = True


@dataclass
class Lane:
    name: str
    bars: list = field(default_factory=list)
    marks: list = field(default_factory=list)
    ticks: list = field(default_factory=list)  # (begin, end) of light, as it really was


def taken_for(seen):
    """`seen` without what a lamp was taken for and then known not to be: that a pattern had begun earlier is
    understood after some of its phases, and until then it may have been unclear."""
    kept = {}  # colour -> the states that still hold
    for sign in seen:
        if sign.what == "lamp":
            states = kept.setdefault(sign.lamp, [])
            while states and states[-1].at_us >= sign.at_us:
                states.pop()
            states.append(sign)
    held = {id(sign) for states in kept.values() for sign in states}
    return [sign for sign in seen if sign.what != "lamp" or id(sign) in held]


class Timeline:
    """`lanes` of one car, from the beginning of the story to its end."""

    def __init__(self, result, car=None):
        self.result = result
        names = [seen.car for seen in result.seen if seen.car]
        self.car = car or (names[0] if names else "")
        self.begin_us = max(0, result.began_us - _LEAD_US)
        self.end_us = max(result.ended_us, self.begin_us + 1)
        self._seen = taken_for([s for s in result.seen if s.car in ("", self.car)])
        self.lanes = [
            lane
            for lane in (
                self._power(),
                *self._keys(),
                self._lamp("red"),
                self._lamp("green"),
                self._sounds(),
                self._air(),
                self._headquarters(),
                *self._alarms(),
                self._modem(),
                self._faults(),
            )
            if lane is not None
        ]
        self.scale = Scale(self._moments(), self.begin_us, self.end_us)

    def inside(self, at_us):
        return self.begin_us <= at_us <= self.end_us

    def _of(self, *what):
        return [s for s in self._seen if s.what in what]

    def _moments(self):
        """What deserves room of its own."""
        found = {self.begin_us, self.end_us, self.result.began_us}
        found |= {step.at_us for step in self.result.steps}
        for lane in self.lanes:
            for bar in lane.bars:
                found |= {bar.begin_us, bar.end_us}
            found |= {mark.at_us for mark in lane.marks if mark.strong}
        return sorted(at for at in found if self.inside(at))

    def _states(self, lane, changes, styles):
        """Bars from (when, state), the last until the end; `styles(state)` gives style and text, or None."""
        ends = [at for at, _ in changes[1:]] + [self.end_us]
        for (at, state), until in zip(changes, ends, strict=False):
            drawn = styles(state)
            if drawn is not None and until > self.begin_us:
                lane.bars.append(Bar(max(at, self.begin_us), until, *drawn))

    def _power(self):
        changes = [(s.at_us, s.what == "start") for s in self._of("start", "power off")]
        if len(changes) < 2 and not any(self.inside(at) for at, _ in changes):
            return None
        lane = Lane("power")
        self._states(lane, changes, lambda on: ("power", "on") if on else ("gone", "no power"))
        for seen in self._of("trouble"):
            lane.marks.append(Mark(seen.at_us, "fault", seen.text))
        return lane

    def _keys(self):
        lanes = {}
        for seen in self._of("key"):
            if not self.inside(seen.at_us):
                continue
            lane = lanes.setdefault(seen.key, Lane(seen.key))
            if seen.down:
                lane.bars.append(Bar(seen.at_us, self.end_us, "key", ""))
            elif lane.bars:
                last = lane.bars[-1]
                last.end_us = seen.at_us
                last.text = f"{(last.end_us - last.begin_us) / 1000:.0f} ms"
        return lanes.values()

    def _lamp(self, colour):
        lane = Lane(f"{colour} lamp")
        changes = sorted((s.at_us, s.state) for s in self._of("lamp") if s.lamp == colour)

        def styles(state):
            return None if state in _STATE else (f"{colour} {state.replace('+', '-')}", state)

        self._states(lane, changes, styles)
        lit = None
        for at, car, pin, level in self.result.levels:
            if car == self.car and pin == colour:
                if level:
                    lit = at
                elif lit is not None and at >= self.begin_us:
                    lane.ticks.append((max(lit, self.begin_us), at))
                    lit = None
        if lit is not None:
            lane.ticks.append((max(lit, self.begin_us), self.end_us))
        return lane

    def _sounds(self):
        found = [s for s in self._of("sound") if self.inside(s.at_us)]
        lane = Lane("sound")
        lane.marks = [Mark(s.at_us, s.pin, s.meaning or f"{len(s.pulses)} pulses") for s in found]
        return lane if found else None

    def _air(self):
        lane = Lane("datagrams")
        for seen in self._of("up", "down"):
            if self.inside(seen.at_us):
                first = seen.datagram.first
                style = " ".join([seen.what, "" if first else "again", "lost" if seen.lost else ""]).strip()
                lane.marks.append(Mark(seen.at_us, style, seen.name, first))
        return lane

    def _headquarters(self):
        lane = Lane("in its store")
        for seen in self._of("stored", "command", "answered", "stage", "published"):
            if self.inside(seen.at_us) and (seen.what != "published" or seen.label == "panic"):
                lane.marks.append(Mark(seen.at_us, seen.what, seen.text.removeprefix("stored: ")))
        return lane

    def _alarms(self):
        """A lane for each alarm: when it was sent, stored, shown as received, acknowledged, cleared. What
        the lamp shows counts for the newest of them."""
        lanes = {}
        for seen in sorted(self._seen, key=lambda s: s.at_us):
            if not self.inside(seen.at_us):
                continue
            for id, stage in _stages(seen):
                lanes.setdefault(id, Lane(f"alarm {id}"))
                self._reach(lanes[id], seen.at_us, stage)
            if seen.what == "lamp" and seen.state in ("received", "acknowledged") and lanes:
                self._reach(list(lanes.values())[-1], seen.at_us, f"shown as {seen.state}")
        return lanes.values()

    def _reach(self, lane, at_us, stage):
        if all(mark.text != stage for mark in lane.marks):
            lane.marks.append(Mark(at_us, f"stage {stage}", stage))

    def _modem(self):
        changes = [(s.at_us, s.state) for s in self._of("modem")]
        if not any(self.inside(at) for at, _ in changes):
            return None
        lane = Lane("modem")
        self._states(lane, changes, lambda state: (f"modem {state}", state))
        return lane

    def _faults(self):
        lane = Lane("faults")
        lane.marks = [Mark(s.at_us, "fault", s.text) for s in self._of("fault") if self.inside(s.at_us)]
        return lane if lane.marks else None


def _stages(seen):
    """(alarm, stage) that this sight is of."""
    from hwsim.conformance.signs import panic_id

    if seen.what == "up":
        kinds = seen.name.split("+")
        return [
            (panic_id(r), "sent")
            for r, kind in zip(seen.datagram.reports, kinds, strict=False)
            if kind == "panic"
        ]
    if seen.what == "stored" and seen.kind == "panic":
        return [(panic_id(seen.report), "stored")]
    if seen.what == "command" and seen.fields.get("kind") == 3:
        stage = {5: "acknowledged", 7: "cleared"}.get(seen.body[1])
        return [(seen.body[0], stage)] if stage else []
    return []


class Scale:
    """Moments to pixels: the longer a gap, the more it is shortened; `x(at_us)`."""

    def __init__(self, moments, begin_us, end_us):
        self._at = sorted({begin_us, end_us, *moments})
        self._x = [0.0]
        for before, after in zip(self._at, self._at[1:], strict=False):
            gap_s = (after - before) / 1e6
            self._x.append(self._x[-1] + max(_LEAST, _ROOM * math.log1p(gap_s / _KNEE_S)))
        self._factor = 1.0

    @property
    def width(self):
        return self._x[-1] * self._factor

    def fit(self, least, most):
        """Stretch or squeeze to a width between these."""
        self._factor = min(max(1.0, least / self._x[-1]), most / self._x[-1])

    def x(self, at_us):
        import bisect

        at_us = min(max(at_us, self._at[0]), self._at[-1])
        index = min(bisect.bisect_right(self._at, at_us), len(self._at) - 1)
        low, high = self._at[index - 1], self._at[index]
        part = (at_us - low) / (high - low) if high > low else 0.0
        return (self._x[index - 1] + (self._x[index] - self._x[index - 1]) * part) * self._factor

    def moments(self):
        return self._at
