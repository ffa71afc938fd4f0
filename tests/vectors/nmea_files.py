"""What the tests of NMEA vectors share: lines as the terminal gets them, and another reckoning of them."""

from protocol.lines import Splitter
from protocol.nmea import MAX_LINE
from tests.portable import skip, vector_files, vectors
from tests.protocol.sentences import sentence

READ = ("RMC", "GGA", "GLL", "GSA", "GSV", "VTG", "TXT")
# Where latitude and longitude stand in a sentence.
_AT = {"RMC": 3, "GGA": 2, "GLL": 1}
LOGS = (".log", ".nmea", ".txt")


def nmea(*endings):
    found = vector_files("nmea", *endings)
    if not found:
        skip("no vectors of NMEA that end with " + " or ".join(endings))
    return found


def logs():
    """Recorded lines; text files of libnmea's come in pairs and have a test of their own."""
    return [name for name in nmea(*LOGS) if not name.endswith(("_in.txt", "_expected.txt"))]


def parts_of(name):
    """What stands between the line feeds of a file, piece by piece: some logs are larger than the heap."""
    with open(vectors(name), "rb") as file:
        while True:
            part = file.readline()
            if not part:
                return
            yield part[:-1] if part[-1:] == b"\n" else part


def lines_of(name):
    """(number, line) of a file, through the splitter, in portions as a UART gives them.

    Empty lines are left out, but counted in the numbers. None: an over-long line, dropped by the splitter.
    """
    splitter = Splitter(MAX_LINE)
    number = 0
    for part in parts_of(name):
        number += 1
        dropped = splitter.overlong
        found = splitter.feed(part[:7]) + splitter.feed(part[7:]) + splitter.feed(b"\n")
        text = part[:-1] if part[-1:] == b"\r" else part
        assert (splitter.overlong > dropped) == (len(text) > MAX_LINE), (name, number)
        if splitter.overlong > dropped:
            assert not found, (name, number)
            yield number, None
        elif text:
            assert found == [text], (name, number)
            yield number, text
        else:
            assert not found, (name, number)


def right(line):
    """Whether the line is a whole sentence with its own checksum, by other means than the parser's."""
    line = line.rstrip(b"\r")
    start = line.rfind(b"$")
    return start >= 0 and sentence(line[start + 1 : -3]) == line[start:-2] + line[-2:].upper()


def kind_of(line):
    """ "RMC" and the like for a sentence that is read here, else ""."""
    start = line.rfind(b"$") + 1
    kind = bytes(line[start + 2 : start + 5])
    ours = kind.decode() in READ if min(kind + b"A") >= 48 and max(kind + b"A") < 127 else False
    ours = ours and line[start + 5 : start + 6] == b","
    if line[start : start + 1] == b"P":  # Quectel's own GSA and GSV; other makers' sentences are not these
        ours = ours and line[start + 1 : start + 2] == b"Q" and kind in (b"GSA", b"GSV")
    return kind.decode() if ours else ""


def exact_e7(field, side):
    """dddmm.mmmm and its side from all the digits, in whole numbers, rounded half away from zero."""
    whole, _, fraction = field.decode().partition(".")
    scale = 10 ** len(fraction)
    minutes = int(whole[:-2]) * 60 * scale + int(whole[-2:] + fraction)
    value = (2 * minutes * 10000000 + 60 * scale) // (2 * 60 * scale)
    return -value if side in (b"S", b"W") else value


def position(line):
    """(lat_e7, lon_e7) that the sentence states, (None, None) if it is empty, None for kinds without one."""
    at = _AT.get(kind_of(line))
    if at is None:
        return None
    fields = line[line.rfind(b"$") :].split(b"*")[0].split(b",")
    if not fields[at]:
        return None, None
    return exact_e7(fields[at], fields[at + 1]), exact_e7(fields[at + 2], fields[at + 3])


def void(line):
    """Whether it says itself that there is no fix: what stands in its fields may then be anything."""
    fields = line[line.rfind(b"$") :].split(b"*")[0].split(b",")
    at = {"RMC": 2, "GGA": 6, "GLL": 6}.get(kind_of(line))
    return at is not None and len(fields) > at and fields[at] in (b"V", b"N", b"0")


def near(value, expected, scale):
    """An integer against a decimal fraction that was itself rounded to eight places."""
    if value is None or expected is None:
        return value is None and expected is None
    return abs(value - expected * scale) <= 0.5 + 1e-8 * scale + 1e-9 * abs(expected * scale)
