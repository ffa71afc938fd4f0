"""A link on which datagrams go out and nothing comes in: its socket may be dead and the modem not know it."""

from protocol.compat import const

_FIRST_MS = const(45000)
_LONGEST_MS = const(1800000)  # when headquarters is away for long, the radio is not to blame
_COUNT = const(4)
_STEPS = const(4)


class Deafness:
    """Counts what goes unanswered. Each remedy reaches further than the last and gets twice the time."""

    def __init__(self):
        self._unanswered = 0
        self._since = 0
        self._patience_ms = _FIRST_MS
        self._step = 0

    def begin(self):
        """A new socket: what was sent on the old one does not count."""
        self._unanswered = 0

    def sent(self, now_ms):
        if not self._unanswered:
            self._since = now_ms
        self._unanswered += 1

    def heard(self):
        """Something came in: all is well."""
        self._unanswered = 0
        self._patience_ms = _FIRST_MS
        self._step = 0

    def remedy(self, now_ms):
        """0 while there is no reason, else 1 to 4: socket, network, radio, modem; then the first again."""
        if self._unanswered < _COUNT or now_ms - self._since < self._patience_ms:
            return 0
        self._unanswered = 0
        self._patience_ms = min(2 * self._patience_ms, _LONGEST_MS)
        self._step = self._step % _STEPS + 1
        return self._step
