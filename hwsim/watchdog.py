"""The chip's watchdog: it runs beside the program, and on when the program is dead."""


class Watchdog:
    """`bite()` is called when it was not fed in time."""

    def __init__(self, kernel, bite):
        self._kernel = kernel
        self._bite = bite
        self.stop()

    def stop(self):
        """Only a reset does this."""
        self._due_us = None
        self._timeout_us = 0
        self._life = object()

    def start(self, timeout_ms):
        self._timeout_us = timeout_ms * 1000
        running = self._due_us is not None
        self._due_us = self._kernel.now_us + self._timeout_us
        if not running:
            self._kernel.at(self._due_us, self._look, self._life)

    def feed(self, when_us):
        """It is, or will be, fed then. Fed too late, it bites all the same."""
        # The timer stays where it is and looks again when it is due: feeding costs the kernel nothing.
        if self._due_us is not None and when_us <= self._due_us:
            self._due_us = when_us + self._timeout_us

    def _look(self, life):
        if life is not self._life:
            return
        if self._kernel.now_us < self._due_us:
            self._kernel.at(self._due_us, self._look, life)
        else:
            self._bite()
