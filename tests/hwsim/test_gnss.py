"""The GNSS receiver: made sentences say where the car is, replayed ones are the recorded bytes."""

import datetime
import os
from itertools import pairwise
from pathlib import Path

import pynmea2
import pytest

from hwsim import world
from hwsim.gnss import GnssReplay, GnssTrack, degrees, epochs
from hwsim.kernel import Kernel
from hwsim.roads import Fix
from hwsim.uart import UartPort
from protocol.nmea import Parser

VECTORS = Path(os.environ.get("PATROLA_VECTORS") or Path(__file__).parents[3] / "shared" / "vectors")


class Line:
    """The terminal's end of the line: bytes and when they came."""

    def __init__(self, baud=9600):
        self.kernel = Kernel(5)
        self.data = bytearray()
        self.times = []
        self.port = UartPort(self.kernel, "gnss", 2, self._take)
        self.port.setup(baud)

    def _take(self, _port, data):
        self.data += data
        self.times.append((self.kernel.now_us, len(data)))

    def lines(self):
        return [line for line in bytes(self.data).split(b"\r\n") if line]


class Standing:
    """A track that stays where it is."""

    def __init__(self, lat, lon, speed=0.0, course=0.0):
        self.fix = Fix(lat, lon, 84.0, speed, course)

    def at(self, _t_s):
        return self.fix


def test_every_second_one_burst_that_both_parsers_understand():
    line = Line()
    track = world.track_of(world.units(1)[0])
    gnss = GnssTrack(line.kernel, line.port, track, first_fix_s=0, noise_m=0)
    gnss.start()
    line.kernel.run_for(20.9)
    kinds = [pynmea2.parse(text.decode(), check=True).sentence_type for text in line.lines()]
    assert kinds.count("RMC") == kinds.count("GGA") == kinds.count("GSA") == 20
    assert kinds.count("GSV") == 60
    parser = Parser()
    for text in line.lines():
        parser.feed(text)
    assert parser.bad_checksum == parser.malformed == 0
    where = track.at(19)
    assert abs(parser.lat_e7 - where.lat * 1e7) < 30 and abs(parser.lon_e7 - where.lon * 1e7) < 30
    assert abs(parser.speed_cm_s - where.speed_m_s * 100) < 3
    assert parser.utc_ms() == int((gnss.epoch + datetime.timedelta(seconds=20)).timestamp() * 1000)
    assert parser.antenna == "ok"


def test_bytes_take_the_time_of_the_baud_rate():
    line = Line(baud=4800)
    GnssTrack(line.kernel, line.port, Standing(45, 19), baud=4800, first_fix_s=0).start()
    line.kernel.run_for(10.9)
    for (before, _), (at, count) in pairwise(line.times):
        assert at - before >= 0.95e6 * count / 480
    assert line.times[0][0] >= 1_000_000 + 120 * 1_000_000 // 480, "the first portion is a full FIFO"


def test_no_fix_at_first_then_none_in_a_tunnel_and_an_antenna_that_tells():
    line = Line()
    gnss = GnssTrack(line.kernel, line.port, Standing(45, 19), first_fix_s=3)
    gnss.start()
    line.kernel.run_for(2.5)
    assert gnss.fix is None and all(b",V," in text for text in line.lines() if b"RMC" in text)
    line.kernel.run_for(2)
    assert gnss.fix is not None
    gnss.signal = False
    line.kernel.run_for(1)
    assert gnss.fix is None
    gnss.antenna = "open"
    line.kernel.run_for(1)
    assert any(b"ANTSTATUS=OPEN" in text for text in line.lines())


def test_a_car_that_stops_moving_stays_where_it_is():
    line = Line()
    gnss = GnssTrack(line.kernel, line.port, world.track_of(world.units(1)[0]), first_fix_s=0, noise_m=0)
    gnss.start()
    line.kernel.run_for(20)
    gnss.moving = False
    line.kernel.run_for(2)
    there = gnss.fix
    line.kernel.run_for(10)
    assert (gnss.fix.lat, gnss.fix.lon, gnss.fix.speed_m_s) == (there.lat, there.lon, 0.0)


def test_southern_and_western_places_and_minutes_that_round_up():
    assert degrees(44.99999999, 2) == "4500.00000"
    assert degrees(9.5, 3) == "00930.00000"
    line = Line()
    GnssTrack(line.kernel, line.port, Standing(-33.5, -70.25, 5, 359.97), first_fix_s=0, noise_m=0).start()
    line.kernel.run_for(1.9)
    parser = Parser()
    for text in line.lines():
        parser.feed(text)
    assert (parser.lat_e7, parser.lon_e7) == (-335000000, -702500000)


def test_replay_sends_every_byte_of_the_log_but_the_comments(tmp_path):
    log = (
        b"# Name: a receiver\n$GPRMC,120000,V,,,,,,,010120,,*2B\r\n$$noise\x00\xff\r\n"
        b"$GPRMC,120001,V,,,,,,,010120,,*2A\r\n$GPTXT,broken\r\n"
    )
    path = tmp_path / "some.log"
    path.write_bytes(log)
    line = Line()
    replay = GnssReplay(line.kernel, line.port, path, loop=False)
    replay.start()
    line.kernel.run_for(1.5)
    assert bytes(line.data) == log[log.index(b"$GPRMC") : log.index(b"$GPRMC,120001")]
    line.kernel.run_for(10)
    assert bytes(line.data) == log[log.index(b"$GPRMC") :]
    assert replay.rounds == 1


def test_replay_starts_again_and_an_empty_log_is_refused(tmp_path):
    path = tmp_path / "short.log"
    path.write_bytes(b"$GPGGA,120000,,,,,0,,,,,,,,*6F\r\n")
    line = Line()
    GnssReplay(line.kernel, line.port, path).start()
    line.kernel.run_for(5.5)
    assert bytes(line.data).count(b"$GPGGA") == 5
    path.write_bytes(b"# nothing\n")
    with pytest.raises(ValueError, match="no sentence"):
        GnssReplay(line.kernel, line.port, path)


@pytest.mark.parametrize(
    "name", ["drives/20100403_Z205_Switzerland_short.nmea", "gpsd/neo-m8n.log", "gpsd/mt3339.log"]
)
def test_recorded_drives_are_cut_into_seconds_and_nothing_is_lost(name):
    path = VECTORS / "nmea" / name
    if not path.exists():
        pytest.skip("vectors are not here")
    log = path.read_bytes()
    parts = epochs(log)
    assert b"".join(parts) == b"".join(
        text for text in log.splitlines(keepends=True) if not text.startswith(b"#")
    )
    assert len(parts) > 10 and max(map(len, parts)) < 1200
