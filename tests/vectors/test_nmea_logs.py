# runs on: both
"""Real receivers' logs, line by line: what is a sentence is read to its last digit, and nothing else is."""

from protocol.nmea import Parser
from tests.portable import Tally, vectors
from tests.vectors.nmea_files import kind_of, lines_of, logs, position, right, void

_WRONG = "checksum right, content wrong: refused"
_VOID = "void, with a position or status that cannot be: refused"


def check_position(p, line, where):
    stated = position(line)
    if stated is not None:
        assert (p.lat_e7, p.lon_e7) == stated, where


def test_whole_sentences_are_read_and_nothing_else():
    read = wrong = 0
    for name in logs():
        p = Parser()
        with Tally(name) as tally:
            for number, line in lines_of(name):
                where = (name, number, line)
                if line is None:  # over-long: the splitter dropped it
                    tally.ran += 1
                    continue
                said = p.feed(line)
                if not kind_of(line) or not right(line):
                    assert said is None, where
                elif said is None:
                    tally.leave_out(_VOID if void(line) else _WRONG)
                    wrong += not void(line)
                    continue
                else:
                    assert said == kind_of(line), where
                    check_position(p, line, where)
                    read += 1
                tally.ran += 1
    assert read
    # None in the logs that we know; another log may hold a receiver's own slips, but few.
    assert wrong * 50 <= read


def test_a_changed_digit_is_noticed():
    """The comparison above can say no: a position one unit off, and a checksum that is not its own."""
    for name in logs():
        p = Parser()
        for number, line in lines_of(name):
            if (
                line is None
                or not right(line)
                or p.feed(line) not in ("RMC", "GGA", "GLL")
                or p.lat_e7 is None
            ):
                continue
            p.lat_e7 += 1
            try:
                check_position(p, line, number)
            except AssertionError:
                changed = bytearray(line)
                changed[-4] ^= 1
                assert not right(bytes(changed)) and p.feed(bytes(changed)) is None
                return
            raise AssertionError("a wrong position was taken for the right one: %s" % line)
    raise AssertionError("no position in any log")


def test_a_drive_through_switzerland():
    name = "nmea/drives/20100403_Z205_Switzerland_short.nmea"
    vectors(name)
    p = Parser()
    count, fastest, last = 0, 0, None
    for _, line in lines_of(name):
        if p.feed(line) != "RMC" or not p.valid:
            continue
        count += 1
        assert (p.year, p.month, p.day) == (2010, 4, 3)
        assert 460000000 < p.lat_e7 < 470000000 and 60000000 < p.lon_e7 < 80000000
        fastest = max(fastest, p.speed_cm_s)
        if last is not None:
            assert abs(p.lat_e7 - last[0]) < 4000 and abs(p.lon_e7 - last[1]) < 6000  # no jump beyond 45 m
        last = (p.lat_e7, p.lon_e7)
    assert count == 226
    assert 1150 < fastest <= 1300  # "up to 45 km/h"
