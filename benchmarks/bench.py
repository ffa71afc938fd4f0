"""What a suite is given: it names sides, and gets them measured, kept and told."""

import statistics

from benchmarks.measure import BYTES, RATE, TIME, Amount, Figure, LeftOut, middle_half
from benchmarks.places import Absent, Failed, Worker


class Bench:
    """Keeps `figures`, `amounts`, `left_out`, `failed`, `remarks`, and in `details` by suite whatever else is
    worth a place in the JSON; `tell(figure)` hears of each figure as it comes."""

    def __init__(self, places, turns, tell=None):
        self.places = places
        self.figures = []
        self.amounts = []
        self.details = {}
        self.left_out = []
        self.failed = []
        self.remarks = []
        self._turns = turns
        self._tell = tell
        self._suite = ""

    @property
    def missed(self):
        """(figure, bound) for all that was promised and not kept."""
        return [(figure, bound) for figure in (*self.figures, *self.amounts) for bound in figure.missed]

    def run(self, suite):
        self._suite = suite.NAME
        self._held("all", lambda: suite.run(self))

    def figure(self, name, ours, peer, unit=TIME, bounds=()):
        """Time both sides in turns."""

        def measure():
            _anew(ours, peer)
            self.keep(self._turns.figure(self._suite, name, ours, peer, unit, bounds))

        self._held(name, measure)

    def heap(self, name, ours, peer):
        """Bytes of heap that one unit of each leaves to the collector; the same in every run, so once."""

        def measure():
            _anew(ours, peer)
            values = [side.place.heap(side.work)[1] for side in (ours, peer)]
            where = (ours.place.name, peer.place.name)
            self.keep(Figure(self._suite, name, BYTES, *values, ours.what, peer.what, *where))

        self._held(name, measure)

    def rates(self, name, ours, peer):
        """Two sides that keep their own time: (what, where, object with `rate(seconds)`).
        Medians, as luck may help them as well as hinder."""

        def measure():
            seconds = self._turns.round_ms / 1000
            found = ([], [])
            for turn in range(self._turns.rounds):
                for i in (0, 1) if turn % 2 else (1, 0):
                    found[i].append((ours, peer)[i][2].rate(seconds))
            values = [statistics.median(rates) for rates in found]
            ratios = [a / b for a, b in zip(*found, strict=True)]
            what, where = (ours[0], peer[0]), (ours[1], peer[1])
            spread, rounds = middle_half(ratios), self._turns.rounds
            self.keep(Figure(self._suite, name, RATE, *values, *what, *where, rounds, (1, 1), spread))

        self._held(name, measure)

    def amount(self, name, unit, value, what, where, bounds=()):
        """Something measured that has no peer."""
        self.amounts.append(Amount(self._suite, name, unit, value, what, where, list(bounds)))

    def detail(self, name, value):
        self.details.setdefault(self._suite, {})[name] = value

    def part(self, name, job):
        """A piece of the suite that may fail or be left out without taking the others with it."""
        self._held(name, job)

    def leave_out(self, name, reason):
        self.left_out.append(LeftOut(self._suite, name, reason))

    def remark(self, text):
        self.remarks.append(text)

    def keep(self, figure):
        self.figures.append(figure)
        if self._tell:
            self._tell(figure)

    def _held(self, name, job):
        try:
            job()
        except Absent as absent:
            self.left_out.append(LeftOut(self._suite, name, str(absent)))
        except ModuleNotFoundError as missing:
            reason = f"{missing}: run `make setup`"
            self.left_out.append(LeftOut(self._suite, name, reason))
        except (Failed, ArithmeticError, AssertionError, AttributeError, RuntimeError, TypeError) as failed:
            # One piece of work that fails takes neither the others nor their figures with it.
            self.failed.append(LeftOut(self._suite, name, f"{type(failed).__name__}: {failed}"))


def _anew(*sides):
    for place in {side.place for side in sides}:
        if isinstance(place, Worker):
            place.anew()
