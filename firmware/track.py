"""Positions gathered while there is no link: many points in one signed frame."""

from protocol.compat import const
from protocol.limits import MAX_REPORT

# What else stands in the report: map head, boot, seq, time, kind, panic with a 6-byte id, heads of the track.
_BESIDE = const(1 + 6 + 6 + 10 + 2 + 15 + 1 + 3)
_FIRST = const(9 + 5 + 5 + 5 + 3)  # t0, lat, lon, speed, course at their longest
_MOST_SPEED_CM_S = const(100000)


def _cost(n):
    """Bytes of an integer in CBOR."""
    if n is None:
        return 1
    if n < 0:
        n = -1 - n
    if n < 24:
        return 1
    if n < 256:
        return 2
    return 3 if n < 65536 else 5


class Track:
    """Points as [uptime ms, lat, lon, speed, course]; never more than fit one report."""

    def __init__(self):
        self.points = []
        self._room = 0

    def __len__(self):
        return len(self.points)

    def add(self, now_ms, fix):
        """False when there is no room for this point: take the track first."""
        speed = fix.speed_cm_s
        if speed is not None and speed > _MOST_SPEED_CM_S:
            speed = None
        point = (now_ms, fix.lat_e7, fix.lon_e7, speed, fix.course_cdeg)
        if not self.points:
            self._room = MAX_REPORT - _BESIDE - _FIRST
        else:
            last = self.points[-1]
            cost = _cost(speed) + _cost(point[4]) + _cost(point[1] - last[1]) + _cost(point[2] - last[2])
            cost += _cost((now_ms - last[0]) // 100 + 1)
            if cost > self._room:
                return False
            self._room -= cost
        self.points.append(point)
        return True

    def age_ms(self, now_ms):
        return now_ms - self.points[0][0] if self.points else 0

    def take(self):
        """The points, oldest first; none are left."""
        points = self.points
        self.points = []
        return points
