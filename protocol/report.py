"""What a frame says: a map with small integer keys, ranges held on both sides. `report.cddl` says the same.

`encode` raises Misuse and `decode` raises Malformed, both naming the field and the value. A reader lets keys
it does not know pass (an older gateway must not refuse a newer terminal's panic); a writer may not use them.
"""

from protocol import cbor
from protocol.compat import Any, const
from protocol.errors import Malformed, Misuse
from protocol.limits import MAX_REPORT

# Keys of the map.
BOOT = const(0)
SEQ = const(1)
TIME = const(2)
KIND = const(3)
FIX = const(4)
STATUS = const(5)
PANIC = const(6)
HEALTH = const(7)
EVENT = const(8)
TASK = const(9)
TRACK = const(10)

KIND_POSITION = const(1)
KIND_STATUS = const(2)
KIND_PANIC = const(3)
KIND_HEALTH = const(4)
KIND_EVENT = const(5)
KIND_TASK = const(6)
KIND_TRACK = const(7)

# Places in a fix.
FIX_LAT = const(0)
FIX_LON = const(1)
FIX_ALT = const(2)
FIX_SPEED = const(3)
FIX_COURSE = const(4)
FIX_HDOP = const(5)
FIX_SATS = const(6)
FIX_AGE = const(7)

PANIC_ID = const(0)
PANIC_STATE = const(1)
PANIC_SOURCE = const(2)
PANIC_RAISED = const(1)
PANIC_CANCELLED = const(2)
PANIC_CLEARED = const(3)
PANIC_DRILL = const(4)
SOURCE_KEY = const(1)
SOURCE_REMOTE = const(2)
SOURCE_TAMPER = const(3)

HEALTH_SUPPLY_MV = const(0)
HEALTH_TEMPERATURE = const(1)
HEALTH_RSRP_DBM = const(2)
HEALTH_QUEUE = const(3)
HEALTH_HEAP = const(4)
HEALTH_VERSION = const(5)  # major << 16 | minor << 8 | patch
HEALTH_RESET = const(6)
HEALTH_ANTENNA = const(7)
HEALTH_UPTIME_S = const(8)
HEALTH_SUPPLY_LOST = const(9)  # 0, 1
HEALTH_JAMMING = const(10)  # 0 none seen, 1 suspected, 2 strong, 3 no reception left
HEALTH_STUCK = const(11)  # bit mask of keys that are held down for too long, in the order of the panel
HEALTH_RESTARTS = const(12)  # tasks of the terminal started again in this boot
ANTENNA_OK = const(1)
ANTENNA_OPEN = const(2)
ANTENNA_SHORT = const(3)

EVENT_CODE = const(0)
EVENT_COUNT = const(1)

TASK_ID = const(0)
TASK_ANSWER = const(1)
TASK_SHOWN = const(1)
TASK_ACCEPTED = const(2)
TASK_DECLINED = const(3)
TASK_ON_SCENE = const(4)
TASK_DONE = const(5)

_KEYS = const(11)
_U16 = const(0xFFFF)
_U32 = const(0xFFFFFFFF)
_U48 = const(0xFFFFFFFFFFFF)  # also holds milliseconds until the year 10889
_U53 = const(0x1FFFFFFFFFFFFF)  # what JSON's readers keep exactly
_LAT = const(900000000)
_LON = const(1800000000)

# Rows are (name, lowest, highest, required), in the order of the keys.
_TOP = (
    ("boot", 0, _U32, True),
    ("seq", 0, _U32, True),
    ("time", 0, _U48, False),
    ("kind", 1, 7, True),
    None,
    ("status", 0, _U16, False),
)
_PANIC = (("panic id", 0, _U48, True), ("panic state", 1, 4, True), ("panic source", 1, 3, False))
_HEALTH = (
    ("health supply", 0, _U16, False),
    ("health temperature", -1000, 2000, False),
    ("health rsrp", -200, 0, False),
    ("health queue", 0, _U32, False),
    ("health heap", 0, _U32, False),
    ("health version", 0, _U32, False),
    ("health reset cause", 0, 255, False),
    ("health antenna", 1, 3, False),
    ("health uptime", 0, _U32, False),
    ("health supply lost", 0, 1, False),
    ("health jamming", 0, 3, False),
    ("health stuck keys", 0, _U16, False),
    ("health restarts", 0, _U32, False),
)
_EVENT = (("event code", 0, _U16, True), ("event count", 0, _U16, False))
_TASK = (("task id", 0, _U53, True), ("task answer", 1, 5, True))
_MAPS = (
    (PANIC, "panic", _PANIC),
    (HEALTH, "health", _HEALTH),
    (EVENT, "event", _EVENT),
    (TASK, "task", _TASK),
)
# Receivers do send a course of 360.00.
_FIX = (
    ("fix latitude", -_LAT, _LAT),
    ("fix longitude", -_LON, _LON),
    ("fix altitude", -100000, 1000000),
    ("fix speed", 0, 100000),
    ("fix course", 0, 36000),
    ("fix hdop", 0, _U16),
    ("fix satellites", 0, 255),
    ("fix age", 0, _U32),
)
# A kind and the field without which it says nothing; a position may be unknown, and that is news too.
_NEEDS = (None, None, STATUS, PANIC, HEALTH, EVENT, TASK, TRACK)
_NAMES = ("boot", "seq", "time", "kind", "fix", "status", "panic", "health", "event", "task", "track")


def encode(fields: dict[int, Any]) -> bytes:
    """The report's bytes. `fields` has the keys above; fix is a list of 8 integers or None, panic, health,
    event and task are dicts, track is a flat list. Raises Misuse."""
    for key in fields:
        if not isinstance(key, int) or not 0 <= key < _KEYS:
            raise Misuse("report key: %r" % (key,))
    for key, name, rows in _MAPS:
        for inner in fields.get(key, ()):
            if not isinstance(inner, int) or not 0 <= inner < len(rows):
                raise Misuse("%s key: %r" % (name, inner))
    _check(fields, Misuse)
    data = cbor.encode(fields)
    if len(data) > MAX_REPORT:
        raise Misuse("report: %d bytes, at most %d" % (len(data), MAX_REPORT))
    return data


def decode(payload: bytes) -> dict[int, Any]:
    """The fields of a report, each within its range. Raises Malformed."""
    if len(payload) > MAX_REPORT:
        raise Malformed("report: %d bytes, at most %d" % (len(payload), MAX_REPORT))
    fields: Any = cbor.decode(payload)
    if not isinstance(fields, dict):
        raise Malformed("report: not a map")
    for key in fields:
        if not isinstance(key, int) or key < 0:
            raise Malformed("report key: %r" % (key,))
    _check(fields, Malformed)
    return fields


def track(t0_ms: int | None, points: list[tuple[int, int, int, int | None, int | None]]) -> list[int | None]:
    """The flat array of field 10 from (ms since t0, lat, lon, speed, course); the first point is at 0 ms.

    Time is kept to 0.1 s; rounding does not add up over the points.
    """
    flat = [t0_ms]
    lat = lon = tenths = 0
    for point in points:
        if len(flat) > 1:
            flat.append(point[0] // 100 - tenths)
            tenths = point[0] // 100
        flat.append(point[1] - lat)
        flat.append(point[2] - lon)
        flat.append(point[3])
        flat.append(point[4])
        lat = point[1]
        lon = point[2]
    return flat


def track_points(flat: list[int | None]) -> list[tuple[int, int, int, int | None, int | None]]:
    """(ms since t0, lat, lon, speed, course) for each point of a checked field 10; t0 is flat[0]."""
    points = []
    lat = lon = ms = 0
    for at in range(0, len(flat), 5):
        if at:
            ms += 100 * (flat[at] or 0)
        lat += flat[at + 1] or 0
        lon += flat[at + 2] or 0
        points.append((ms, lat, lon, flat[at + 3], flat[at + 4]))
    return points


def _check(fields: dict[int, Any], wrong: type[Exception]) -> None:
    _check_rows(fields, _TOP, wrong)
    need = _NEEDS[fields[KIND]]
    if need is not None and need not in fields:
        raise wrong("report kind %d: without %s" % (fields[KIND], _NAMES[need]))
    if FIX in fields:
        _check_fix(fields[FIX], wrong)
    for key, name, rows in _MAPS:
        if key in fields:
            if not isinstance(fields[key], dict):
                raise wrong("%s: not a map" % name)
            _check_rows(fields[key], rows, wrong)
    if TRACK in fields:
        _check_track(fields[TRACK], wrong)


def _check_rows(fields: Any, rows: Any, wrong: type[Exception]) -> None:
    for key in range(len(rows)):
        row = rows[key]
        if row is None:
            continue
        if key in fields:
            _check_integer(fields[key], row[0], row[1], row[2], wrong)
        elif row[3]:
            raise wrong("%s: missing" % row[0])
    for key in fields:
        # In a decoded map this is the peer's; encode has looked at its own before.
        if not isinstance(key, int) or key < 0:
            raise wrong("key %r beside %s" % (key, rows[0][0]))


def _check_integer(value: Any, name: str, lowest: int, highest: int, wrong: type[Exception]) -> None:
    # True is an integer on one of the two Pythons only; on the wire it never is.
    if value is True or value is False or not isinstance(value, int) or not lowest <= value <= highest:
        raise wrong("%s: %r" % (name, value))


def _check_fix(fix: Any, wrong: type[Exception]) -> None:
    if not isinstance(fix, (list, tuple)) or len(fix) != len(_FIX):
        raise wrong("fix: not an array of %d" % len(_FIX))
    if (fix[FIX_LAT] is None) != (fix[FIX_LON] is None):
        raise wrong("fix: latitude %r with longitude %r" % (fix[FIX_LAT], fix[FIX_LON]))
    for i in range(len(_FIX)):
        if fix[i] is not None:
            row = _FIX[i]
            _check_integer(fix[i], row[0], row[1], row[2], wrong)


def _check_track(flat: Any, wrong: type[Exception]) -> None:
    if not isinstance(flat, (list, tuple)) or not flat or len(flat) % 5:
        raise wrong("track: not an array of 5, 10, 15... values")
    if flat[0] is not None:
        _check_integer(flat[0], "track time", 0, _U48, wrong)
    lat = lon = 0
    for at in range(0, len(flat), 5):
        if at:
            _check_integer(flat[at], "track interval", 0, _U32, wrong)
        _check_integer(flat[at + 1], "track latitude step", -2 * _LAT, 2 * _LAT, wrong)
        _check_integer(flat[at + 2], "track longitude step", -2 * _LON, 2 * _LON, wrong)
        lat += flat[at + 1]
        lon += flat[at + 2]
        _check_integer(lat, "track latitude", -_LAT, _LAT, wrong)
        _check_integer(lon, "track longitude", -_LON, _LON, wrong)
        for place, row in ((at + 3, _FIX[FIX_SPEED]), (at + 4, _FIX[FIX_COURSE])):
            if flat[place] is not None:
                _check_integer(flat[place], "track" + row[0][3:], row[1], row[2], wrong)
