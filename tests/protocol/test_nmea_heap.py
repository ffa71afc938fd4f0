# runs on: micropython
"""A receiver speaks on and on, and the heap stays as it is: a million sentences, never twice the same."""

import gc

from protocol.lines import Splitter
from protocol.nmea import MAX_LINE, Parser
from tests.protocol.sentences import sentence

_ROUND = (
    b"GPRMC,123455.EEFF,A,4807.AABB,N,01131.CCDD,E,022.AA,084.BB,230394,003.1,W",
    b"GPGGA,123455.EEFF,4807.AABB,N,01131.CCDD,E,1,08,0.AA,545.BB,M,46.9,M,,",
    b"GPRMC,123456.EEFF,A,4807.CCDD,N,01131.AABB,E,0AA.4,0BB.4,230394,003.1,W",
    b"GPGGA,123456.EEFF,4807.CCDD,N,01131.AABB,E,1,08,0.CC,545.AA,M,46.9,M,,",
    b"GPVTG,0AA.4,T,034.4,M,0BB.4,N,010.2,K",
    b"GNGLL,4502.BBAA,N,01911.DDCC,E,123456.EEFF,A,A",
    b"GNGSA,A,3,02,05,07,09,13,16,20,30,,,,,1.52,0.AA,1.29",
    b"GPGSV,3,1,11,02,17,308,41,05,57,069,44,07,40,083,46,09,22,228,AA",
    b"GPGSV,3,2,11,13,12,105,31,16,33,297,40,20,28,134,38,27,05,032,BB",
    b"GPGSV,3,3,11,29,07,181,22,30,71,312,47,AA,BB",
    b"TTGSV,1,1,11,01,02,003,AA",  # a new talker now and then
    b"GNRMC,123456.EEFF,V,,,,,,,230394,,,N",
    b"GPTXT,01,01,02,ANTSTATUS=AABBCCDD",
    b"GPZDA,201530.AA,BB,07,2002,00,00",
    b"TTABC,AABBCC",
    b"GPGGA,123456.EEFF,4899.AABB,N,01131.CCDD,E,1,08,0.AA,545.BB,M,46.9,M,,",  # minutes above 60
)
_NOISE = b"\xb5\x62\x01\x07\r\r\n$GPRMC,1234\n$GPRMC,1,2*00\n" + b"x" * 450 + b"\n"
_SENTENCES = 1000000
_PORTION = 64
_DIGITS = (b"AA", b"BB", b"CC", b"DD", b"EE", b"FF")


class Receiver:
    """Its lines, round after round. What changes stands twice side by side: each checksum stays as it is."""

    def __init__(self):
        stream = b"".join(sentence(body) + b"\r\n" for body in _ROUND)
        self._digits = [_places(stream, mark) for mark in _DIGITS]
        self._talkers = _places(stream, b"TT")
        self._stream = bytearray(stream + _NOISE)
        self._view = memoryview(self._stream)
        self.rounds = 0
        for k in range(len(_DIGITS)):
            self._put(self._digits[k], 48)

    def say(self, splitter, parser):
        """One round, another one than any before it."""
        n = self.rounds
        self.rounds += 1
        self._put(self._talkers, 65 + n // 100 % 26)
        k = 0
        while True:
            self._put(self._digits[k], 48 + n % 10)
            if n % 10 or not n:
                break  # the higher digits are as they were
            n //= 10
            k += 1
        for at in range(0, len(self._stream), _PORTION):
            for line in splitter.feed(self._view[at : at + _PORTION]):
                parser.feed(line)

    def _put(self, places, byte):
        for at in places:
            self._stream[at] = self._stream[at + 1] = byte


def _places(stream, mark):
    """Where the mark stands, but not as letters of a word: SATELLITES keep theirs."""
    found = []
    at = stream.find(mark)
    while at >= 0:
        if mark != b"TT" or stream[at - 1] == 36:
            found.append(at)
        at = stream.find(mark, at + 2)
    return found


def used():
    gc.collect()
    return gc.mem_alloc()


def grown(receiver, splitter, parser, sentences):
    """What the heap holds after the first rounds, in the middle and at the end."""
    gc.threshold(
        1 << 18
    )  # collected early, what stays lies close together, as with the firmware's own threshold
    while receiver.rounds < 2600:  # every talker has been heard
        receiver.say(splitter, parser)
    held = [0, 0, 0]  # made beforehand: it stands on the heap too
    held[0] = used()
    rounds = sentences // len(_ROUND) + 1
    for n in range(rounds):
        receiver.say(splitter, parser)
        if n == rounds // 2:
            held[1] = used()
    held[2] = used()
    return held


def test_the_heap_is_the_same_after_a_million_sentences():
    receiver, splitter, parser = Receiver(), Splitter(MAX_LINE), Parser()
    held = grown(receiver, splitter, parser, _SENTENCES)
    assert held[0] == held[1] == held[2], held
    # All were looked at, the good and the bad: it is no use to keep the heap by doing nothing.
    rounds = receiver.rounds
    assert len(_ROUND) * rounds > _SENTENCES
    assert parser.malformed == 3 * rounds and parser.bad_checksum == rounds and splitter.overlong == rounds
    # A talker PP is a maker's own.
    assert parser.good + parser.unknown == 15 * rounds and 12 * rounds < parser.good < 13 * rounds


class Hoarder(Parser):
    """Keeps each position that it has seen."""

    def __init__(self):
        super().__init__()
        self.seen = {}

    def feed(self, line):
        name = super().feed(line)
        self.seen[(self.lat_e7, self.lon_e7, self.alt_dm)] = name
        return name


def test_growth_would_be_seen():
    held = grown(Receiver(), Splitter(MAX_LINE), Hoarder(), 3000)
    assert held[2] > held[1] > held[0], held


# As measured, with an eighth to spare, when every field is new. In blocks of 32 bytes; a chip's are 16.
_MOST = {b"RMC": 2150, b"GGA": 2050, b"GSA": 1850, b"GSV": 700, b"VTG": 950, b"GLL": 1600}


def test_bytes_of_heap_per_sentence():
    parser = Parser()
    found = {}
    for body in _ROUND[:8]:
        for mark in _DIGITS:
            body = body.replace(mark, b"11")
        line = sentence(body)
        parser.feed(line)
        parser.feed(sentence(b"GPRMC,000000,V,,,,,,,230394,,,N"))  # nothing of it is known any more
        gc.collect()
        gc.disable()
        before = gc.mem_alloc()
        parser.feed(line)
        took = gc.mem_alloc() - before
        gc.enable()
        kind = line[3:6]
        found[kind] = max(found.get(kind, 0), took)
    print(found)
    for kind in _MOST:
        assert 0 < found[kind] <= _MOST[kind], (kind, found[kind])
