"""When to shake hands: a terminal's keys are made anew once a day, on demand, and when the gateway lost them.

No input can end the service of the context in use: an unauthenticated hint ("I cannot read you") leads to one
handshake beside it at most, and to the next only after a pause. docs/adr/0011 has the reasons of the numbers.

`now_ms` is a clock that never goes back and does not wrap; `random16()` gives 0..65535. The owner asks while
the bearer is up, tells only hints that answer requests under the newest context, and counts something as
urgent while an alarm has not been delivered.
"""

from protocol.compat import Callable, const
from protocol.errors import Misuse

# What is known of the newest context.
NEEDED = const(0)  # there is none
DOUBTED = const(1)  # hints came, and nothing authentic after the first of them
SERVING = const(2)

_MADE = const(0)
_LOST = const(1)
_HINT = const(2)
_HEARD = const(3)
_BEGUN = const(4)  # an attempt uses up the hints that led to it

# By state and event, in the order of their numbers; a byte each, as this table is always in memory.
_NEXT = (
    b"\x02\x00\x00\x00\x00"  # NEEDED
    b"\x02\x00\x01\x02\x02"  # DOUBTED
    b"\x02\x00\x01\x02\x02"  # SERVING
)
_EVENTS = const(5)

# First pause after an attempt, longest pause, longest pause while something urgent waits (None: not at all
# then), and how long one attempt may take. Pauses double, and are drawn from the upper half of their step.
_PACE = (
    (1_000, 60_000, 5_000, 30_000),
    (5_000, 600_000, 10_000, 30_000),
    (60_000, 3_600_000, None, 120_000),
)

_DAY_MS = const(86_400_000)
_SILENCE_MS = const(3_000)  # of authentic answers, before a hint is followed
_HINT_JITTER_MS = const(10_000)  # a gateway that lost its store is asked by all its terminals
_LATE_JITTER_MS = const(600_000)  # the same, after a weekend
_UNKNOWN_MS = const(3_600_000)  # for a context whose age is not known, from now


class Renewal:
    """`state` is NEEDED, DOUBTED or SERVING. `running` is the state that the handshake under way was begun
    in, or None."""

    def __init__(self, random16: Callable[[], int], day_ms: int = _DAY_MS) -> None:
        self._random16 = random16
        self._day_ms = day_ms
        self.state = NEEDED
        self.running: int | None = None
        self._at_ms = 0  # what NEEDED and DOUBTED ask for is not due before
        self._spread_ms = 0  # and this much later, unless something urgent waits
        self._until_ms = 0  # end of the context's day
        self._unused = True
        self._began_ms = 0
        # By the state in which the attempts began.
        self._tries = [0, 0, 0]
        self._ended_ms = [0, 0, 0]
        self._draw = 0

    def serves(self, now_ms: int, age_ms: int | None = None) -> None:
        """There is a context; also when its age becomes known later."""
        if age_ms is None or age_ms < 0:
            self._until_ms = now_ms + _UNKNOWN_MS - self._jitter(_UNKNOWN_MS >> 1)
        else:
            day_ms = self._day_ms - self._jitter(self._day_ms // 24)
            self._until_ms = max(now_ms + self._jitter(_LATE_JITTER_MS), now_ms - age_ms + day_ms)
        if self.state == NEEDED:
            self._step(_MADE, now_ms)

    def lost(self, now_ms: int) -> None:
        """There is no context that can be used (any more)."""
        self._step(_LOST, now_ms)

    def hinted(self, now_ms: int) -> None:
        """Somebody says that the gateway cannot read what we send under the newest context."""
        self._step(_HINT, now_ms)

    def heard(self, now_ms: int) -> None:
        """An authentic answer under the newest context. To be told before what the answer says."""
        self._unused = False
        self._step(_HEARD, now_ms)

    def asked(self, now_ms: int) -> None:
        """The gateway, authentically, asks for a renewal: the day is over.

        Not so before the newest context was used: it is what was asked for, and one more handshake would make
        the gateway forget it before the terminal has the next."""
        if not self._unused:
            self._until_ms = min(self._until_ms, now_ms)

    def wait_ms(self, now_ms: int, urgent: bool = False) -> int | None:
        """Time until a handshake is due; 0: begin one. None while nothing but news can make it so."""
        if self.running is not None:
            return None
        at_ms = self._until_ms if self.state == SERVING else self._at_ms
        cap_ms = _PACE[self.state][2 if urgent else 1]
        if cap_ms is None:
            return None
        if not urgent:
            at_ms += self._spread_ms
        if self._tries[self.state]:
            at_ms = max(at_ms, self._paused_until_ms(cap_ms))
        return max(0, at_ms - now_ms)

    def _paused_until_ms(self, cap_ms: int) -> int:
        state = self.state
        step_ms = min(_PACE[state][0] << min(self._tries[state] - 1, 8), cap_ms)
        step_ms -= (step_ms >> 1) * self._draw >> 8
        until_ms: int = self._ended_ms[state] + step_ms
        return until_ms

    def begun(self, now_ms: int) -> bool:
        """A handshake was begun; True if service depends on it, so that it goes at the urgent lane's pace."""
        if self.running is not None:
            raise Misuse("renewal: begun twice")
        self.running = state = self.state
        self._began_ms = now_ms
        if now_ms - self._ended_ms[state] >= 2 * _PACE[state][1]:
            self._tries[state] = 0
        self._step(_BEGUN, now_ms)
        return bool(state != SERVING)

    def late(self, now_ms: int) -> bool:
        """The handshake under way has had its time: give it up and say `failed`."""
        state = self.running
        return state is not None and now_ms - self._began_ms >= _PACE[state][3]

    def failed(self, now_ms: int) -> None:
        self._ended(now_ms)

    def succeeded(self, now_ms: int) -> None:
        """A new context is stored, and the gateway has it."""
        state = self._ended(now_ms)
        # Recoveries count on: what makes them needed may be somebody's doing, and each costs a flash write.
        if state != DOUBTED:
            self._tries[state] = 0
        self._step(_MADE, now_ms)
        self._unused = True
        self.serves(now_ms, 0)

    def _ended(self, now_ms: int) -> int:
        state = self.running
        if state is None:
            raise Misuse("renewal: ended, not begun")
        self.running = None
        self._tries[state] += 1
        self._ended_ms[state] = now_ms
        self._draw = self._random16() >> 8  # small integers end at 2^30 on the chip
        return state

    def _step(self, event: int, now_ms: int) -> None:
        state = _NEXT[self.state * _EVENTS + event]
        if state != self.state:
            self.state = state
            self._at_ms = now_ms
            self._spread_ms = 0
            if state == DOUBTED:
                self._at_ms = now_ms + _SILENCE_MS
                self._spread_ms = self._jitter(_HINT_JITTER_MS)

    def _jitter(self, span_ms: int) -> int:
        # Divided first, for the same reason.
        return (span_ms >> 8) * self._random16() >> 8
