"""What differs between the two Pythons, in one place."""

try:
    from typing import Any as Any
    from typing import Callable as Callable
except ImportError:
    # MicroPython compiles annotations away; the names only have to be importable.
    Any = Callable = None  # type: ignore[misc, assignment]

try:
    from micropython import const as const

    MICROPYTHON = True
except ImportError:
    MICROPYTHON = False

    def const(value: int) -> int:
        """Stand-in for MicroPython's compile-time constant."""
        return value
