"""The serial line as bytes with a patience: a pyserial port whose failures are a technician's errors."""

import contextlib
import time

import serial

from flashing.board import holders
from flashing.errors import FlashError

GONE = "the board is gone: the cable was pulled, or it lost power"


class Line:
    """`port` is a device's name. Raises FlashError when it cannot be had, and whenever it is lost."""

    def __init__(self, port: str, baud: int):
        self.port = port
        self.baud = baud
        self._ahead = b""
        holders.refuse(port)
        try:
            self._serial = serial.Serial(port, baud, timeout=0, write_timeout=10, exclusive=True)
        except (OSError, ValueError) as error:  # SerialException is an OSError
            raise holders.explain(port, error) from None

    def close(self) -> None:
        with contextlib.suppress(OSError):  # it was gone before
            self._serial.close()

    def write(self, data: bytes) -> None:
        try:
            self._serial.write(data)
        except serial.SerialTimeoutException:
            raise FlashError(
                "the board takes nothing more",
                self.port,
                "press its RESET, or unplug it and plug it in again",
                reason="stuck",
            ) from None
        except OSError:
            raise self._gone() from None

    def read(self, patience_s: float) -> bytes:
        """What there is, waited for at most that long; empty when nothing came."""
        if self._ahead:
            data, self._ahead = self._ahead, b""
            return data
        try:
            self._serial.timeout = patience_s
            data = bytes(self._serial.read(1))
            if data:
                data += bytes(self._serial.read(self._serial.in_waiting))
        except (OSError, TypeError):  # TypeError: closed under our hands
            raise self._gone() from None
        return data

    def unread(self, data: bytes) -> None:
        """The next `read` gives this first."""
        self._ahead = data + self._ahead

    def read_until(self, ending: bytes, patience_s: float, most_s: float | None = None) -> tuple[bytes, bool]:
        """(all up to and with `ending`, True), or (what came instead, False) when nothing more has come for
        that long, or for `most_s` nothing but something else."""
        data = bytearray()
        until = None if most_s is None else time.monotonic() + most_s
        while True:
            more = self.read(patience_s)
            if not more or (until is not None and time.monotonic() > until and ending not in data + more):
                return bytes(data + more), False
            begin = max(0, len(data) - len(ending) + 1)
            data += more
            at = data.find(ending, begin)
            if at >= 0:
                end = at + len(ending)
                self._ahead = bytes(data[end:])
                return bytes(data[:end]), True

    def take(self, count: int, patience_s: float) -> bytes:
        """`count` bytes, or fewer when nothing more has come for that long."""
        data = b""
        while len(data) < count:
            more = self.read(patience_s)
            if not more:
                break
            data += more
        self._ahead = data[count:]
        return data[:count]

    def drop(self, quiet_s: float = 0.0, most_s: float = 1.0) -> bytes:
        """Read what is there and what comes until it is quiet for that long; at most `most_s` altogether."""
        dropped, until = b"", time.monotonic() + most_s
        while time.monotonic() < until:
            more = self.read(quiet_s)
            if not more:
                break
            dropped += more
        return dropped

    def _gone(self) -> FlashError:
        return FlashError(
            GONE,
            self.port,
            "plug it in again; what is done stays done, the same command goes on from there",
            reason="gone",
        )
