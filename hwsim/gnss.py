"""A GNSS receiver on a UART: it replays a recorded log, or makes sentences along a track.

Both hand whole bursts to the port, which lets them trickle out byte by byte at the baud rate.
"""

import datetime
import math
import re
from pathlib import Path

import pynmea2

from hwsim.sky import Sky

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
        self._timer = self.kernel.after(self._interval_us, self._burst)

    def stop(self):
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def bytes_from_guest(self, data):
        """A receiver's settings are not modelled: it hears and does nothing."""
        self.kernel.emit("gnss", "ignored", size=len(data))

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
        self._timer = self.kernel.after(max(self._interval_us, wire_us), self._burst)


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
    for the first `first_fix_s` seconds; `signal` and `antenna` may be changed at any time.
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
        self.signal = True
        self.antenna = "ok"  # ok, open, short: told with TXT when it changes
        self.moving = True
        self.sky = Sky()
        self.fix = None  # what was last sent, for the view
        self._first_fix_us = int(first_fix_s * _SECOND_US)
        self._noise_m = noise_m
        self._talker = talker
        self._rng = kernel.rng("gnss/" + name)
        self._timer = None
        self._told_antenna = None
        self._drive_us = 0
        self._last_us = None

    def start(self):
        self.port.device_baud = self.baud
        # Bursts start on the full second of the kernel, where the receiver's own second would be.
        now = self.kernel.now_us
        self._timer = self.kernel.at((now // _SECOND_US + 1) * _SECOND_US, self._burst)

    def stop(self):
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def bytes_from_guest(self, data):
        self.kernel.emit("gnss", "ignored", size=len(data))

    def sentences(self, fix, utc):
        """The sentences of one second; `fix` None means: none yet."""
        rmc_time, rmc_date = self.sky.clock(utc, self.kernel.now_us)
        if fix is None:
            yield self._sentence("RMC", rmc_time, "V", "", "", "", "", "", "", rmc_date, "", "", "N")
            yield self._sentence("GGA", rmc_time, "", "", "", "", "0", "00", "99.9", "", "M", "", "M", "", "")
            yield self._sentence("GSA", "A", "1", *[""] * 12, "99.9", "99.9", "99.9")
            return
        lat = degrees(abs(fix.lat), 2), "N" if fix.lat >= 0 else "S"
        lon = degrees(abs(fix.lon), 3), "E" if fix.lon >= 0 else "W"
        course = f"{fix.course_deg:.1f}" if fix.speed_m_s > 0.5 else ""
        sats = self._satellites()
        used = [number for number, _, _, snr in sats if snr >= 25][:12]
        hdop = f"{0.7 + 4.0 / max(4, len(used)) - 0.3:.1f}"
        yield self._sentence(
            "RMC",
            rmc_time,
            "A",
            *lat,
            *lon,
            f"{fix.speed_m_s * 3.6 / 1.852:.2f}",
            course,
            rmc_date,
            "",
            "",
            "A",
        )
        yield self._sentence(
            "GGA",
            rmc_time,
            *lat,
            *lon,
            "1",
            f"{len(used):02d}",
            hdop,
            f"{fix.alt_m:.1f}",
            "M",
            "43.1",
            "M",
            "",
            "",
        )
        yield self._sentence(
            "GSA", "A", "3", *[f"{n:02d}" for n in used], *[""] * (12 - len(used)), "1.6", hdop, "1.3"
        )
        groups = [sats[i : i + 4] for i in range(0, len(sats), 4)]
        for index, group in enumerate(groups):
            fields = [
                str(field)
                for sat in group
                for field in (f"{sat[0]:02d}", f"{sat[1]:02d}", f"{sat[2]:03d}", f"{sat[3]:02d}")
            ]
            yield pynmea2_line("GP", "GSV", str(len(groups)), str(index + 1), f"{len(sats):02d}", *fields)

    def _sentence(self, kind, *fields):
        return pynmea2_line(self._talker, kind, *fields)

    def _burst(self):
        now = self.kernel.now_us
        self._timer = self.kernel.at(now + _SECOND_US, self._burst)
        if self._last_us is not None and self.moving:
            self._drive_us += now - self._last_us
        self._last_us = now
        utc = self.epoch + datetime.timedelta(microseconds=now)
        fix = self.track.at(self._drive_us / _SECOND_US)
        if not self.moving:
            fix = type(fix)(fix.lat, fix.lon, fix.alt_m, 0.0, fix.course_deg)
        sky = self.sky
        if not self.signal or now < self._first_fix_us or self.antenna != "ok" or sky.cold or sky.drowned:
            self.fix = None
        else:
            self.fix = self._blur(sky.place(fix, now))
        lines = list(self.sentences(self.fix, utc))
        if self.antenna != self._told_antenna:
            self._told_antenna = self.antenna
            lines.append(pynmea2_line("GP", "TXT", "01", "01", "01", "ANTSTATUS=" + self.antenna.upper()))
        self.port.send_to_guest("".join(line + "\r\n" for line in lines).encode())

    def _blur(self, fix):
        north, east = (self._rng.gauss(0, self._noise_m) for _ in range(2))
        return type(fix)(
            fix.lat + north / 111_200,
            fix.lon + east / (111_200 * math.cos(math.radians(fix.lat))),
            fix.alt_m + self._rng.gauss(0, 2 * self._noise_m),
            fix.speed_m_s,
            fix.course_deg,
        )

    def _satellites(self):
        """Eleven satellites that drift slowly over the sky: number, elevation, azimuth, signal."""
        minutes = self.kernel.now_us / 60e6
        sats = []
        for k in range(11):
            elevation = int(45 + 40 * math.sin(k * 1.7 + minutes / 55))
            azimuth = int(k * 33 + minutes * 0.4) % 360
            sats.append(
                (
                    1 + (k * 7 + 3) % 32,
                    elevation,
                    azimuth,
                    self.sky.snr(min(48, 24 + elevation // 4 + self._rng.randrange(4))),
                )
            )
        return sats


def degrees(value, width):
    """ddmm.mmmmm as NMEA wants it; rounding never gives sixty minutes."""
    hundred_thousandths = round(value * 60 * 100_000)
    whole, minutes = divmod(hundred_thousandths, 60 * 100_000)
    return f"{whole:0{width}d}{minutes / 100_000:08.5f}"


def pynmea2_line(talker, kind, *fields):
    return str(pynmea2.talker.TalkerSentence(talker, kind, list(fields)))
