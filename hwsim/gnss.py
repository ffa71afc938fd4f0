"""A GNSS receiver on a UART: it replays a recorded log, or makes sentences along a track.

Both hand whole bursts to the port, which lets them trickle out byte by byte at the baud rate. Sentences along
a track depend on the seed and the second alone, so those of the next seconds can be made before their time.
"""

import datetime
import math

from hwsim.gnss_replay import GnssReplay, epochs
from hwsim.roads import Fix
from hwsim.sentences import degrees, motion, nothing_known, place, position, satellites, sentence
from hwsim.sky import Sky

_SECOND_US = 1_000_000
_AHEAD = 16  # seconds whose bursts are told at a time to who reads them all ...
_GLANCE = 3  # ... and to who has not read for longer than a UART's buffer lasts: what it missed is lost
_STEADILY_US = 5 * _SECOND_US
_OVER_US = 600_000  # a burst is over by then
_NOISES = 1 << 10
_SKY_S = 60  # so long the sky is taken to stand still: it turns by less than a degree

__all__ = ("GnssReplay", "GnssTrack", "degrees", "epochs")


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
        self._told = {}  # second of the noise -> what is said of the place where it stands
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
        return ("\r\n".join(self.sentences(at_us)) + "\r\n").encode()

    def sentences(self, at_us):
        """The sentences of that moment, each text one or more of them."""
        time, date = self.sky.clock(self.epoch, at_us)
        fix = self._place(at_us)
        if fix is None:
            found = [*nothing_known(self._talker, time, date)]
        else:
            sky, used, hdop = self._satellites(at_us)
            found = [position(self._talker, time, date, *self._said(fix, at_us), used, hdop), sky]
        if at_us == self._tell_us:
            found.append(sentence("GP", "TXT", "01", "01", "01", "ANTSTATUS=" + self._antenna.upper()))
        return found

    def _said(self, fix, at_us):
        """Place, height and motion of a fix."""
        second = at_us // _SECOND_US
        if fix is not self._stands_at:
            return *place(*self._blur(fix, second)), motion(fix.speed_m_s, fix.course_deg)
        said = self._told.get(second % _NOISES)
        if said is None:
            said = *place(*self._blur(fix, second)), motion(fix.speed_m_s, fix.course_deg)
            self._told[second % _NOISES] = said
        return said

    def _driven_us(self, at_us):
        began_us = at_us if self._drive_from_us is None else self._drive_from_us
        return self._drive_us + (max(0, at_us - began_us) if self._moving else 0)

    def _fix(self, at_us):
        fix = self._place(at_us)
        return None if fix is None else Fix(*self._blur(fix, at_us // _SECOND_US), *fix[3:])

    def _place(self, at_us):
        """Where it is taken to be, without the noise; None: nowhere."""
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
                self._told = {}
            fix = self._stands_at
        return sky.place(fix, at_us)

    def _blur(self, fix, second):
        """Latitude, longitude and height as they are told."""
        north, east, up = self._noise[second % _NOISES]
        lat, lon, alt_m, *_ = fix
        return (
            lat + north * self._noise_m / 111_200,
            lon + east * self._noise_m / (111_200 * math.cos(math.radians(lat))),
            alt_m + up * self._noise_m,
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
