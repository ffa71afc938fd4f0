"""What is worth saying, and when: positions by time, distance and turn, fewer the less the car moves.

Pure functions and small state; the caller brings the uptime and the fix. Integers throughout.
"""

from protocol.compat import const

# Why a position is due.
NOTHING = const(0)
FIRST = const(1)
TIME = const(2)
DISTANCE = const(3)
COURSE = const(4)
MOVED = const(5)
STOPPED = const(6)
IGNITION = const(7)
ALARM = const(8)

PARKED = const(0)
SLOW = const(1)
MOVING = const(2)

_MOVING_CM_S = const(500)  # 18 km/h
_SLOW_CM_S = const(100)  # a receiver at rest shows up to 60 cm/s
_TURN_CM_S = const(300)  # below this the course is noise
_STILL_MS = const(60000)  # at a red light a car isn't parked
_STOPPED_CM_S = const(70)
_LOOK_MS = const(500)

# cos of 0, 5, 10 ... 90 degrees, times 4096. One tuple: put together of two it lies on the heap twice.
# fmt: off
_COS = (
    4096, 4080, 4034, 3956, 3849, 3712, 3547, 3355, 3138, 2896,  # 0 to 45
    2633, 2349, 2048, 1731, 1401, 1060, 711, 357, 0,
)
# fmt: on


def cos_4096(lat_e7):
    """4096 times the cosine of a latitude, from a table every 5 degrees, straight between (within 0.1 %)."""
    tenths_milli = min(abs(lat_e7) // 1000, 900000)  # 1e-4 degree
    place = min(tenths_milli // 50000, 17)
    part = tenths_milli - place * 50000
    here = _COS[place]
    there = _COS[place + 1]
    return here + (there - here) * part // 50000


def distance_m(lat1_e7, lon1_e7, lat2_e7, lon2_e7):
    """Metres between two places, flat earth: within 1 % over the tens of kilometres of a patrol.

    Capped at 20,000 on each axis: what is farther is far.
    """
    east = abs(lon2_e7 - lon1_e7)
    if east > 1800000000:
        east = 3600000000 - east
    east = min(east // 10 * 111195 // 1000000, 20000) * cos_4096((lat1_e7 + lat2_e7) // 2) >> 12
    return _hypotenuse(min(abs(lat2_e7 - lat1_e7) // 10 * 111195 // 1000000, 20000), east)


def _hypotenuse(north, east):
    # Square root by Newton: whole metres are enough.
    square = north * north + east * east
    if square == 0:
        return 0
    root = max(north, east) + min(north, east) // 2
    while True:
        better = (root + square // root) // 2
        if better >= root:
            return root
        root = better


def turn_deg(course1_cdeg, course2_cdeg):
    """Degrees between two courses, 0 to 180."""
    turn = abs(course1_cdeg - course2_cdeg) % 36000
    return min(turn, 36000 - turn) // 100


class Patrol:
    """Decides; `said(...)` tells it that a position has gone out, by whichever frame."""

    def __init__(self, config):
        self._spans_ms = (
            config["parked_s"] * 1000,
            config["slow_s"] * 1000,
            config["moving_s"] * 1000,
        )
        self._moving_m = config["moving_m"]
        self._course_deg = config["course_deg"]
        self._least_ms = config["least_s"] * 1000
        self._alarm_ms = config["panic_position_s"] * 1000
        self.mode = PARKED
        self._still_since = None
        self._ignition = None
        self._pending = NOTHING  # a change that had to wait for `least_s`
        self._said_ms = None
        self._lat_e7 = None
        self._lon_e7 = None
        self._course_cdeg = None

    def decide(self, now_ms, fix, ignition, alarm):
        """The reason why a position is due now, or NOTHING. `ignition` is True, False or None (no wire);
        `alarm` is true, or any true value, while one is open."""
        self._move(now_ms, fix, ignition)
        since = None if self._said_ms is None else now_ms - self._said_ms
        if alarm:
            # Whoever looks about once a second would else find 3 s only after 4.
            return ALARM if since is None or since >= self._alarm_ms - _LOOK_MS else NOTHING
        if since is None:
            # The first position waits for a fix, but not for ever: no fix is news too.
            return FIRST if fix.valid or now_ms >= self._spans_ms[SLOW] else NOTHING
        if self._pending == IGNITION:
            return IGNITION
        if since < self._least_ms:
            return NOTHING
        if self._pending:
            return self._pending
        if since >= self._spans_ms[self.mode]:
            return TIME
        if not fix.valid or self._lat_e7 is None:
            # The fix came: where we are is news when nobody knows it yet.
            return FIRST if fix.valid else NOTHING
        if self._gone_m(fix) >= self._moving_m:
            return DISTANCE
        if self._turned(fix):
            return COURSE
        return NOTHING

    def said(self, now_ms, fix):
        """A frame with this fix was made."""
        self._said_ms = now_ms
        if fix.valid:
            self._lat_e7 = fix.lat_e7
            self._lon_e7 = fix.lon_e7
            if fix.course_cdeg is not None and (fix.speed_cm_s or 0) >= _TURN_CM_S:
                self._course_cdeg = fix.course_cdeg
        self._pending = NOTHING

    def _move(self, now_ms, fix, ignition):
        if ignition is not None and ignition != self._ignition:
            known = self._ignition is not None
            self._ignition = ignition
            if known:
                self._pending = IGNITION
        if fix.valid:
            speed = fix.speed_cm_s or 0
            if speed >= _SLOW_CM_S:
                self._still_since = None
                if self.mode == PARKED:
                    self._pending = self._pending or MOVED
                self.mode = MOVING if speed >= _MOVING_CM_S else SLOW
            elif self.mode != PARKED:
                self._still(now_ms, speed, ignition)

    def _still(self, now_ms, speed, ignition):
        if speed > _STOPPED_CM_S:
            self._still_since = None
            return
        if self._still_since is None:
            self._still_since = now_ms
        if ignition is False or now_ms - self._still_since >= _STILL_MS:
            self.mode = PARKED
            self._still_since = None
            self._pending = self._pending or STOPPED
        else:
            self.mode = SLOW

    def _gone_m(self, fix):
        return distance_m(self._lat_e7, self._lon_e7, fix.lat_e7, fix.lon_e7)

    def _turned(self, fix):
        if fix.course_cdeg is None or (fix.speed_cm_s or 0) < _TURN_CM_S:
            return False
        if self._course_cdeg is None:
            self._course_cdeg = fix.course_cdeg
            return False
        return turn_deg(self._course_cdeg, fix.course_cdeg) >= self._course_deg
