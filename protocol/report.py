"""What a frame says: a map with small integer keys, ranges held on both sides. `report.cddl` says the same.

`encode` raises Misuse and `decode` raises Malformed, both naming the field and the value. A reader lets keys
it does not know pass (an older gateway must not refuse a newer terminal's panic); a writer may not use them.
"""

from protocol import cbor
from protocol.compat import Any, const
from protocol.errors import Malformed, Misuse
from protocol.limits import MAX_REPORT, MAX_TRACE

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
HEALTH_SAFE = const(13)  # safe mode, and why the last start before it failed
HEALTH_TRACE = const(14)  # bytes: lines of the terminal's log from before its latest reset
# Blocks of the journal that flash has failed in, in this boot; one more when it did not take a file.
HEALTH_WORN = const(15)
SAFE_WATCHDOG = const(1)
SAFE_ERROR = const(2)
SAFE_CRASH = const(3)
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

# A map: what it is called, the names of its values in the order of their keys, a bit mask of those that have
# to be there, lowest and highest of each (None: looked at elsewhere). Flat: a terminal has no room for rows.
_TOP = ("", "boot|seq|time|kind|fix|status", 0b1011, (0, _U32, 0, _U32, 0, _U48, 1, 7, None, None, 0, _U16))
_PANIC = ("panic", "id|state|source", 0b11, (0, _U48, 1, 4, 1, 3))
_HEALTH = (
    "health",
    "supply|temperature|rsrp|queue|heap|version|reset cause|antenna|uptime|supply lost|jamming|stuck keys|"
    "restarts|safe mode|trace|worn blocks",
    0,
    (0, _U16, -1000, 2000, -200, 0, 0, _U32, 0, _U32, 0, _U32, 0, 255, 1, 3, 0, _U32, 0, 1, 0, 3, 0, _U16)
    + (0, _U32, 1, 255, None, None, 0, _U16),
)
_EVENT = ("event", "code|count", 0b1, (0, _U16, 0, _U16))
_TASK = ("task", "id|answer", 0b11, (0, _U53, 1, 5))
_MAPS = ((PANIC, _PANIC), (HEALTH, _HEALTH), (EVENT, _EVENT), (TASK, _TASK))
# Receivers do send a course of 360.00.
_FIX = (
    "fix",
    "latitude|longitude|altitude|speed|course|hdop|satellites|age",
    0,
    (-_LAT, _LAT, -_LON, _LON, -100000, 1000000, 0, 100000, 0, 36000, 0, _U16, 0, 255, 0, _U32),
)
# A kind and the field without which it says nothing; a position may be unknown, and that is news too.
_NEEDS = (None, None, STATUS, PANIC, HEALTH, EVENT, TASK, TRACK)
_NAMES = "boot|seq|time|kind|fix|status|panic|health|event|task|track"


def encode(fields: dict[int, Any]) -> bytes:
    """The report's bytes. `fields` has the keys above; fix is a list of 8 integers or None, panic, health,
    event and task are dicts, track is a flat list. Raises Misuse."""
    for key in fields:
        if not isinstance(key, int) or not 0 <= key < _KEYS:
            raise Misuse("report key: %r" % (key,))
    for key, rows in _MAPS:
        for inner in fields.get(key, ()):
            if not isinstance(inner, int) or not 0 <= 2 * inner < len(rows[3]):
                raise Misuse("%s key: %r" % (rows[0], inner))
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
        raise wrong("report kind %d: without %s" % (fields[KIND], _NAMES.split("|")[need]))
    if FIX in fields:
        _check_fix(fields[FIX], wrong)
    for key, rows in _MAPS:
        if key in fields:
            if not isinstance(fields[key], dict):
                raise wrong("%s: not a map" % rows[0])
            _check_rows(fields[key], rows, wrong)
    if HEALTH in fields and HEALTH_TRACE in fields[HEALTH]:
        trace = fields[HEALTH][HEALTH_TRACE]
        if not isinstance(trace, (bytes, bytearray)) or not 0 < len(trace) <= MAX_TRACE:
            raise wrong("health trace: %r" % (trace,))
    if TRACK in fields:
        _check_track(fields[TRACK], wrong)


def _check_rows(fields: Any, rows: Any, wrong: type[Exception]) -> None:
    limits = rows[3]
    for key in range(len(limits) >> 1):
        if key not in fields:
            if rows[2] >> key & 1:
                raise wrong("%s: missing" % _name(rows, key))
        elif limits[2 * key] is not None:
            _check_integer(fields[key], rows, key, wrong)
    for key in fields:
        # In a decoded map this is the peer's; encode has looked at its own before.
        if not isinstance(key, int) or key < 0:
            raise wrong("key %r beside %s" % (key, _name(rows, 0)))


def _name(rows: Any, key: int) -> str:
    name: str = rows[1].split("|")[key]
    return name if not rows[0] else rows[0] + " " + name


def _check_integer(value: Any, rows: Any, key: int, wrong: type[Exception]) -> None:
    if not _within(value, rows[3][2 * key], rows[3][2 * key + 1]):
        raise wrong("%s: %r" % (_name(rows, key), value))


def _within(value: Any, lowest: int, highest: int) -> bool:
    # True is an integer on one of the two Pythons only; on the wire it never is.
    return value is not True and value is not False and isinstance(value, int) and lowest <= value <= highest


def _check_fix(fix: Any, wrong: type[Exception]) -> None:
    if not isinstance(fix, (list, tuple)) or 2 * len(fix) != len(_FIX[3]):
        raise wrong("fix: not an array of %d" % (len(_FIX[3]) >> 1))
    if (fix[FIX_LAT] is None) != (fix[FIX_LON] is None):
        raise wrong("fix: latitude %r with longitude %r" % (fix[FIX_LAT], fix[FIX_LON]))
    for i in range(len(fix)):
        if fix[i] is not None:
            _check_integer(fix[i], _FIX, i, wrong)


def _check_track(flat: Any, wrong: type[Exception]) -> None:
    if not isinstance(flat, (list, tuple)) or not flat or len(flat) % 5:
        raise wrong("track: not an array of 5, 10, 15... values")
    if flat[0] is not None:
        _check_step(flat[0], "time", 0, _U48, wrong)
    lat = lon = 0
    for at in range(0, len(flat), 5):
        if at:
            _check_step(flat[at], "interval", 0, _U32, wrong)
        _check_step(flat[at + 1], "latitude step", -2 * _LAT, 2 * _LAT, wrong)
        _check_step(flat[at + 2], "longitude step", -2 * _LON, 2 * _LON, wrong)
        lat += flat[at + 1]
        lon += flat[at + 2]
        _check_step(lat, "latitude", -_LAT, _LAT, wrong)
        _check_step(lon, "longitude", -_LON, _LON, wrong)
        for place, key in ((at + 3, FIX_SPEED), (at + 4, FIX_COURSE)):
            if flat[place] is not None and not _within(flat[place], _FIX[3][2 * key], _FIX[3][2 * key + 1]):
                raise wrong("track %s: %r" % (_FIX[1].split("|")[key], flat[place]))


def _check_step(value: Any, name: str, lowest: int, highest: int, wrong: type[Exception]) -> None:
    if not _within(value, lowest, highest):
        raise wrong("track %s: %r" % (name, value))
