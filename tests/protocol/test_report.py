# runs on: both
"""The report: every range on both sides of its bounds, named when it is broken."""

from protocol import cbor, report
from protocol.errors import Malformed, Misuse
from protocol.limits import MAX_REPORT
from tests.portable import raises

U16, U32, U48, U53 = 2**16 - 1, 2**32 - 1, 2**48 - 1, 2**53 - 1
NAME = {report.BOOT: 7, report.SEQ: 0}
FIX = [450500000, 191100000, 1050, 1389, 27000, 9, 11, 0]
TRACK = [1761955200000, 449700000, 196100000, 1500, 9000, 10, 1200, -340, None, None]


def say(kind=report.KIND_POSITION, **more):
    fields = dict(NAME)
    fields[report.KIND] = kind
    for name in more:
        fields[getattr(report, name)] = more[name]
    return fields


EXAMPLES = (
    say(),
    say(FIX=FIX, TIME=1761955200000, PANIC={0: 7 * 65536 + 1, 1: 1}),
    say(FIX=[None] * 8),
    say(report.KIND_STATUS, STATUS=3, FIX=FIX),
    say(report.KIND_PANIC, PANIC={0: U48, 1: report.PANIC_DRILL, 2: report.SOURCE_KEY}),
    say(report.KIND_HEALTH, HEALTH={}),
    say(report.KIND_HEALTH, HEALTH={0: 12600, 1: -200, 2: -97, 5: 256, 7: 1, 9: 0, 11: 2, 12: 0}),
    say(report.KIND_EVENT, EVENT={0: 2, 1: 9}),
    say(report.KIND_TASK, TASK={0: 41, 1: report.TASK_ACCEPTED}),
    say(report.KIND_TRACK, TRACK=TRACK),
)


def test_reports_come_back_as_they_went():
    for fields in EXAMPLES:
        data = report.encode(fields)
        assert report.decode(data) == fields
        assert report.encode(report.decode(data)) == data


def test_a_panic_needs_neither_fix_nor_time():
    data = report.encode(say(report.KIND_PANIC, PANIC={0: 65537, 1: 1, 2: 1}))
    assert data == b"\xa4\x00\x07\x01\x00\x03\x03\x06\xa3\x00\x1a\x00\x01\x00\x01\x01\x01\x02\x01"


def check_refused(fields, name):
    """Both sides refuse, each in its own words for whose fault it is, and name the field."""
    with raises(Misuse) as caught:
        report.encode(fields)
    assert name in str(caught.value), caught.value
    with raises(Malformed) as caught:
        report.decode(cbor.encode(fields))
    assert name in str(caught.value), caught.value


def test_every_bound_of_the_top_level():
    for key, name, lowest, highest in (
        (report.BOOT, "boot", 0, U32),
        (report.SEQ, "seq", 0, U32),
        (report.TIME, "time", 0, U48),
        (report.STATUS, "status", 0, U16),
    ):
        for good in (lowest, highest):
            fields = say(report.KIND_STATUS, STATUS=1)
            fields[key] = good
            report.decode(report.encode(fields))
        for bad in (lowest - 1, highest + 1, None, True, "1", b"1", [1], {}):
            fields = say(report.KIND_STATUS, STATUS=1)
            fields[key] = bad
            check_refused(fields, name)
    for bad in (0, 8, None, "position"):
        check_refused(say(bad), "kind")


HEALTH_NAMES = "supply temperature rsrp queue heap version reset antenna uptime lost jamming stuck"
HEALTH_NAMES += " restarts safe trace worn"
HEALTH = (
    (0, U16), (-1000, 2000), (-200, 0), (0, U32), (0, U32), (0, U32), (0, 255), (1, 3), (0, U32), (0, 1),
    (0, 3), (0, U16), (0, U32), (1, 255), None, (0, U16),
)  # fmt: skip


def test_every_bound_of_the_inner_maps():
    rows = (
        (3, "PANIC", {0: 1, 1: 1}, ((0, U48), (1, 4), (1, 3)), "id state source"),
        (5, "EVENT", {0: 1}, ((0, U16), (0, U16)), "code count"),
        (6, "TASK", {0: 1, 1: 1}, ((0, U53), (1, 5)), "id answer"),
        (4, "HEALTH", {}, HEALTH, HEALTH_NAMES),
    )
    for kind, field, base, bounds, names in rows:
        for key, name in enumerate(names.split()):
            if bounds[key] is None:
                continue  # no number: it has a test of its own
            lowest, highest = bounds[key]
            for good in (lowest, highest):
                inner = dict(base)
                inner[key] = good
                report.decode(report.encode(say(kind, **{field: inner})))
            for bad in (lowest - 1, highest + 1, None, False, "x"):
                inner = dict(base)
                inner[key] = bad
                check_refused(say(kind, **{field: inner}), name)
        for bad in (None, 1, [], "x"):
            with raises(Malformed):
                report.decode(cbor.encode(say(kind, **{field: bad})))


def test_every_bound_of_a_fix():
    bounds = (
        (-900000000, 900000000), (-1800000000, 1800000000), (-100000, 1000000), (0, 100000), (0, 36000),
        (0, U16), (0, 255), (0, U32),
    )  # fmt: skip
    names = "latitude longitude altitude speed course hdop satellites age".split()
    for i in range(8):
        for good in bounds[i]:
            fix = list(FIX)
            fix[i] = good
            report.decode(report.encode(say(FIX=fix)))
        for bad in (bounds[i][0] - 1, bounds[i][1] + 1, True, "1"):
            fix = list(FIX)
            fix[i] = bad
            check_refused(say(FIX=fix), names[i])
    for bad in ([], FIX[:7], FIX + [0], {}, None, "fix", [None] + FIX[1:], [1, None] + FIX[2:]):
        check_refused(say(FIX=bad), "fix")


def test_a_kind_needs_its_field():
    for kind, name in ((2, "status"), (3, "panic"), (4, "health"), (5, "event"), (6, "task"), (7, "track")):
        check_refused(say(kind, FIX=FIX), name)
    for key, name in ((report.BOOT, "boot"), (report.SEQ, "seq"), (report.KIND, "kind")):
        fields = say()
        del fields[key]
        check_refused(fields, name)
    check_refused(say(report.KIND_PANIC, PANIC={0: 1}), "state")
    check_refused(say(report.KIND_TASK, TASK={1: 1}), "id")


def test_a_track_stays_on_earth_and_in_groups_of_five():
    for length in range(1, 10):
        if length % 5:
            check_refused(say(report.KIND_TRACK, TRACK=TRACK[:length]), "track")
    check_refused(say(report.KIND_TRACK, TRACK=[]), "track")
    for at, bad in ((0, -1), (1, None), (2, 1800000001), (3, -1), (5, -1), (5, None), (6, None), (9, 36001)):
        track = list(TRACK)
        track[at] = bad
        check_refused(say(report.KIND_TRACK, TRACK=track), "track")
    over_the_pole = [None, 899999999, 0, None, None, 1, 2, 0, None, None]
    check_refused(say(report.KIND_TRACK, TRACK=over_the_pole), "track latitude")


def test_track_points_come_back():
    points = [(0, 449700000, 196100000, 1500, 9000), (1040, 449701200, 196099660, None, None)]
    points.append((2090, -449701200, -196099660, 0, 35999))
    flat = report.track(1761955200000, points)
    assert flat[0] == 1761955200000 and flat[5] == 10 and flat[10] == 10  # tenths, with no drift
    rounded = [(ms // 100 * 100, lat, lon, speed, course) for ms, lat, lon, speed, course in points]
    assert report.track_points(report.decode(report.encode(say(7, TRACK=flat)))[report.TRACK]) == rounded
    assert report.track_points(report.track(None, points[:1])) == points[:1]


def test_later_keys_pass_the_reader_and_not_the_writer():
    for fields in (
        say(),
        say(report.KIND_PANIC, PANIC={0: 1, 1: 1}),
        say(report.KIND_HEALTH, HEALTH={0: 1}),
    ):
        later = dict(fields)
        later[40] = {"new": [1]}
        assert report.decode(cbor.encode(later)) == later
        with raises(Misuse):
            report.encode(later)
    inner = say(report.KIND_PANIC, PANIC={0: 1, 1: 1, 9: "new"})
    assert report.decode(cbor.encode(inner)) == inner
    with raises(Misuse):
        report.encode(inner)
    for bad in (-1, "kind", b"k"):
        fields = say()
        fields[bad] = 1
        check_refused(fields, "key")
        check_refused(say(report.KIND_PANIC, PANIC={0: 1, 1: 1, bad: 1}), "key")


def test_only_a_map_of_bounded_size_is_a_report():
    for data in (b"", b"\x80", b"\x01", b"\xa0", b"\xff", b"\xa1\x00", report.encode(say()) + b"\x00"):
        with raises(Malformed):
            report.decode(data)
    with raises(Malformed):
        report.decode(cbor.encode({0: 0, 1: 0, 3: 1, 40: bytes(MAX_REPORT)}))
    long = report.track(0, [(100 * i, i * 1000, i * 1000, 5000, 20000) for i in range(40)])
    with raises(Misuse) as caught:
        report.encode(say(report.KIND_TRACK, TRACK=long))
    assert "bytes" in str(caught.value)
