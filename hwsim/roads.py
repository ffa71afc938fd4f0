"""Roads and how a car drives along them: polylines, limits, bends, stops. Arithmetic only; nothing reads a
clock.
"""

import bisect
import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

_EARTH_M = 6_371_000.0
_STEP_S = 0.5
_SPACING_M = 20.0
_LATE_M = 5.0  # so near before a lower limit it is kept: a driver looks no closer


@dataclass(frozen=True)
class Route:
    """`points`: (lat, lon, speed limit in km/h from here on, seconds to stand here)."""

    name: str
    points: tuple
    alt_m: int
    loop: bool = False


class Fix(NamedTuple):
    """A moment on a track, in plain units: degrees, metres, metres per second."""

    lat: float
    lon: float
    alt_m: float
    speed_m_s: float
    course_deg: float


class Track:
    """Where a car on a route is at a moment: `at(t_s)`. It drives there and back for ever.

    The speed follows the limits, slows for bends (2.2 m/s2 across) and stops, and changes by at most 1.8 m/s2
    on the gas and 2.5 m/s2 on the brake. Computed forward in steps of half a second and kept, so a later
    question about an earlier moment gives the same answer.
    """

    def __init__(self, route, start_m=0.0):
        self.route = route
        self._path = _smooth(route)
        self._squares = [limit**2 for limit in _speed_limits(self._path)]
        self._metres = [point[2] for point in self._path]
        self._braked = {1: self._kept(1), -1: self._kept(-1)}
        self._legs = [self._leg(*pair) for pair in pairwise(self._path)]
        self._stops = [(point[2], point[4], index) for index, point in enumerate(self._path) if point[4]]
        self._stops_back = self._stops[::-1]
        self._states = [(min(start_m, self._path[-1][2]), 0.0, 1, 0.0, -1)]

    def at(self, t_s):
        """The car's Fix `t_s` seconds after it set out."""
        index = max(0.0, t_s) / _STEP_S
        low = int(index)
        while len(self._states) < low + 2:
            self._states.append(self._next(self._states[-1]))
        (m0, v0, d0, *_), (m1, v1, d1, *_) = self._states[low], self._states[low + 1]
        part = index - low
        metres = m0 + (m1 - m0) * part if d0 == d1 else m0
        return self._fix(metres, v0 + (v1 - v0) * part, d0)

    def _next(self, state):
        """One step of (metres along, m/s, direction, seconds still to stand, index of the last stop)."""
        metres, speed, direction, stand_s, stop = state
        if stand_s > 0:
            return metres, 0.0, direction, stand_s - _STEP_S, stop
        target = self._next_stop(metres, direction, stop)
        ahead = self._allowed(metres, direction, target)
        speed = min(speed + 1.8 * _STEP_S, ahead) if ahead > speed else max(speed - 2.5 * _STEP_S, ahead)
        moved = metres + direction * max(speed, 0.5) * _STEP_S
        end = self._metres[-1]
        if target is not None and (target[0] - moved) * direction <= 0.2:
            return target[0], 0.0, direction, target[1], target[2]
        if moved >= end - 0.2 if direction > 0 else moved <= 0.2:
            if self.route.loop:
                return 0.0, speed, direction, 0.0, -1
            stand_s = self.route.points[-1 if direction > 0 else 0][3] or 20.0
            return (end if direction > 0 else 0.0), 0.0, -direction, stand_s, -1
        return moved, max(speed, 0.5), direction, 0.0, stop

    def _kept(self, direction):
        """Of each point: the square of the fastest speed there from which the limits from there on can be
        kept, braking with 2 m/s2."""
        squares, metre = self._squares, self._metres
        kept = squares[:]
        steps = range(len(kept) - 2, -1, -1) if direction > 0 else range(1, len(kept))
        for index in steps:
            after = index + direction
            kept[index] = min(squares[index], kept[after] + 4.0 * abs(metre[after] - metre[index]))
        return kept

    def _allowed(self, metres, direction, target):
        """The fastest speed from which every limit and stop ahead can still be kept."""
        metre, squares = self._metres, self._squares
        index = self._index(metres)
        least, index = squares[index], index + direction
        if 0 <= index < len(metre):
            away = abs(metre[index] - metres)
            if away < _LATE_M and squares[index] < least:
                least = squares[index]
            if away >= _LATE_M:
                least = min(least, self._braked[direction][index] + 4.0 * (away - _LATE_M))
            elif 0 <= index + direction < len(metre):
                away = abs(metre[index + direction] - metres)
                least = min(least, self._braked[direction][index + direction] + 4.0 * (away - _LATE_M))
        allowed = math.sqrt(least)
        for mark in (target, None if self.route.loop else (metre[-1] if direction > 0 else 0.0,)):
            if mark is not None:
                # The braking curve of 2 m/s2, taken in whole steps.
                away = abs(mark[0] - metres)
                allowed = min(allowed, math.sqrt(0.25 + 2 * away / (2.0 * _STEP_S**2)) - 0.5)
        return allowed

    def _next_stop(self, metres, direction, stop):
        """(metres, seconds, index) of the next place to stand at, or None."""
        for place in self._stops if direction > 0 else self._stops_back:
            if place[2] != stop and (place[0] - metres) * direction > 0:
                return place
        return None

    def _index(self, metres):
        return max(0, bisect.bisect_right(self._metres, metres) - 1)

    def _fix(self, metres, speed, direction):
        index = min(self._index(metres), len(self._legs) - 1)
        lat0, lon0, north, east, m0, length, course = self._legs[index]
        part = (metres - m0) / length if length > 0 else 0.0
        if direction < 0:
            course = (course + 180.0) % 360.0
        # A little relief, the same at the same place.
        alt = self.route.alt_m + 3.0 * math.sin(metres / 900.0)
        return Fix(lat0 + north * part, lon0 + east * part, alt, speed, course)

    @staticmethod
    def _leg(begin, end):
        """From one point of the path to the next."""
        (lat0, lon0, m0, *_), (lat1, lon1, m1, *_) = begin, end
        return lat0, lon0, lat1 - lat0, lon1 - lon0, m0, m1 - m0, _bearing(lat0, lon0, lat1, lon1)


def _smooth(route):
    """Points every 20 m on a Catmull-Rom curve: [lat, lon, metres from the start, limit in m/s, seconds to
    stand].
    """
    points = route.points
    path = []
    for i in range(len(points) - 1):
        before = points[i - 1] if i else (points[-2] if route.loop else points[0])
        after = points[i + 2] if i + 2 < len(points) else (points[1] if route.loop else points[-1])
        a, b = points[i], points[i + 1]
        pieces = max(1, round(distance_m(a[0], a[1], b[0], b[1]) / _SPACING_M))
        for k in range(pieces):
            t = k / pieces
            lat, lon = (_catmull_rom(before[n], a[n], b[n], after[n], t) for n in (0, 1))
            path.append([lat, lon, 0.0, a[2] / 3.6, a[3] if k == 0 and i else 0])
    path.append([points[-1][0], points[-1][1], 0.0, points[-1][2] / 3.6, 0])
    for previous, point in pairwise(path):
        point[2] = previous[2] + distance_m(previous[0], previous[1], point[0], point[1])
    return path


def _speed_limits(path):
    limits = [point[3] for point in path]
    for i in range(1, len(path) - 1):
        into = _bearing(path[i - 1][0], path[i - 1][1], path[i][0], path[i][1])
        out = _bearing(path[i][0], path[i][1], path[i + 1][0], path[i + 1][1])
        bend = abs((out - into + 180.0) % 360.0 - 180.0)
        if bend > 0.5:
            radius = (path[i + 1][2] - path[i - 1][2]) / 2 / math.radians(bend)
            limits[i] = min(limits[i], max(4.0, math.sqrt(2.2 * radius)))
    return limits


def _catmull_rom(p0, p1, p2, p3, t):
    return 0.5 * (
        2 * p1
        + (p2 - p0) * t
        + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t * t
        + (3 * p1 - p0 - 3 * p2 + p3) * t * t * t
    )


def distance_m(lat0, lon0, lat1, lon1):
    """Metres between two places, on a sphere."""
    north = math.radians(lat1 - lat0)
    east = math.radians(lon1 - lon0) * math.cos(math.radians((lat0 + lat1) / 2))
    return _EARTH_M * math.hypot(north, east)


def _bearing(lat0, lon0, lat1, lon1):
    north = lat1 - lat0
    east = (lon1 - lon0) * math.cos(math.radians((lat0 + lat1) / 2))
    return math.degrees(math.atan2(east, north)) % 360.0
