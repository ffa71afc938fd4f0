"""How far the clock of a board on the desk may run: as the board works, or as the wall goes."""

import time

_SHARE_US = 100_000  # of the bench's time between two looks at the world
_PAUSE_MS = 10  # of the wall, at most, between two looks while its clock follows it
_IDLE_MS = 500
_ANSWER_S = 5.0  # of the wall: so long an answer from a real gateway may be under way
_WITH_GATEWAY = 2  # times as fast as the wall at most, meanwhile


class StandPace:
    """`stand`: kernel, terminal, console, outside, micropython. `speed`: how many times as fast as the wall;
    0: as fast as the board works, and not at all while its prompt waits. `still`: not at all."""

    def __init__(self, stand, speed):
        self._stand = stand
        self.speed = speed
        self.still = False
        self._base = (time.monotonic(), 0)

    def advance(self):
        """Let the clock run a little. False: the board has nothing to do, or is not allowed to."""
        stand = self._stand
        kernel = stand.kernel
        speed = self.speed
        if self.still:
            return False
        if not speed:
            if stand.micropython is None:
                speed = 1
            elif self._rests() or not stand.terminal.powered:
                return False
            elif stand.outside is not None and stand.outside.awaits(_ANSWER_S):
                speed = _WITH_GATEWAY
        wall, base_us = self._base
        now = time.monotonic()
        self._base = (now, kernel.now_us)
        until_us = kernel.now_us + _SHARE_US
        if speed:
            until_us = min(until_us, base_us + round((now - wall) * speed * 1_000_000))
            if until_us <= kernel.now_us:
                self._base = (wall, base_us)
                return False
        if speed:
            kernel.run(until_us)
            return False
        kernel.run_until(lambda: self.still or self._rests(), _SHARE_US / 1_000_000)
        return True

    def pause_ms(self):
        """So long, by the wall, nothing has to be looked at unless something comes in."""
        stand = self._stand
        if self.still:
            return _IDLE_MS
        if not self.speed and (self._rests() or not stand.terminal.powered) and stand.micropython is not None:
            return _IDLE_MS
        left_us = (stand.kernel.first_us() - stand.kernel.now_us) / (self.speed or _WITH_GATEWAY)
        return min(_PAUSE_MS, max(1, left_us // 1000))

    def _rests(self):
        return self._stand.terminal.program.reading and self._stand.console.quiet
