# runs on: both
"""A modem's bytes, cut at every place, always give the same events."""

from protocol import at
from protocol.errors import Misuse
from tests.portable import raises

NAMES = {at.LINE: "line", at.FINAL: "final", at.PROMPT: "prompt", at.DATA: "data"}


def events(chunks, command=b"", prompt=False, reader=None):
    """All events of these chunks as (name, value)."""
    reader = reader or at.Reader()
    reader.begin(command, prompt)
    found = []
    for chunk in chunks:
        reader.feed(chunk)
        while True:
            kind = reader.next_event()
            if not kind:
                break
            value = {
                at.LINE: reader.line,
                at.FINAL: (reader.result, reader.detail),
                at.DATA: reader.data,
            }.get(kind)
            found.append((NAMES[kind], value))
    return found


def same_at_every_split(stream, expected, command=b"", prompt=False):
    """Whole, in two pieces at each place, and byte by byte."""
    assert events([stream], command, prompt) == expected, events([stream], command, prompt)
    for i in range(1, len(stream)):
        got = events([stream[:i], stream[i:]], command, prompt)
        assert got == expected, (i, got)
    got = events([stream[i : i + 1] for i in range(len(stream))], command, prompt)
    assert got == expected, got


def test_an_echo_ends_in_two_carriage_returns_and_is_not_an_answer():
    stream = b"AT+CEREG?\r\r\n\r\n+CEREG: 0,1\r\n\r\nOK\r\n"
    expected = [("line", b"+CEREG: 0,1"), ("final", (at.OK, b""))]
    same_at_every_split(stream, expected, b"AT+CEREG?")


def test_a_urc_may_stand_between_a_command_and_its_echo():
    stream = b"\r\n+CEREG: 1\r\nAT+CSQ\r\r\n\r\n+CSQ: 18,99\r\n\r\nOK\r\n"
    expected = [("line", b"+CEREG: 1"), ("line", b"+CSQ: 18,99"), ("final", (at.OK, b""))]
    same_at_every_split(stream, expected, b"AT+CSQ")


def test_a_urc_may_stand_between_the_echo_and_its_answer():
    stream = b"AT+CSQ\r\r\n\r\nPB DONE\r\n\r\n+CSQ: 18,99\r\n\r\nOK\r\n"
    expected = [("line", b"PB DONE"), ("line", b"+CSQ: 18,99"), ("final", (at.OK, b""))]
    same_at_every_split(stream, expected, b"AT+CSQ")


def test_a_late_echo_of_another_command_is_no_line():
    assert events([b"AT+CSQ\r\r\nat\r\r\n\r\nOK\r\n"], b"ATE0") == [("final", (at.OK, b""))]


def test_boot_urcs_in_any_order():
    stream = b"\r\n*ATREADY: 1\r\n\r\nSMS DONE\r\n\r\n+CPIN: READY\r\n\r\nPB DONE\r\n"
    expected = [
        ("line", b"*ATREADY: 1"),
        ("line", b"SMS DONE"),
        ("line", b"+CPIN: READY"),
        ("line", b"PB DONE"),
    ]
    same_at_every_split(stream, expected)


def test_baud_garbage_after_a_reset_gives_no_line():
    reader = at.Reader()
    stream = b"\x00\xf8\x80\xff\x1c\x00\xe0\r\n\r\n*ATREADY: 1\r\n"
    assert events([stream], reader=reader) == [("line", b"*ATREADY: 1")]
    assert reader.noise == 1
    assert events([b"\x00\x00RDY\r\n"]) == [("line", b"RDY")]  # a line held low reads as NULs


def test_errors_by_number_and_in_words():
    same_at_every_split(b"\r\n+CME ERROR: 13\r\n", [("final", (at.CME_ERROR, b"13"))])
    same_at_every_split(b"\r\n+CME ERROR: SIM failure\r\n", [("final", (at.CME_ERROR, b"SIM failure"))])
    same_at_every_split(b"\r\n+CMS ERROR: 321\r\n", [("final", (at.CMS_ERROR, b"321"))])


def test_the_sim_recovers_after_an_error():
    stream = b"\r\n+CME ERROR: SIM failure\r\n\r\n+CPIN: READY\r\n"
    expected = [("final", (at.CME_ERROR, b"SIM failure")), ("line", b"+CPIN: READY")]
    same_at_every_split(stream, expected, b"AT+CPIN?")


def test_netopen_answers_ok_and_tells_later():
    stream = b"\r\nOK\r\n\r\n+NETOPEN: 0\r\n"
    same_at_every_split(stream, [("final", (at.OK, b"")), ("line", b"+NETOPEN: 0")], b"AT+NETOPEN")


def test_an_ip_error_and_its_error_are_one_end():
    stream = b"\r\n+IP ERROR: Network is already opened\r\n\r\nERROR\r\n\r\nERROR\r\n"
    expected = [("final", (at.IP_ERROR, b"Network is already opened")), ("final", (at.ERROR, b""))]
    same_at_every_split(stream, expected, b"AT+NETOPEN")


def test_the_error_behind_an_ip_error_is_forgotten_with_the_next_command():
    reader = at.Reader()
    assert events([b"\r\n+IP ERROR: No data\r\n"], reader=reader) == [("final", (at.IP_ERROR, b"No data"))]
    assert events([b"\r\nERROR\r\n"], b"AT+CSQ", reader=reader) == [("final", (at.ERROR, b""))]


def test_cipopen_fails_before_its_error():
    stream = b"\r\n+CIPOPEN: 0,3\r\n\r\nERROR\r\n"
    expected = [("line", b"+CIPOPEN: 0,3"), ("final", (at.ERROR, b""))]
    same_at_every_split(stream, expected, b'AT+CIPOPEN=0,"UDP"')


def test_a_prompt_has_no_newline():
    same_at_every_split(b"\r\n>", [("prompt", None)], b"AT+CIPSEND", True)
    stream = b"\r\n>\r\nOK\r\n\r\n+CIPSEND: 0,5,5\r\n"
    expected = [("prompt", None), ("final", (at.OK, b"")), ("line", b"+CIPSEND: 0,5,5")]
    same_at_every_split(stream, expected, b"AT+CIPSEND", True)


def test_quectels_prompt_has_a_space_and_its_end_is_send_ok():
    same_at_every_split(b"\r\n> \r\nSEND OK\r\n", [("prompt", None), ("final", (at.SEND_OK, b""))], b"", True)
    same_at_every_split(
        b"\r\n> \r\nSEND FAIL\r\n", [("prompt", None), ("final", (at.SEND_FAIL, b""))], b"", True
    )


def test_a_urc_before_the_prompt():
    stream = b"AT+CIPSEND=0,5\r\r\n\r\n+CEREG: 1\r\n\r\n>"
    same_at_every_split(stream, [("line", b"+CEREG: 1"), ("prompt", None)], b"AT+CIPSEND=0,5", True)


def test_nobody_asked_for_a_prompt():
    assert events([b"\r\n>hello\r\n"]) == [("line", b">hello")]
    # A late OK of an older command does not take the prompt away; an error does: what comes then is text.
    assert events([b"\r\nOK\r\n\r\n>"], b"AT+CIPSEND", True)[1] == ("prompt", None)
    assert events([b"\r\nERROR\r\n>x\r\n"], b"AT+CIPSEND", True) == [
        ("final", (at.ERROR, b"")),
        ("line", b">x"),
    ]


def test_received_bytes_are_counted_not_searched():
    evil = b"\r\nOK\r\n\r\n+IPD3\r\n>\r\nERROR\r\n+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY\r\n\x00\xff"
    stream = b"\r\nRECV FROM:10.0.0.1:5683\r\n+IPD%d\r\n" % len(evil) + evil + b"\r\nOK\r\n"
    expected = [
        ("line", b"RECV FROM:10.0.0.1:5683"),
        ("line", b"+IPD%d" % len(evil)),
        ("data", evil),
        ("final", (at.OK, b"")),
    ]
    same_at_every_split(stream, expected, b"AT+CIPSEND", True)


def test_a_datagram_may_begin_with_newlines():
    same_at_every_split(
        b"+IPD3\r\n\n\r\n+CSQ: 1,99\r\n",
        [
            ("line", b"+IPD3"),
            ("data", b"\n\r\n"),
            ("line", b"+CSQ: 1,99"),
        ],
    )


def test_two_datagrams_back_to_back():
    same_at_every_split(
        b"+IPD2\r\nab+IPD1\r\nc\r\n+IPD1\r\nd",
        [
            ("line", b"+IPD2"),
            ("data", b"ab"),
            ("line", b"+IPD1"),
            ("data", b"c"),
            ("line", b"+IPD1"),
            ("data", b"d"),
        ],
    )


def test_manual_mode_tells_asks_and_counts():
    stream = b"\r\n+CIPRXGET: 1,0\r\n\r\n+CIPRXGET: 2,0,4,9\r\nOK\r\n\r\n\r\nOK\r\n"
    expected = [
        ("line", b"+CIPRXGET: 1,0"),
        ("line", b"+CIPRXGET: 2,0,4,9"),
        ("data", b"OK\r\n"),
        ("final", (at.OK, b"")),
    ]
    same_at_every_split(stream, expected)
    # Mode 4 only counts; mode 2 with nothing brings nothing.
    assert at.raw_length(b"+CIPRXGET: 4,0,120") == 0
    assert at.raw_length(b"+CIPRXGET: 2,0,0,0") == 0


def test_quectel_reads_until_nothing_is_left():
    stream = b'\r\n+QIURC: "recv",1\r\n\r\n+QIRD: 3\r\nO\nK\r\n\r\nOK\r\n\r\n+QIRD: 0\r\n\r\nOK\r\n'
    expected = [
        ("line", b'+QIURC: "recv",1'),
        ("line", b"+QIRD: 3"),
        ("data", b"O\nK"),
        ("final", (at.OK, b"")),
        ("line", b"+QIRD: 0"),
        ("final", (at.OK, b"")),
    ]
    same_at_every_split(stream, expected)
    assert at.raw_length(b'+QIRD: 30,"10.0.0.1",5683') == 30
    assert at.raw_length(b"+QIRD: 300,200,100") == 0  # the answer to a question


def test_counts_that_cannot_be_are_lines():
    for line in (
        b"+IPD",
        b"+IPD-4",
        b"+IPD12a",
        b"+IPD99999",
        b"+IPD123456",
        b"+CIPRXGET: 2,0",
        b"+QIRD: x",
        b"+IPDx",
    ):
        assert at.raw_length(line) == 0, line
        assert events([line + b"\r\nOK\r\n"]) == [("line", line), ("final", (at.OK, b""))]


def test_a_datagram_too_large_is_dropped_whole():
    reader = at.Reader(raw_limit=8)
    stream = b"+IPD9\r\n\r\nOK\r\n\r\nX+IPD8\r\n12345678\r\nOK\r\n"
    expected = [("line", b"+IPD9"), ("line", b"+IPD8"), ("data", b"12345678"), ("final", (at.OK, b""))]
    assert events([stream[i : i + 1] for i in range(len(stream))], reader=reader) == expected
    assert reader.oversize == 1


def test_an_over_long_line_is_dropped_up_to_its_newline():
    reader = at.Reader(line_limit=16)
    stream = b"+CSQ: " + b"1" * 40 + b"OK\r\n\r\nOK\r\n"
    assert events([stream], reader=reader) == [("final", (at.OK, b""))]
    assert reader.overlong == 1
    # One that just fits is a line.
    assert events([b"1234567890123456\n"], reader=reader) == [("line", b"1234567890123456")]


def test_a_block_that_never_ends_can_be_given_up():
    reader = at.Reader()
    assert events([b"+IPD100\r\nhalf of it"], reader=reader) == [("line", b"+IPD100")]
    assert reader.raw_pending
    reader.abandon()
    assert not reader.raw_pending
    # What comes first may be the rest of it: text begins after a newline.
    assert events([b"tail\r\n\r\n+CSQ: 5,99\r\n"], reader=reader) == [("line", b"+CSQ: 5,99")]


def test_feeding_before_the_events_are_taken_is_our_own_fault():
    reader = at.Reader()
    reader.feed(b"\r\nOK\r\nOK\r\n")
    assert reader.next_event() == at.FINAL
    with raises(Misuse):
        reader.feed(b"more")


def test_only_a_part_of_the_buffer_is_looked_at():
    reader = at.Reader()
    reader.feed(bytearray(b"ERROR\r\nOK\r\nERROR\r\n"), 7, 11)
    assert reader.next_event() == at.FINAL and reader.result == at.OK
    assert reader.next_event() == 0
