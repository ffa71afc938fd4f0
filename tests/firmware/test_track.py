# runs on: both
"""A track holds as many points as fit one report, and gives back what was put in."""

from firmware.gnss import Fix
from firmware.track import Track
from protocol import report


def _fix(lat, lon, speed, course):
    fix = Fix()
    fix.valid = True
    fix.lat_e7, fix.lon_e7, fix.speed_cm_s, fix.course_cdeg = lat, lon, speed, course
    return fix


def _report(points):
    began = points[0][0]
    flat = report.track(1762000000000, [(p[0] - began,) + tuple(p[1:]) for p in points])
    fields = {report.BOOT: 4294967295, report.SEQ: 4294967295, report.TIME: 1762000000000}
    fields[report.KIND] = report.KIND_TRACK
    fields[report.STATUS] = 65535
    fields[report.PANIC] = {0: 281474976710655, 1: 1, 2: 1}
    fields[report.TRACK] = flat
    return report.decode(report.encode(fields))


def test_a_full_track_of_a_city_drive_fits_and_is_worth_its_signature():
    track = Track()
    now, lat, lon = 1000, 448100000, 204600000
    put = []
    while track.add(now, _fix(lat, lon, 1234, 27015)):
        put.append((now, lat, lon, 1234, 27015))
        now += 4300
        lat += 3071
        lon -= 4719
    assert len(put) >= 14
    points = track.take()
    decoded = report.track_points(_report(points)[report.TRACK])
    assert [(p[1], p[2], p[3], p[4]) for p in decoded] == [p[1:] for p in put]
    for n in range(len(put)):
        assert abs(decoded[n][0] - (put[n][0] - 1000)) < 100
    assert not track and track.age_ms(now) == 0


def test_the_longest_steps_fit_too():
    track = Track()
    now, sign = 1000, 1
    count = 0
    while track.add(now, _fix(900000000 * sign, -1800000000 * sign, 100000, 36000)):
        now += 429496729500
        sign = -sign
        count += 1
    assert count >= 8
    _report(track.take())


def test_unknown_speed_and_course_stay_unknown_and_nonsense_becomes_so():
    track = Track()
    track.add(0, _fix(1, 2, None, None))
    track.add(1000, _fix(1, 2, 999999, 5))
    points = report.track_points(_report(track.take())[report.TRACK])
    assert points == [(0, 1, 2, None, None), (1000, 1, 2, None, 5)]
