# runs on: both
"""Sessions recorded at real modems: each line comes out as what it is, however the bytes were cut."""

from protocol import at
from tests.portable import Tally, skip, vector_files, vectors

_FINAL = {b"OK": at.OK, b"ERROR": at.ERROR, b"SEND OK": at.SEND_OK, b"SEND FAIL": at.SEND_FAIL}
_WITH_DETAIL = ((b"+CME ERROR:", at.CME_ERROR), (b"+CMS ERROR:", at.CMS_ERROR), (b"+IP ERROR:", at.IP_ERROR))


def sessions():
    found = vector_files("modem", ".txt", ".log")
    if not found:
        skip("no recorded sessions of modems")
    return found


def recorded(name):
    """The lines of a session; lines that begin with # are its editor's."""
    with open(vectors(name), "rb") as file:
        lines = [line.rstrip(b"\r") for line in file.read().split(b"\n")]
    return [line for line in lines if not line.startswith(b"#")]


def counted(line):
    """How many raw bytes the line announces, for the two announcements that a session may hold."""
    if line.startswith(b"+IPD") and line[4:].isdigit():
        return int(line[4:])
    fields = line.split(b",")
    if line.startswith(b"+CIPRXGET: 2,") and len(fields) == 4 and fields[2].isdigit():
        return int(fields[2])
    return 0


def whole_blocks(lines):
    """The lines up to the first counted block that was not recorded byte by byte.

    Who saved it changed its line ends: what follows cannot be fed as it stands.
    """
    for i, line in enumerate(lines):
        if counted(line) and len((lines + [b"", b""])[i + 1]) != counted(line):
            return lines[:i]
    return lines


def expected(lines):
    """The event, or None, of each line that is not empty, by a reading of its own."""
    found = []
    raw = error_follows = 0
    for line in lines:
        text = line.strip(b" \r\0")
        if raw:
            found.append((at.DATA, line))
            raw = 0
            continue
        if not text:
            continue
        event = (at.LINE, text)
        if len(line) + 1 > at.MAX_LINE:
            event = None  # dropped whole, its CR counted
        elif text[:2] in (b"AT", b"at"):
            event = None  # echoes, and what the host's own log says of its commands
        elif [byte for byte in text if not 32 <= byte < 127]:
            event = None  # noise of a changing baud rate
        elif text in _FINAL:
            event = (at.FINAL, (_FINAL[text], b""))
            if text == b"ERROR" and error_follows:
                event = None
            error_follows = 0
        for start, result in _WITH_DETAIL:
            if text.startswith(start):
                event = (at.FINAL, (result, text[len(start) :].strip()))
                error_follows = result == at.IP_ERROR
        raw = counted(text)
        found.append(event)
    return found


def events(chunks):
    reader = at.Reader()
    found = []
    for chunk in chunks:
        reader.feed(chunk)
        kind = reader.next_event()
        while kind:
            value = {at.LINE: reader.line, at.FINAL: (reader.result, reader.detail), at.DATA: reader.data}[
                kind
            ]
            found.append((kind, value))
            kind = reader.next_event()
    return found


def test_recorded_sessions():
    for name in sessions():
        every = recorded(name)
        lines = whole_blocks(every)
        stream = b"\r\n".join(lines) + b"\r\n"
        wanted = expected(lines)
        with Tally(name) as tally:
            for size in (1, 2, 7, 64, len(stream)):
                got = events([stream[i : i + size] for i in range(0, len(stream), size)])
                assert got == [event for event in wanted if event], (name, size)
            tally.ran += len(wanted)
            rest = [line for line in every[len(lines) :] if line.strip(b" \r\0")]
            if rest:
                tally.leave_out("behind a counted block whose line ends were changed", len(rest))


def test_a_session_of_an_a7670():
    """What the module itself printed comes out: the comparison above is not one of nothing with nothing."""
    lines = recorded("modem/a7670_azure_mqtts.txt")
    found = events([b"\r\n".join(lines)])
    said = [value for kind, value in found if kind == at.LINE]
    for line in (b"*ATREADY: 1", b"+CPIN: READY", b"+CEREG: 0,1", b"PB DONE", b"+IPADDR: 10.4.112.219"):
        assert line in said, line
    assert (at.FINAL, (at.CME_ERROR, b"13")) in found
    assert len([1 for kind, value in found if kind == at.FINAL and value[0] == at.OK]) > 10
