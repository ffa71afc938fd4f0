"""Growing pauses with jitter, so that a fleet that lost one thing together does not come back as one."""

from protocol.errors import Misuse


class Backoff:
    """Doubles from `first_ms` to `cap_ms`. Each pause is drawn from the upper half of its step:
    never shorter than half of it, so that a fast retry cannot repeat by chance, never longer than the cap."""

    def __init__(self, first_ms: int, cap_ms: int):
        if not 0 < first_ms <= cap_ms:
            raise Misuse("back-off: first %r ms, cap %r ms" % (first_ms, cap_ms))
        self._first_ms = first_ms
        self._cap_ms = cap_ms
        self._step_ms = first_ms

    def next(self, random16: int) -> int:
        """The pause before the next attempt, ms. `random16` is 0..65535, drawn by the caller."""
        step = self._step_ms
        # Not `step * 2 > cap`: small integers end at 2^30 on the chip.
        self._step_ms = self._cap_ms if step > self._cap_ms >> 1 else step << 1
        half = step >> 1
        # Divided before it is multiplied, for the same reason.
        return step - ((half >> 8) * random16 >> 8) - ((half & 0xFF) * random16 >> 16)

    def reset(self) -> None:
        """What was tried has worked: start from the shortest pause again."""
        self._step_ms = self._first_ms
