"""What is measured on the way of a frame, cheaply: a look-up in a short table and two additions."""

from bisect import bisect_left
from collections.abc import Sequence

# Seconds. An answer is expected in milliseconds; a terminal repeats an alarm after half a second.
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
# Works that share a commit.
WORKS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Distribution:
    """How often a value was at most each bound. Written by one thread, read by any."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def note(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        return sum(self.counts)

    def cumulative(self) -> list[tuple[str, int]]:
        """(upper bound, how many were not above it), as Prometheus wants it; the last bound is +Inf."""
        out, so_far = [], 0
        for bound, count in zip(self.bounds, self.counts, strict=False):
            so_far += count
            out.append((str(float(bound)), so_far))
        return [*out, ("+Inf", so_far + self.counts[-1])]


class Timings:
    """`answer`: from an authentic request to its answer; `relay`: from the commit of a frame to the broker's
    confirmation; `alarm`: the same, of frames that raise an alarm; `commit` and `works`: each transaction,
    and how many works shared it."""

    def __init__(self) -> None:
        self.answer = Distribution()
        self.relay = Distribution()
        self.alarm = Distribution()
        self.commit = Distribution()
        self.works = Distribution(WORKS)
