"""A GNSS receiver that replays a recorded log."""

import re
from pathlib import Path

_TIMED = re.compile(rb"\$..(RMC|GGA|GLL|ZDA|GNS),")
_SECOND_US = 1_000_000


class GnssReplay:
    """A recorded log, at the pace at which it was recorded: one epoch every 1/rate seconds.

    Everything that is in the file is sent, noise and broken lines included; only the comment lines that
    gpsd's log files start with are left out. A log that ends starts again, unless `loop` is false.
    """

    def __init__(self, kernel, port, path, baud=9600, rate=1.0, loop=True):
        self.kernel = kernel
        self.port = port
        self.baud = baud
        self.sent = 0
        self.rounds = 0
        self._epochs = epochs(Path(path).read_bytes())
        if not self._epochs:
            raise ValueError(f"{path}: no sentence in it")
        self._interval_us = int(_SECOND_US / rate)
        self._loop = loop
        self._timer = None
        self._next = 0

    def start(self):
        self.port.device_baud = self.baud
        self._again(self._interval_us)

    def stop(self):
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def bytes_from_guest(self, data):
        """A receiver's settings are not modelled: it hears and does nothing."""
        self.kernel.emit("gnss", "ignored", size=len(data))

    def _again(self, delay_us):
        self._timer = self.kernel.at_lane(self.port.lane, self.kernel.now_us + delay_us, self._burst)

    def _burst(self):
        self._timer = None
        if self._next == len(self._epochs):
            self.rounds += 1
            if not self._loop:
                return
            self._next = 0
        data = self._epochs[self._next]
        self._next += 1
        self.sent += len(data)
        self.port.send_to_guest(data)
        # A burst longer than the interval pushes the next one back, as the wire itself would.
        wire_us = len(data) * 10 * _SECOND_US // self.baud
        self._again(max(self._interval_us, wire_us))


def epochs(log):
    """The bytes of a log, cut where the time of day in RMC, GGA, GLL, ZDA or GNS changes."""
    parts, current, last = [], bytearray(), None
    for line in log.splitlines(keepends=True):
        if line.startswith(b"#"):
            continue
        time = _time_of(line)
        if time is not None and last is not None and time != last:
            parts.append(bytes(current))
            current = bytearray()
        if time is not None:
            last = time
        current += line
    if current.strip():
        parts.append(bytes(current))
    return parts


def _time_of(line):
    match = _TIMED.search(line)
    if match is None:
        return None
    fields = line[match.start() :].split(b",")
    index = 5 if match.group(1) == b"GLL" else 1
    text = fields[index][:9] if len(fields) > index else b""
    return text if len(text) >= 6 and text[:6].isdigit() else None
