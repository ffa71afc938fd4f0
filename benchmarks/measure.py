"""Two sides in turns, and what comes of it: a figure, its peer's, their ratio, and the bounds it has to keep.

Noise of the machine only ever adds time, so the best round of each side counts, and the ratio is that of the
two bests; beside it stands between what the ratios of the single rounds lay (their middle half).
"""

import statistics
from dataclasses import asdict, dataclass, field

TIME, RATE, BYTES = "us", "/s", "bytes"


@dataclass(frozen=True)
class Side:
    """`what` in words, the place and name of its work."""

    what: str
    place: object
    work: str


@dataclass(frozen=True)
class Bound:
    """What was promised: of the "ratio" or of "ours" (in the figure's unit), and where."""

    of: str
    at_most: float | None = None
    at_least: float | None = None
    by: str = "issue 3"

    def kept(self, figure):
        value = figure.ratio if self.of == "ratio" else figure.ours
        if self.at_most is not None and value > self.at_most:
            return False
        return self.at_least is None or value >= self.at_least

    def __str__(self):
        sign, limit = ("<=", self.at_most) if self.at_least is None else (">=", self.at_least)
        return f"{self.of} {sign} {limit:g}"


@dataclass
class Figure:
    """A line of the table. Ratio: ours over the peer's; of times and bytes less is better, of rates more."""

    suite: str
    name: str
    unit: str
    ours: float
    peer: float
    ours_what: str
    peer_what: str
    ours_where: str
    peer_where: str
    rounds: int = 1
    repetitions: tuple[int, int] = (1, 1)
    spread: tuple[float, float] | None = None
    bounds: list[Bound] = field(default_factory=list)

    @property
    def ratio(self):
        return self.ours / self.peer

    @property
    def missed(self):
        return [bound for bound in self.bounds if not bound.kept(self)]

    def as_json(self):
        row = asdict(self) | {"ratio": self.ratio}
        return row | {"bounds": _bounds(self)}


@dataclass
class Amount:
    """A figure that has no peer; `ours` in its unit."""

    suite: str
    name: str
    unit: str
    ours: float
    what: str
    where: str
    bounds: list[Bound] = field(default_factory=list)

    @property
    def missed(self):
        return [bound for bound in self.bounds if not bound.kept(self)]

    def as_json(self):
        return asdict(self) | {"bounds": _bounds(self)}


def _bounds(figure):
    return [asdict(b) | {"said": str(b), "kept": b.kept(figure)} for b in figure.bounds]


@dataclass(frozen=True)
class LeftOut:
    """A figure that could not be had here."""

    suite: str
    name: str
    reason: str


class Turns:
    """Measures: `rounds` rounds for each side, each at least `round_ms` long."""

    def __init__(self, rounds=15, round_ms=80):
        self.rounds = rounds
        self.round_ms = round_ms

    def figure(self, suite, name, ours, peer, unit=TIME, bounds=()):
        sides = (ours, peer)
        repetitions = tuple(self._enough(side) for side in sides)
        took = ([], [])
        for turn in range(self.rounds):
            for i in (0, 1) if turn % 2 else (1, 0):
                nanoseconds, units = sides[i].place.run(sides[i].work, repetitions[i])
                took[i].append(max(nanoseconds, 1) / units)
        values = [_in_unit(min(times), unit) for times in took]
        ratios = sorted(_in_unit(a, unit) / _in_unit(b, unit) for a, b in zip(*took, strict=True))
        return Figure(
            suite,
            name,
            unit,
            *values,
            ours.what,
            peer.what,
            ours.place.name,
            peer.place.name,
            self.rounds,
            repetitions,
            middle_half(ratios),
            list(bounds),
        )

    def _enough(self, side):
        """How often the work has to be done to fill a round; also warms it up."""
        goal = self.round_ms * 1_000_000
        n = 1
        while True:
            nanoseconds, _ = side.place.run(side.work, n)
            if nanoseconds >= goal:
                return n
            # Far from the goal the clock's steps say little: approach it.
            n = max(n + 1, min(8 * n, int(1.1 * n * goal / nanoseconds))) if nanoseconds else 8 * n


def middle_half(values):
    """First and third quartile."""
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def _in_unit(nanoseconds, unit):
    return 1e9 / nanoseconds if unit == RATE else nanoseconds / 1000
