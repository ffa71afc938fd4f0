"""The two clocks the gateway reads, in one place, so that a test or a bench can set them."""

import time


class Clock:
    """`wall_ms` goes into records and answers, `mono_ms` into intervals."""

    def wall_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1_000_000

    def mono_ms(self) -> float:
        """Milliseconds of a clock that never steps back."""
        return time.monotonic() * 1000.0
