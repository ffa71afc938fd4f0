"""A key's bounce, its holding and its sticking, from samples of its level."""

from protocol.compat import Callable

PRESSED = 1
RELEASED = 2
STUCK = 3


class Debouncer:
    """`sample(level, now_ms)` once per poll and at each edge; gives an event once, or None.

    level: true while the contact is closed (the caller knows whether the pin is active low).
    A level is believed after it has held for `settle_ms` without a change. A key held for `stuck_ms`
    gives STUCK, once; what held it down is no longer a press, so its release gives no event but
    makes the key usable again. diff(a, b) is a - b on the wrapping ticks of the caller (`ticks_diff`).
    """

    def __init__(self, settle_ms: int, stuck_ms: int, diff: Callable[[int, int], int]) -> None:
        self.pressed = False  # the settled level
        self.stuck = False
        self._settle_ms = settle_ms
        self._stuck_ms = stuck_ms
        self._diff = diff
        self._level = False  # as sampled last
        self._since = 0  # when the sampled level last changed
        self._pressed_at = 0

    def sample(self, level: object, now_ms: int) -> int | None:
        """Return PRESSED, RELEASED, STUCK or None."""
        level = bool(level)
        if level != self._level:
            self._level = level
            self._since = now_ms
        if level != self.pressed:
            if self._diff(now_ms, self._since) < self._settle_ms:
                return None
            self.pressed = level
            if level:
                self._pressed_at = self._since
                return PRESSED
            if self.stuck:
                self.stuck = False
                return None
            return RELEASED
        if level and not self.stuck and self._diff(now_ms, self._pressed_at) >= self._stuck_ms:
            self.stuck = True
            return STUCK
        return None

    def held_ms(self, now_ms: int) -> int:
        """How long the key has been down, from its first contact; 0 if it is up or stuck."""
        if not self.pressed or self.stuck:
            return 0
        return self._diff(now_ms, self._pressed_at)
