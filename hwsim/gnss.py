"""A GNSS receiver on a UART: it replays a recorded log, or makes sentences along a track.

Both hand whole bursts to the port, which lets them trickle out byte by byte at the baud rate. Sentences along
a track depend on the seed and the second alone, so those of the next seconds can be made before their time.
"""

import datetime
import math
import re
from pathlib import Path

from hwsim.sentences import degrees, nothing_known, position, satellites, sentence
from hwsim.sky import Sky

_TIMED = re.compile(rb"\$..(RMC|GGA|GLL|ZDA|GNS),")
_SECOND_US = 1_000_000
_AHEAD = 16  # seconds whose bursts are told at a time to who reads them all ...
_GLANCE = 3  # ... and to who has not read for longer than a UART's buffer lasts: what it missed is lost
_STEADILY_US = 5 * _SECOND_US
_OVER_US = 600_000  # a burst is over by then
_NOISES = 1 << 10
_SKY_S = 10  # so long the sky is taken to stand still

__all__ = ("GnssReplay", "GnssTrack", "degrees", "epochs")


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


class GnssTrack:
    """A receiver in a car on a track: RMC, GGA, GSA and GSV once a second.

    `track.at(t_s)` gives the Fix (see roads). `epoch` is the UTC time at the kernel's zero. There is no fix
    for the first `first_fix_s` seconds; `signal`, `antenna` and `moving` may be changed at any time, and so
    may the `sky`, with `redo()` after it.
    """

    def __init__(
        self,
        kernel,
        port,
        track,
        baud=9600,
        epoch=None,
        first_fix_s=2.0,
        noise_m=1.2,
        name="gnss",
        talker="GN",
    ):
        self.kernel = kernel
        self.port = port
        self.track = track
        self.baud = baud
        self.epoch = epoch or datetime.datetime(2024, 6, 3, 6, 0, tzinfo=datetime.UTC)
        self.sky = Sky()
        self._signal = True
        self._antenna = "ok"  # ok, open, short: told with TXT when it changes
        self._moving = True
        self._first_fix_us = int(first_fix_s * _SECOND_US)
        self._noise_m = noise_m
        self._talker = talker
        rng = kernel.rng("gnss/" + name)
        # As many errors as there are seconds would cost a draw each; so they come round again.
        self._noise = [(rng.gauss(0, 1), rng.gauss(0, 1), rng.gauss(0, 2)) for _ in range(_NOISES)]
        self._jitter = [rng.randrange(4) for _ in range(_NOISES)]
        self._timer = None
        self._due_us = None  # when the next burst begins that is not made yet
        self._tell_us = None  # the burst that tells of the antenna
        self._drive_us = 0  # driven up to `_drive_from_us`
        self._drive_from_us = None
        self._stands = self._stands_at = None
        self._sky_seen = (None, None, None)

    def start(self):
        self.port.device_baud = self.baud
        # Bursts start on the full second of the kernel, where the receiver's own second would be.
        self._due_us = self._tell_us = self._next_second()
        if self._drive_from_us is None:
            self._drive_from_us = self._due_us
        self._more()

    def stop(self):
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.port.offer()
        self._due_us = None

    def bytes_from_guest(self, data):
        self.kernel.emit("gnss", "ignored", size=len(data))

    @property
    def signal(self):
        return self._signal

    @signal.setter
    def signal(self, there):
        if there != self._signal:
            self._signal = there
            self.redo()

    @property
    def antenna(self):
        return self._antenna

    @antenna.setter
    def antenna(self, state):
        if state != self._antenna:
            self._antenna = state
            self._tell_us = self._next_second()
            self.redo()

    @property
    def moving(self):
        return self._moving

    @moving.setter
    def moving(self, moves):
        if moves != self._moving:
            now_us = self.kernel.now_us
            if self._drive_from_us is not None and now_us > self._drive_from_us:
                self._drive_us = self._driven_us(now_us)
                self._drive_from_us = now_us
            self._moving = moves
            self.redo()

    @property
    def fix(self):
        """What was last said, None: that there is none."""
        return self._fix(self.kernel.now_us // _SECOND_US * _SECOND_US)

    def redo(self):
        """Something is different from now on: what was made ahead and has not begun is made anew."""
        if self._due_us is None:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self.port.steady:
            self.port.offer()
        self._due_us = self._next_second()
        self._more()

    def _next_second(self):
        return (self.kernel.now_us // _SECOND_US + 1) * _SECOND_US

    def _more(self):
        """Make bursts when somebody asks for them; or, on a line that spoils them, each at its time."""
        self._timer = None
        if self.port.steady:
            self.port.offer(self)
        else:
            self._timer = self.kernel.at_lane(self.port.lane, self._due_us, self._burst)

    def _burst(self):
        begin_us, self._due_us = self._due_us, self._due_us + _SECOND_US
        self.port.send_to_guest(self.burst(begin_us))
        self._timer = self.kernel.at_lane(self.port.lane, begin_us + _OVER_US, self._more)

    def bursts(self, now_us, room):
        """(until when that is all, [(begin, bytes)]): what is being said, and what will be."""
        if self._due_us is None:
            return now_us + _STEADILY_US, []
        count = _AHEAD
        if now_us - self._due_us >= _STEADILY_US:
            count = _GLANCE
            self._due_us = now_us // _SECOND_US * _SECOND_US
        found = []
        while len(found) < count:
            data = self.burst(self._due_us)
            room -= len(data)
            if room < 0:
                break
            found.append((self._due_us, data))
            self._due_us += _SECOND_US
        return self._due_us, found

    def burst(self, at_us):
        """The bytes that begin then."""
        return ("\r\n".join(self.sentences(self._fix(at_us), at_us)) + "\r\n").encode()

    def sentences(self, fix, at_us):
        """The sentences of that moment; `fix` None means: none yet."""
        time, date = self.sky.clock(self.epoch, at_us)
        if fix is None:
            yield from nothing_known(self._talker, time, date)
        else:
            sky, used, hdop = self._satellites(at_us)
            yield from position(self._talker, time, date, fix, used, hdop)
            yield sky
        if at_us == self._tell_us:
            yield sentence("GP", "TXT", "01", "01", "01", "ANTSTATUS=" + self._antenna.upper())

    def _driven_us(self, at_us):
        began_us = at_us if self._drive_from_us is None else self._drive_from_us
        return self._drive_us + (max(0, at_us - began_us) if self._moving else 0)

    def _fix(self, at_us):
        sky = self.sky
        lost = not self._signal or self._antenna != "ok" or sky.cold or sky.drowned
        if lost or at_us < self._first_fix_us:
            return None
        driven_us = self._driven_us(at_us)
        if self._moving:
            fix = self.track.at(driven_us / _SECOND_US)
        else:
            if self._stands != driven_us:
                fix = self.track.at(driven_us / _SECOND_US)
                self._stands, self._stands_at = driven_us, fix._replace(speed_m_s=0.0)
            fix = self._stands_at
        return self._blur(sky.place(fix, at_us), at_us // _SECOND_US)

    def _blur(self, fix, second):
        north, east, up = self._noise[second % _NOISES]
        return type(fix)(
            fix.lat + north * self._noise_m / 111_200,
            fix.lon + east * self._noise_m / (111_200 * math.cos(math.radians(fix.lat))),
            fix.alt_m + up * self._noise_m,
            fix.speed_m_s,
            fix.course_deg,
        )

    def _satellites(self, at_us):
        """Eleven satellites that drift slowly over the sky; see `sentences.satellites`."""
        turn = at_us // (_SKY_S * _SECOND_US)
        if self._sky_seen[:2] != (turn, self.sky.jam):
            minutes = turn * _SKY_S / 60
            sats = []
            for k in range(11):
                elevation = int(45 + 40 * math.sin(k * 1.7 + minutes / 55))
                azimuth = int(k * 33 + minutes * 0.4) % 360
                snr = min(48, 24 + elevation // 4 + self._jitter[(turn * 11 + k) % _NOISES])
                sats.append((1 + (k * 7 + 3) % 32, elevation, azimuth, self.sky.snr(snr)))
            self._sky_seen = (turn, self.sky.jam, satellites(self._talker, sats))
        return self._sky_seen[2]
