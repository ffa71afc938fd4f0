"""The chip's watchdog: it runs beside the program, and on when the program is dead."""

from hwsim.kernel import NO_LANE


class Watchdog:
    """`bite()` is called when it was not fed in time."""

    def __init__(self, kernel, bite, lane=NO_LANE):
        self._kernel = kernel
        self._bite = bite
        self._lane = lane
        self._timer = None
        self.stop()

    def stop(self):
        """Only a reset does this."""
        self._timeout_us = 0
        self._rest(None)

    def start(self, timeout_ms, when_us):
        self._timeout_us = timeout_ms * 1000
        self._rest(when_us + self._timeout_us)

    def feed(self, when_us):
        """It is, or will be, fed then, and was in between as often as needed: a program that runs ahead knows
        when it bites, and asks before it runs past that."""
        if self._due_us is not None:
            self._rest(when_us + self._timeout_us)

    def _rest(self, due_us):
        if self._timer is not None:
            self._timer.cancel()
        self._due_us = due_us
        self._timer = None if due_us is None else self._kernel.at_lane(self._lane, due_us, self._look)

    def _look(self):
        self._timer = None
        self._bite()
