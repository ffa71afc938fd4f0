"""What a GNSS receiver is up against, beside tunnels and torn antennas: the sky as it is told to be.

A GnssTrack looks at its `sky` with every burst. Whoever changes it while a receiver runs calls the receiver's
`redo()`, so that bursts made ahead are made anew.
"""

import datetime
import functools
import math

_NOISE_WINS = 0.6  # of the band: from there on nothing is tracked any more


class Sky:
    def __init__(self):
        self.clear()

    def clear(self):
        """The sky is as it should be."""
        self.cold = False  # the receiver has forgotten almanac and time: it says nothing but that it is there
        self.jam = 0.0  # how loud a jammer is, 0..1: weakens every satellite, then drowns them
        self.moved_m = (0.0, 0.0)  # north, east: a reflection, and every place is wrong by that
        self.elsewhere = None  # `at(t_s)` -> Fix: a spoofer's drive instead of ours
        self.since_us = 0  # when that drive began
        self.shift_s = 0  # the receiver's idea of UTC is wrong by that: week rollover, bad almanac
        self.leap_us = None  # the second that begins then is called :60

    @property
    def drowned(self):
        return self.jam >= _NOISE_WINS

    def snr(self, snr):
        return max(0, int(snr * (1.0 - 0.8 * self.jam)))

    def place(self, fix, now_us):
        """The Fix that the receiver believes in."""
        if self.elsewhere is not None:
            return self.elsewhere.at((now_us - self.since_us) / 1e6)
        north, east = self.moved_m
        if north or east:
            lat = fix.lat + north / 111_200
            lon = fix.lon + east / (111_200 * math.cos(math.radians(fix.lat)))
            return type(fix)(lat, lon, fix.alt_m, fix.speed_m_s, fix.course_deg)
        return fix

    def clock(self, epoch, at_us):
        """(hhmmss.ss, ddmmyy) at that moment of the bench, whose clock read 0 at `epoch`; empty while the
        receiver knows no time."""
        if self.cold:
            return "", ""
        utc_us = _since_1970_us(epoch) + at_us + self.shift_s * 1_000_000
        leap = self.leap_us is not None and at_us >= self.leap_us
        if leap:
            # 23:59:60 comes after :59, and everything that follows is a second later than it would have been.
            utc_us -= 1_000_000
        day, second = divmod(utc_us // 1_000_000, 86400)
        minutes, second = divmod(second, 60)
        if leap and at_us < self.leap_us + 1_000_000:
            second = 60
        return f"{_hour_minute(minutes)}{second:02d}.00", _date(day)


@functools.lru_cache(8)
def _since_1970_us(epoch):
    return int(epoch.timestamp() * 1_000_000)


@functools.lru_cache(1440)
def _hour_minute(minutes):
    return f"{minutes // 60:02d}{minutes % 60:02d}"


@functools.lru_cache(8)
def _date(day):
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=day)).strftime("%d%m%y")
