# runs on: both
"""Every position of the recordings equals the sentence's own digits: exactly rounded, and back again."""

from protocol.nmea import Parser
from tests.protocol.sentences import sentence
from tests.vectors.nmea_files import lines_of, logs

_WHERE = {"RMC": 3, "GGA": 2, "GLL": 1}


def exact(field, side):
    """(numerator, denominator, decimals) of degrees like 4807.038, otherwise than the parser."""
    whole, _, fraction = field.partition(b".")
    denominator = 60 * 10 ** len(fraction)
    degrees, minutes = int(whole[:-2]), int(whole[-2:] + fraction)
    numerator = degrees * denominator + minutes
    return (-numerator if side in (b"S", b"W") else numerator), denominator, len(fraction)


def digits_of(e7, decimals):
    """1e-7 degrees as `dddmm.mm` with so many decimals, rounded half away from zero, without its dot."""
    size = abs(e7)
    scale = 10**decimals
    minutes = (size % 10000000 * 60 * scale * 2 + 10000000) // 20000000
    degrees = size // 10000000
    if minutes == 60 * scale:
        degrees, minutes = degrees + 1, 0
    return degrees * 100 * scale + minutes


def check(e7, field, side, where):
    numerator, denominator, decimals = exact(field, side)
    error = e7 * denominator - numerator * 10000000
    assert 2 * abs(error) <= denominator, where
    if 2 * abs(error) == denominator:
        assert abs(e7) * denominator > abs(numerator) * 10000000, where  # half away from zero
    if decimals <= 5:  # 1e-7 degrees are 6e-6 minutes: five decimals can be had back
        assert digits_of(e7, decimals) == int(field.replace(b".", b"")), where


def test_the_recordings():
    checked = 0
    for name in logs():
        parser = Parser()
        for number, line in lines_of(name):
            at = None if line is None else _WHERE.get(parser.feed(line))
            if at is None or parser.lat_e7 is None:
                continue
            fields = line[line.rfind(b"$") + 1 :].split(b",")
            check(parser.lat_e7, fields[at], fields[at + 1], (name, number))
            check(parser.lon_e7, fields[at + 2], fields[at + 3], (name, number))
            checked += 1
    print("positions:", checked)
    assert checked > 500


def test_every_number_of_decimals():
    for decimals in range(10):
        for tail in (b"0" * 9, b"9" * 9, b"123456789", b"499999999", b"500000000", b"000000005"):
            lat, lon = b"4459." + tail[:decimals], b"17959." + tail[-decimals:] if decimals else b"17959"
            parser = Parser()
            body = b"GPGLL,%s,S,%s,W,120000,A" % (lat.rstrip(b"."), lon)
            assert parser.feed(sentence(body)) == "GLL", body
            check(parser.lat_e7, lat.rstrip(b"."), b"S", body)
            check(parser.lon_e7, lon, b"W", body)


def test_a_digit_off_is_seen():
    for e7 in (481173001, 481173003, -481173002):
        try:
            check(e7, b"4807.03801", b"N", "")
        except AssertionError:
            continue
        raise AssertionError(e7)
    check(481173002, b"4807.03801", b"N", "")
