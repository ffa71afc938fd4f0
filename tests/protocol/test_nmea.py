# runs on: both
"""Sentences as receivers send them, and everything else that comes over the same wire."""

from protocol.nmea import MAX_LINE, Parser
from protocol.nmea_fields import checksum
from tests.protocol.sentences import GGA, RMC, VOID, check_refused, fed, sentence, state


def test_rmc():
    p = fed(RMC)
    assert (p.lat_e7, p.lon_e7, p.valid) == (481173000, 115166667, True)
    assert (p.speed_cm_s, p.course_cdeg) == (1152, 8440)  # 22.4 kn = 1152.355.. cm/s
    assert (p.year, p.month, p.day, p.hour, p.minute, p.second, p.millisecond) == (1994, 3, 23, 12, 35, 19, 0)
    assert p.utc_ms() == 764426119000


def test_nothing_is_known_before_the_first_sentence():
    p = Parser()
    assert state(p) == (None,) * 6 + (False,) + (None,) * 13


def test_each_part_changes_by_itself():
    """What a sentence repeats of the one before is not converted again; what it changes is."""
    p = fed(RMC)
    for old, new, changed in (
        (b"4807.038,N", b"4807.039,N", (481173167, 115166667)),
        (b"4807.038,N", b"4807.038,S", (-481173000, 115166667)),
        (b"01131.000,E", b"01131.001,E", (481173000, 115166833)),
        (b"01131.000,E", b"01131.000,W", (481173000, -115166667)),
        (b"01131.000,E", b",", (481173000, None)),
    ):
        for body, expected in ((RMC.replace(old, new), changed), (RMC, (481173000, 115166667))):
            assert p.feed(sentence(body)) == "RMC"
            assert (p.lat_e7, p.lon_e7) == expected
    for old, new in ((b"230394", b"240394"), (b"230394", b""), (b"123519", b"123520"), (b"123519", b"")):
        before = (p.second, p.day)
        p.feed(sentence(RMC.replace(old, new)))
        assert (p.second, p.day) != before
        p.feed(sentence(RMC))
        assert (p.second, p.day) == before
    # A refused field does not stand in for the good one after it.
    for bad in (
        RMC.replace(b"4807", b"4867"),
        RMC.replace(b"230394", b"330394"),
        RMC.replace(b"3519", b"6619"),
    ):
        assert p.feed(sentence(bad)) is None and p.feed(sentence(bad)) is None
        assert p.feed(sentence(RMC)) == "RMC" and p.utc_ms() == 764426119000 and p.lat_e7 == 481173000


def test_gga():
    p = fed(GGA)
    assert (p.lat_e7, p.lon_e7, p.alt_dm, p.hdop_tenths) == (481173000, 115166667, 5454, 9)
    assert (p.quality, p.sats_used, p.valid, p.millisecond) == (1, 8, True, 250)
    assert p.utc_ms() is None  # GGA has no date
    assert fed(b"GPGGA,1,2,3,4,5".replace(b"1,2,3,4,5", b"000000,,,,,0,00,,-19.64,M,,,,")).alt_dm == -196


def test_gll_gsa_vtg():
    p = fed(b"GPGLL,4250.5589,S,14718.5084,E,092204.999,A,A")
    assert (p.lat_e7, p.lon_e7, p.valid, p.hour, p.millisecond) == (-428426483, 1473084733, True, 9, 999)
    assert not fed(RMC, b"GPGLL,0000.0000,N,00000.0000,E,235947.000,V").valid
    p = fed(b"GPGSA,A,3,07,15,08,16,10,09,,,,,,,0.7,1.75,0.5")
    assert (p.fix_type, p.hdop_tenths) == (3, 18)
    assert fed(b"GNGSA,A,1,,,,,,,,,,,,,99.99,99.99,99.99,4").hdop_tenths == 1000
    p = fed(b"GPVTG,054.7,T,034.4,M,005.5,N,010.2,K")
    assert (p.course_cdeg, p.speed_cm_s) == (5470, 283)
    p = fed(b"GNVTG,,T,,M,0.250,N,0.463,K,A")
    assert (p.course_cdeg, p.speed_cm_s) == (None, 13)
    p = fed(RMC, b"GPVTG,,,,,,,,,N")
    assert (p.course_cdeg, p.speed_cm_s) == (None, None)


def test_gsv_adds_the_constellations():
    p = fed(
        b"GPGSV,2,1,06,07,76,278,27,15,07,332,52,08,63,133,57,16,82,309,55",
        b"GPGSV,2,2,06,10,84,275,62,09,30,087,38",
        b"GLGSV,1,1,03,65,17,335,35,71,18,227,,72,34,282,11",
        b"PQGSV,1,1,02,04,,,33,05,,,30",
    )
    assert p.sats_view == 11
    assert p.feed(sentence(b"GLGSV,1,1,00")) == "GSV"
    assert p.sats_view == 11  # the same second: the fuller message counts, as of several signals
    p.feed(sentence(RMC))
    p.feed(sentence(b"GLGSV,1,1,00"))
    assert p.sats_view == 8
    p.feed(sentence(RMC))
    p.feed(sentence(b"GPGSV,1,1,05,01,02,003,04,1"))
    p.feed(sentence(b"GPGSV,1,1,02,01,02,003,04,6"))
    assert p.sats_view == 7
    p.feed(sentence(b"GPGSV,1,1,09,01,02,003,04,8"))
    assert p.sats_view == 11


def test_gsv_of_more_talkers_than_there_are_holds_no_memory():
    p = Parser()
    for a in b"ABCDEFG":
        for b in b"ABCDEFG":
            assert p.feed(sentence(b"%c%cGSV,1,1,01" % (a, b))) == "GSV"
    assert p.sats_view == 12 == len(p._views)


def test_any_talker():
    for talker in (b"GP", b"GN", b"GL", b"GA", b"GB", b"BD", b"QZ", b"GI", b"GQ", b"II"):
        assert fed(talker + RMC[2:]).valid


def test_what_makers_defined_for_themselves_is_left_alone():
    p = fed(RMC)
    before = state(p)
    others = [
        b"PMTK010,001",
        b"PUBX,00,1",
        b"PQRMC," + RMC[6:],
        b"PARMC,1",
        b"PGTOP,11,3",
        b"GPZDA,1",
        b"GNGNS,1",
    ]
    others += [b"GPRMCX,12", b"G1RMC," + RMC[6:]]
    others += [b"GPrmc," + RMC[6:], b"RMC,123519,A", b"GPRM,,,,,,"]
    for body in others:
        assert p.feed(sentence(body)) is None, body
    assert (p.unknown, p.malformed, p.bad_checksum) == (len(others), 0, 0)
    assert state(p) == before


def test_antenna():
    for text, expected in (
        (b"ANTSTATUS=OK", "ok"),
        (b"ANTSTATUS=SHORT", "short"),
        (b"ANTSTATUS=OPEN", "open"),
        (b"ANTSTATUS=INIT", None),
        (b"ANTSTATUS=DONTKNOW", None),
        (b"ANTENNA OK", "ok"),
        (b"ANTENNA OPEN", "open"),
        (b"ANTENNA SHORT", "short"),
    ):
        assert fed(b"GPTXT,01,01,02,ANTSTATUS=OK", b"GNTXT,01,01,02," + text).antenna == expected
    p = fed(b"GPTXT,01,01,02,ANTENNA OPEN", b"GPTXT,01,01,02,u-blox ag - www.u-blox.com")
    assert p.antenna == "open"  # another text says nothing about the antenna
    check_refused(b"GPTXT,01,01,02")


def test_void_is_read_and_not_valid():
    p = fed(RMC, VOID)
    assert not p.valid and p.utc_ms() is None
    assert (p.lat_e7, p.lon_e7, p.speed_cm_s, p.course_cdeg) == (359154667, -800416000, 484, 157)
    assert (p.year, p.month, p.day, p.hour, p.millisecond) == (2021, 5, 5, 17, 890)
    p = fed(RMC, b"GPRMC,,V,,,,,,,,,,N")
    assert state(p)[:7] == (None,) * 6 + (False,) and p.hour is None and p.year is None
    assert not fed(RMC, b"GPRMC,123519,,4807.038,N,01131.000,E,,,230394,,").valid


def test_simulated_typed_in_and_missing_positions_are_not_valid():
    fields = RMC.split(b",")
    for mode, expected in (
        (b"A", True),
        (b"D", True),
        (b"E", True),
        (b"R", True),
        (b"", True),
        (b"N", False),
        (b"S", False),
        (b"M", False),
    ):
        p = fed(b",".join(fields) + b"," + mode)
        assert p.valid == expected
        assert (p.utc_ms() is not None) == expected
        assert fed(b"GPGLL,4250.5589,S,14718.5084,E,092204.999,A," + mode).valid == expected
    for quality in range(10):
        p = fed(RMC, GGA.replace(b",E,1,", b",E,%d," % quality))
        assert p.valid == (quality in (1, 2, 3, 4, 5, 6, 9)) and p.quality == quality
    # Trap: a simulator's quality 8 beside RMC V; the order must not matter.
    for order in ((VOID, GGA.replace(b",E,1,", b",E,8,")), (GGA.replace(b",E,1,", b",E,8,"), VOID)):
        assert not fed(*order).valid
    assert not fed(b"GPRMC,123519,A,,,,,022.4,084.4,230394,,").valid
    assert not fed(b"GPRMC,123519,A,4807.038,N,,,022.4,084.4,230394,,").valid
    assert not fed(GGA.replace(b",E,1,", b",E,,")).valid


def test_noise_around_a_sentence():
    p = Parser()
    good = sentence(RMC)
    for line in (
        good,
        b"$" + good,
        b"$GPGGA,1235" + good,
        b"\xb5\x62\x01\x07\x00\xff" + good,
        b"  " + good,
        good + b"\r",
        good + b" \r\n",
        good[:-2] + good[-2:].lower(),
        bytearray(good),
        memoryview(good),
    ):
        assert p.feed(line) == "RMC", line
    assert p.malformed == p.bad_checksum == p.unknown == 0
    for n in range(len(good)):
        assert p.feed(good[:n]) is None
    assert p.bad_checksum + p.malformed == len(good)
    before = p.malformed
    for line in (
        good[1:],
        good[:-3],
        good + b"0",
        good[:-1],
        b"",
        b"$",
        b"*00",
        b"$*00",
        b"$$$*24",
        good + b"*",
    ):
        assert p.feed(line) is None, line
    assert p.malformed == before + 10


def test_checksum():
    good = bytearray(sentence(RMC))
    p = Parser()
    refused_count = 0
    for i in range(8 * len(good)):
        good[i >> 3] ^= 1 << (i & 7)
        if p.feed(good) is None:
            refused_count += 1
        good[i >> 3] ^= 1 << (i & 7)
    # Only a changed case of the checksum's own letters is still the same sentence.
    assert len(good) * 8 - refused_count == sum(1 for c in good[-2:] if c > 64)
    wrong = Parser()
    for digits in (b"6B", b"GG", b" 6", b"+6", b"_6", b"6_", b"0x"):
        assert wrong.feed(bytes(good[:-2]) + digits) is None
    assert wrong.bad_checksum == 7
    for n in range(0, 257):
        data = bytes((i * 37 + n) & 255 for i in range(n))
        expected = 0
        for byte in data:
            expected ^= byte
        assert checksum(data) == expected, n


def test_line_of_any_length():
    p = Parser()
    body = b"GPTXT,01,01,02," + b"x" * (MAX_LINE - 19)
    assert len(sentence(body)) == MAX_LINE
    assert p.feed(sentence(body)) == "TXT"
    assert p.feed(sentence(body + b"x")) is None
    assert p.feed(bytes(100000)) is None
    assert p.malformed == 2


def test_heap_does_not_grow():
    import gc

    if not hasattr(gc, "mem_alloc"):
        return
    p = Parser()
    lines = [
        sentence(RMC),
        sentence(GGA),
        sentence(VOID),
        sentence(b"GPGSV,1,1,05,01,02,003,04,1"),
        b"$noise",
    ]
    used = []
    for _ in range(3):
        for _ in range(400):
            for line in lines:
                p.feed(line)
        gc.collect()
        used.append(gc.mem_alloc())
    assert used[1] == used[2], used
