"""Reports: any CBOR, and maps with the right keys and values about the ends of their ranges."""

from protocol import cbor, report
from protocol.errors import Malformed, Misuse
from tests.fuzz.readers.cbor import draw
from tests.fuzz.readers.source import Source

TOKENS = (
    b"\xa3\x00\x01\x01\x00\x03\x01", b"\x04\x88", b"\x06\xa3\x00\x01\x01\x01\x02\x01", b"\x07\xa0",
    b"\x08\xa1\x00\x01", b"\x09\xa2\x00\x01\x01\x01", b"\x0a\x85\xf6\x00\x00\xf6\xf6",
    b"\x1a\x35\xa4\xe9\x00", b"\x1a\x6b\x49\xd2\x00", b"\x0b\x00", b"\xf6", b"\xf5",
)  # fmt: skip
_ENDS = (
    0, 1, 2, 3, 4, 5, 7, 8, 255, 256, 65535, 65536, 900000000, 900000001, 1800000000, 1800000001, 36000,
    36001, 100000, 100001, 1000000, -1, -200, -201, -1000, -1001, -900000000, -900000001, -1800000001,
    (1 << 32) - 1, 1 << 32, (1 << 48) - 1, 1 << 48, (1 << 53) - 1, 1 << 53, (1 << 64) - 1,
)  # fmt: skip


def report_decode(data):
    """`report.decode` of anything: what it takes can be written again, but for keys of a later version."""
    try:
        fields = report.decode(data)
    except Malformed:
        return None
    assert len(data) <= 354
    if report.TRACK in fields:
        points = report.track_points(fields[report.TRACK])
        assert len(points) * 5 == len(fields[report.TRACK])
        for ms, lat, lon, _speed, _course in points:
            assert ms >= 0 and abs(lat) <= 900000000 and abs(lon) <= 1800000000
    try:
        assert report.encode(fields) == data
    except Misuse:
        assert _later(fields)
    return data


def report_fields(data):
    """A map with our keys; when `decode` takes it `encode` does, and the other way round."""
    source = Source(data)
    fields = {report.BOOT: 1, report.SEQ: 2, report.KIND: 1 + source.byte() % 8}
    for _ in range(source.byte() & 7):
        key = source.byte() % 12
        if key == report.FIX:
            fields[key] = [_value(source) for _ in range(source.pick((8, 8, 8, 8, 7, 9)))]
        elif key in (report.PANIC, report.HEALTH, report.EVENT, report.TASK):
            fields[key] = inner = {}
            for _ in range(source.byte() % 5):
                # In two steps: MicroPython looks at a pair's value before its key.
                name = source.byte() % 14
                inner[name] = _value(source)
        elif key == report.TRACK:
            fields[key] = [_value(source) for _ in range(source.pick((5, 10, 15, 20, 4, 0)))]
        elif source.byte() & 7:
            fields[key] = _value(source)
        else:
            fields[key] = draw(source, 5)
    payload = cbor.encode(fields)
    said = report_decode(payload)
    if said is None and len(payload) <= 354:
        try:
            report.encode(fields)
        except Misuse:
            return said
        raise AssertionError("written and not read: %r" % (fields,))
    return said


def _value(source):
    kind = source.byte()
    if kind < 40:
        return None
    return _ENDS[kind % len(_ENDS)] if kind < 200 else kind - 200


def _later(fields):
    if max(fields) > report.TRACK:
        return True
    sizes = {report.PANIC: 3, report.HEALTH: 13, report.EVENT: 2, report.TASK: 2}
    return any([key in fields and max(fields[key]) >= size for key, size in sizes.items() if fields.get(key)])
