# runs on: both
"""The fields of a sentence: rounding, ranges, dates, and what is not a number."""

from tests.protocol.sentences import GGA, RMC, check_refused, fed, sentence


def test_rounding_is_half_away_from_zero_once():
    for minutes, e7 in (
        (b"00.0000029", 0),
        (b"00.000003", 1),  # exactly half of 1e-7 degrees
        (b"00.0000089", 1),
        (b"00.000009", 2),
        (b"00.00000299999999", 0),
        (b"00.00000300000000", 1),
        (b"00", 0),
        (b"30", 5000000),
        (b"30.", 5000000),
        (b"59.9999999", 10000000),
        (b"59.9999999999", 10000000),
    ):
        p = fed(b"GPGLL,00%s,N,000%s,W,000000,A" % (minutes, minutes))
        assert (p.lat_e7, p.lon_e7) == (e7, -e7), minutes
    for knots, cm_s in (
        (b"0.0097", 0),
        (b"0.00972", 1),
        (b".5", 26),
        (b"1", 51),
        (b"100.00", 5144),
        (b"0.06", 3),
    ):
        assert fed(b"GPVTG,,T,,M,%s,N,,K" % knots).speed_cm_s == cm_s
    for degrees, cdeg in ((b"360.0", 0), (b"359.994", 35999), (b"359.995", 0), (b"1.005", 101), (b"0", 0)):
        assert fed(b"GPVTG,%s,T,,M,,N,,K" % degrees).course_cdeg == cdeg
    for metres, dm in ((b"-0.05", -1), (b"0.05", 1), (b"-0.049", 0), (b"8848.86", 88489), (b"-430", -4300)):
        assert fed(b"GPGGA,,,,,,1,05,1.0,%s,M,,M,," % metres).alt_dm == dm


def test_edges_of_the_world():
    p = fed(b"GPGLL,9000.0000,S,18000.0000,E,000000,A")
    assert (p.lat_e7, p.lon_e7) == (-900000000, 1800000000)
    for lat, lon in (
        (b"9000.0001,N", b"01131.000,E"),
        (b"9100.0,N", b"01131.000,E"),
        (b"4807.0,N", b"18000.0001,W"),
        (b"4860.0,N", b"01131.0,E"),
        (b"4807.0,N", b"01160.0000000000,E"),
        (b"4807.0,E", b"01131.0,E"),
        (b"4807.0,n", b"01131.0,E"),
        (b"4807.0,", b"01131.0,E"),
        (b"4807.0,NN", b"01131.0,E"),
        (b"48o7.0,N", b"01131.0,E"),
        (b"4807.0.0,N", b"01131.0,E"),
        (b"-807.0,N", b"01131.0,E"),
        (b"+807.0,N", b"01131.0,E"),
        (b" 807.0,N", b"01131.0,E"),
        (b"4_07.0,N", b"01131.0,E"),
        (b"07.0,N", b"01131.0,E"),
        (b".5,N", b"01131.0,E"),
        (b"4807,N", b"001131,E"),
        (b"\xb2\xb2\xb2\xb2.0,N", b"01131.0,E"),
    ):
        check_refused(b"GPGLL,%s,%s,000000,A" % (lat, lon))
        check_refused(b"GPRMC,123519,A,%s,%s,,,230394,," % (lat, lon))
        check_refused(b"GPGGA,123519,%s,%s,1,08,0.9,545.4,M,46.9,M,," % (lat, lon))


def test_fields_out_of_form_or_range():
    for bad in (
        b"24",
        b"236000",
        b"240000",
        b"126060",
        b"120061",
        b"12351",
        b"1235190",
        b"123519.",
        b"123519.x",
    ):
        check_refused(RMC.replace(b"123519", bad))
    for bad in (
        b"000394",
        b"320394",
        b"290223",
        b"310494",
        b"231394",
        b"230094",
        b"23394",
        b"2303940",
        b"23o394",
    ):
        check_refused(RMC.replace(b"230394", bad))
    for bad in (b"-22.4", b"22,4", b"2e1", b"0x1", b".", b"1.2.3", b"99999", b"1275.0"):
        check_refused(RMC.replace(b"022.4", bad))
    for bad in (b"360.01", b"361", b"-1", b"999.9"):
        check_refused(RMC.replace(b"084.4", bad))
    for bad in (b"B", b"a", b"AA", b"0"):
        check_refused(RMC.replace(b",A,", b",%s," % bad))
    for bad in (b"A", b"10", b"-1", b"1.0"):
        check_refused(GGA.replace(b",E,1,", b",E,%s," % bad))
    for bad in (b"-", b"--5", b"+5", b"100000.1", b"-10001"):
        check_refused(GGA.replace(b"545.4", bad))
    check_refused(GGA.replace(b",08,", b",256,"))
    check_refused(GGA.replace(b",0.9,", b",-0.9,"))
    check_refused(GGA.replace(b"545.4,M", b"545.4,F"))
    for bad in (b"0", b"4", b"x", b"-1"):
        check_refused(b"GPGSA,A,%s,,,,,,,,,,,,,1,1,1" % bad)
    for bad in (b"1,2,03", b"0,0,03", b"1,0,03", b"x,1,03", b"1,1,256", b",1,03", b"1,,03", b"1,1,-1"):
        check_refused(b"GPGSV," + bad)


def test_too_few_fields():
    for body, least in ((RMC, 10), (GGA, 11)):
        fields = body.split(b",")
        for n in range(1, least - 1):
            check_refused(b",".join(fields[:n]) + b",")
        assert fed(b",".join(fields[:least])).valid
    for body in (
        b"GPGLL,4250.55,S,14718.50,E,092204",
        b"GPVTG,1,T,,M,1",
        b"GPGSA,A,3,,,,,,,,,,,,,1,1",
        b"GPGSV,1,1",
    ):
        check_refused(body)
    check_refused(b"GPVTG,054.7,034.4,005.5,010.2,1,2")  # VTG before NMEA 2.0


def test_dates():
    for ddmmyy, expected in (
        (b"060180", (1980, 1, 6)),
        (b"220899", (1999, 8, 22)),
        (b"010100", (2000, 1, 1)),
        (b"290200", (2000, 2, 29)),
        (b"290224", (2024, 2, 29)),
        (b"311279", (2079, 12, 31)),
        (b"000000", (None, None, None)),
        (b"", (None, None, None)),
    ):
        p = fed(RMC.replace(b"230394", ddmmyy))
        assert (p.year, p.month, p.day) == expected
        assert (p.utc_ms() is None) == (expected[0] is None)


def test_utc():
    for ddmmyy, hhmmss, ms in (
        (b"060180", b"000000", 315964800000),
        (b"010100", b"000000.5", 946684800500),
        (b"290224", b"235959.999", 1709251199999),
        (b"010324", b"000000", 1709251200000),
        (b"010181", b"000000", 347155200000),
        (b"010125", b"000000", 1735689600000),
        (b"311279", b"235959", 3471292799000),
        (b"311216", b"235960", 1483228800000),  # the leap second of 2016
    ):
        body = RMC.replace(b"230394", ddmmyy).replace(b"123519", hhmmss)
        assert fed(body).utc_ms() == ms, ddmmyy
    # GGA of the next second, perhaps of the next day, comes before its RMC does.
    midnight = RMC.replace(b"123519", b"235959")
    same = GGA.replace(b"123519.25", b"235959")
    assert fed(midnight, same).utc_ms() == fed(midnight).utc_ms() == 764467199000
    for following in (GGA.replace(b"123519.25", b"000000"), b"GPGLL,4250.55,S,14718.50,E,000000,A"):
        p = fed(midnight, following)
        assert p.utc_ms() is None and p.hour == 0
        assert p.feed(sentence(RMC.replace(b"123519", b"000000").replace(b"2303", b"2403"))) == "RMC"
        assert p.utc_ms() == 764467200000
    assert fed(RMC.replace(b"123519", b"")).utc_ms() is None
