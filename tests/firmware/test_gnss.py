# runs on: both
"""The receiver: from bytes in any pieces to fixes, loss, silence and the clock."""

from firmware.clock import GNSS
from firmware.gnss import Receiver
from protocol.nmea import checksum


class Teller:
    def __init__(self):
        self.offers = []

    def offer(self, utc_ms, source):
        self.offers.append((utc_ms, source))


def _line(body):
    return b"$%s*%02X\r\n" % (body, checksum(body))


def rmc(second, status=b"A", lat=b"4458.2000,N,01936.6000,E", mode=b"A"):
    return _line(b"GNRMC,0912%02d.00,%s,%s,15.30,084.4,221125,,,%s" % (second, status, lat, mode))


def gga(second):
    return _line(b"GNGGA,0912%02d.00,4458.2000,N,01936.6000,E,1,09,0.9,82.4,M,40.1,M,," % second)


def make():
    teller = Teller()
    return teller, Receiver(teller)


def test_one_epoch_per_second_in_any_pieces():
    for size in (1, 7, 64, 1000):
        teller, receiver = make()
        epochs = 0
        for second in range(5):
            stream = gga(second) + rmc(second)
            for at in range(0, len(stream), size):
                if receiver.feed(stream[at : at + size], second * 1000 + at // 10):
                    epochs += 1
        assert epochs == 5 and receiver.epochs == 5
        fix = receiver.fix
        assert fix.valid and (fix.lat_e7, fix.lon_e7) == (449700000, 196100000)
        assert (fix.alt_dm, fix.hdop_tenths, fix.sats) == (824, 9, 9)
        assert (fix.speed_cm_s, fix.course_cdeg) == (787, 8440)
        assert teller.offers[0] == (1763802720000, GNSS) and len(teller.offers) == 5


def test_void_sentences_are_no_fix_and_set_no_clock():
    teller, receiver = make()
    assert not receiver.feed(rmc(1, b"V", b",,,", b"N"), 1000)
    assert not receiver.fix.valid and receiver.fix.age_s(1000) is None and teller.offers == []


def test_a_lost_fix_is_told_once_and_keeps_its_place_and_age():
    teller, receiver = make()
    receiver.feed(rmc(1), 1000)
    assert not receiver.tick(3400)
    receiver.feed(rmc(2, b"V", b",,,", b"N"), 3450)
    assert receiver.tick(3600) and not receiver.tick(4600)
    fix = receiver.fix
    assert not fix.valid and fix.lat_e7 == 449700000 and fix.age_s(61000) == 60
    receiver.feed(rmc(9), 61000)
    assert fix.valid and fix.age_s(61000) == 0


def test_a_receiver_that_sends_only_gga_works_too():
    teller, receiver = make()
    assert not receiver.feed(gga(1), 1000) and not receiver.feed(gga(2), 2000), "RMC may still come"
    assert receiver.feed(gga(5), 5000) and receiver.feed(gga(6), 6000)
    assert receiver.fix.valid and receiver.fix.speed_cm_s is None


def test_gga_beside_rmc_is_no_second_epoch():
    teller, receiver = make()
    receiver.feed(rmc(1), 1000)
    assert not receiver.feed(gga(1), 1050)


def gsa(hdop):
    return _line(b"GNGSA,A,3,01,02,03,04,,,,,,,,,1.8,%s,1.5" % hdop)


def test_what_nobody_asks_for_is_not_read_where_gga_says_it_too():
    teller, receiver = make()
    view = _line(b"GPGSV,1,1,04,01,40,083,46,02,17,308,41,12,07,344,39,14,22,228,45")
    for second in range(20):
        receiver.feed(rmc(second) + gga(second) + gsa(b"2.5") + view, second * 1000)
    assert receiver.parser.good <= 2 * 20 + 2 and receiver.parser.malformed == 0
    assert (receiver.fix.hdop_tenths, receiver.fix.sats) == (9, 9)
    teller, receiver = make()
    for second in range(20):
        receiver.feed(gsa(b"%d.5" % second) + rmc(second) + view, second * 1000)
    assert receiver.fix.hdop_tenths == 195, "without GGA it is in GSA only"
    # And while nothing else is to be understood they are signs of life.
    assert not receiver.garbled(60000 - 40000)
    for second in range(20, 40):
        receiver.feed(view, second * 1000)
    assert not receiver.garbled(39000)


def test_silence_and_garbage_are_told_apart():
    teller, receiver = make()
    assert receiver.silent(0)
    receiver.feed(b"\xfe\x80\x12\n" * 50, 1000)
    assert not receiver.silent(1500) and receiver.garbled(1500)
    receiver.feed(rmc(1), 2000)
    assert not receiver.garbled(2500)
    assert receiver.silent(5100) and not receiver.garbled(5100)


def test_the_antenna_state_is_passed_on():
    teller, receiver = make()
    assert receiver.antenna is None
    receiver.feed(_line(b"GNTXT,01,01,01,ANTENNA OPEN"), 10)
    assert receiver.antenna == "open"
