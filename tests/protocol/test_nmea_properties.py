"""Whatever bytes come: no exception, every line counted once, and numbers exact to their rounding."""

from datetime import datetime
from fractions import Fraction

import pynmea2
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocol.lines import Splitter
from protocol.nmea import MAX_LINE, Parser
from tests.protocol.sentences import GGA, RMC, VOID, check_ranges, sentence, state

BODIES = (
    RMC,
    GGA,
    VOID,
    b"GPGLL,4250.5589,S,14718.5084,E,092204.999,A,A",
    b"GPGSA,A,3,07,15,08,16,10,09,,,,,,,0.7,1.75,0.5",
    b"GPGSV,2,1,06,07,76,278,27,15,07,332,52,08,63,133,57,16,82,309,55",
    b"GPVTG,054.7,T,034.4,M,005.5,N,010.2,K",
    b"GNTXT,01,01,02,ANTSTATUS=OK",
)
FIELD = st.one_of(
    st.sampled_from([b"", b"A", b"V", b"N", b"S", b"M", b"-", b".", b"1e5", b"0x10", b" 1", b"1_0", b"\xb2"]),
    st.from_regex(rb"-?[0-9]{0,12}(\.[0-9]{0,12})?", fullmatch=True),
    st.binary(max_size=8),
)


def round_half_away(value: Fraction) -> int:
    size = abs(value)
    whole = (2 * size.numerator + size.denominator) // (2 * size.denominator)
    return -whole if value < 0 else whole


@st.composite
def near_sentences(draw):
    """A real sentence with some fields exchanged, cut or repeated, its checksum right nine times in ten."""
    fields = draw(st.sampled_from(BODIES)).split(b",")
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(fields) - 1))
        fields[at] = draw(FIELD)
    fields = fields[: draw(st.integers(1, len(fields) + 3))] + draw(st.lists(FIELD, max_size=2))
    line = sentence(b",".join(fields))
    if draw(st.integers(0, 9)) == 0:
        line = draw(st.binary(max_size=5)) + line[: draw(st.integers(0, len(line)))]
    return line


@settings(max_examples=600, deadline=None)
@given(st.lists(st.one_of(near_sentences(), st.binary(max_size=MAX_LINE + 5)), max_size=12))
@example([b"$GPGSV,1,1,*55", b"$*00", b"$GPRMC,*4B", b"*", b"$"])
def test_feed_never_raises_and_counts_each_line_once(lines):
    p = Parser()
    for line in lines:
        before = state(p)
        name = p.feed(line)
        if name is None:
            assert state(p) == before
        check_ranges(p)
    assert p.good + p.bad_checksum + p.malformed + p.unknown == len(lines)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 90), st.integers(0, 59), st.text("0123456789", max_size=14), st.booleans())
@example(0, 0, "000003", False)
@example(44, 4, "14066", True)
@example(89, 59, "99999999999999", True)
def test_position_is_exact(degrees, minutes, digits, negative):
    fraction = Fraction(int(digits or "0"), 10 ** len(digits))
    exact = (degrees + (minutes + fraction) / 60) * 10**7
    expected = round_half_away(-exact if negative else exact)
    lat = f"{degrees:02}{minutes:02}.{digits}".encode()
    lon = f"{degrees:03}{minutes:02}.{digits}".encode()
    body = b"GPGLL,%s,%s,%s,%s,,A" % (lat, b"S" if negative else b"N", lon, b"W" if negative else b"E")
    p = Parser()
    name = p.feed(sentence(body))
    if abs(expected) > 900000000:
        assert name is None
    else:
        assert (name, p.lat_e7, p.lon_e7) == ("GLL", expected, expected)


@settings(max_examples=300, deadline=None)
@given(st.decimals(0, 1273, places=3), st.decimals(0, 360, places=4), st.decimals(-9999, 99999, places=3))
def test_speed_course_altitude_are_exact(knots, course, metres):
    p = Parser()
    assert p.feed(sentence(f"GPVTG,{course:f},T,,M,{knots:f},N,,K".encode())) == "VTG"
    assert p.speed_cm_s == round_half_away(Fraction(knots) * 463 / 9)
    assert p.course_cdeg == round_half_away(Fraction(course) * 100) % 36000
    assert p.feed(sentence(f"GPGGA,,,,,,1,08,1.0,{metres:f},M,,M,,".encode())) == "GGA"
    assert p.alt_dm == round_half_away(Fraction(metres) * 10)


@settings(max_examples=200, deadline=None)
@given(st.datetimes(datetime(1980, 1, 1), datetime(2068, 12, 31)))
def test_time_as_python_counts_it(moment):
    text = moment.strftime("%H%M%S.") + f"{moment.microsecond:06}"
    p = Parser()
    body = RMC.replace(b"123519", text.encode())
    p.feed(sentence(body.replace(b"230394", moment.strftime("%d%m%y").encode())))
    epoch = datetime(1970, 1, 1)
    since = moment - epoch
    assert p.utc_ms() == (since.days * 86400 + since.seconds) * 1000 + since.microseconds // 1000


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.one_of(st.binary(max_size=30), st.sampled_from([b"\r\n", b"\n", b"x" * 25])), max_size=20),
    st.integers(1, 40),
    st.data(),
)
def test_splitter_gives_the_same_lines_in_any_portions(parts, limit, data):
    stream = b"".join(parts) + b"\n"
    expected = []
    overlong = 0
    for line in stream[:-1].split(b"\n"):
        line = line[:-1] if line[-1:] == b"\r" else line
        if len(line) > limit:
            overlong += 1
        elif line:
            expected.append(line)
    splitter = Splitter(limit)
    got = []
    at = 0
    while at < len(stream):
        size = data.draw(st.integers(1, len(stream) - at))
        got += splitter.feed(stream[at : at + size])
        assert len(splitter._kept) <= limit + 1
        at += size
    assert got == expected and splitter.overlong == overlong


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.integers(1, 40))
def test_a_sentence_in_noise_is_found(noise, portion):
    """After a newline whatever noise came before cannot touch the next sentence."""
    splitter, p = Splitter(MAX_LINE), Parser()
    stream = noise.replace(b"\n", b"") * 5 + b"\n" + sentence(RMC) + b"\r\n" + noise
    names = []
    for at in range(0, len(stream), portion):
        names += [p.feed(line) for line in splitter.feed(stream[at : at + portion])]
    assert "RMC" in names


@settings(max_examples=150, deadline=None)
@given(st.integers(-899999999, 899999999), st.integers(-1799999999, 1799999999), st.integers(0, 99999))
def test_as_pynmea2_reads_it(lat, lon, speed):
    def field(value, width):
        minutes = abs(value) * 60
        return f"{minutes // 600000000:0{width}}{minutes % 600000000 / 10**7:010.7f}"

    body = "GNRMC,101112.00,A,%s,%s,%s,%s,%.2f,1.0,010124,," % (
        field(lat, 2),
        "NS"[lat < 0],
        field(lon, 3),
        "EW"[lon < 0],
        speed / 100,
    )
    line = sentence(body.encode())
    p = Parser()
    assert p.feed(line) == "RMC"
    assert (p.lat_e7, p.lon_e7) == (lat, lon)
    other = pynmea2.parse(line.decode(), check=True)
    assert abs(other.latitude * 1e7 - p.lat_e7) < 0.6 and abs(other.longitude * 1e7 - p.lon_e7) < 0.6
