# runs on: both
"""Bytes in any portions, whole lines out."""

from protocol.errors import Misuse
from protocol.lines import Splitter
from tests.portable import raises


def test_lines_in_any_portions():
    stream = b"one\r\ntwo\nthree\r\n\r\n\nfour"
    for size in range(1, len(stream) + 1):
        splitter = Splitter(10)
        lines = []
        for at in range(0, len(stream), size):
            lines.extend(splitter.feed(stream[at : at + size]))
        assert lines == [b"one", b"two", b"three"], size
        assert splitter.feed(b"\n") == [b"four"]
        assert splitter.overlong == 0


def test_any_buffer_is_taken_and_not_kept():
    splitter = Splitter(10)
    buffer = bytearray(b"abc")
    assert splitter.feed(memoryview(buffer)) == []
    buffer[:] = b"xyz"
    assert splitter.feed(b"\r\n") == [b"abc"]
    assert splitter.feed(buffer) == [] and splitter.feed(bytearray(b"\n")) == [b"xyz"]


def test_longest_line_fits_with_and_without_cr():
    for end in (b"\n", b"\r\n"):
        for size in (1, 3, 99):
            splitter = Splitter(8)
            stream = b"12345678" + end
            lines = []
            for at in range(0, len(stream), size):
                lines.extend(splitter.feed(stream[at : at + size]))
            assert lines == [b"12345678"] and splitter.overlong == 0


def test_overlong_line_is_dropped_to_the_next_newline_and_counted_once():
    for size in (1, 4, 5, 99):
        splitter = Splitter(4)
        stream = b"ok\n12345 and much more\r and more\nok2\n"
        lines = []
        for at in range(0, len(stream), size):
            lines.extend(splitter.feed(stream[at : at + size]))
        assert lines == [b"ok", b"ok2"], size
        assert splitter.overlong == 1


def test_a_cr_counts_only_at_the_end():
    splitter = Splitter(4)
    assert splitter.feed(b"1234\r") == []  # may be the end
    assert splitter.feed(b"5\n") == [] and splitter.overlong == 1
    assert splitter.feed(b"a\rb\n") == [b"a\rb"]
    assert splitter.feed(b"ab\r\r\n") == [b"ab\r"]


def test_endless_noise_holds_no_memory():
    splitter = Splitter(20)
    for _ in range(1000):
        assert splitter.feed(b"\xff\x00\x80" * 50) == []
    assert splitter.overlong == 1 and splitter._kept == b""
    assert splitter.feed(b"\n$OK\n") == [b"$OK"]


def test_reset_forgets_the_beginning_and_the_skipping():
    splitter = Splitter(4)
    splitter.feed(b"ab")
    splitter.reset()
    assert splitter.feed(b"cd\n") == [b"cd"]
    splitter.feed(b"123456")
    splitter.reset()
    assert splitter.feed(b"ef\n") == [b"ef"]
    with raises(Misuse):
        Splitter(0)


def test_idle_lines_are_left_out_however_they_come():
    """Asked once of each whole line, also where it came in two portions; not of empty or over-long ones."""
    stream = b"idle 1\r\nsaid\r\n\r\nidle 2\nidle, and far too long\nsaid too\n"
    for size in range(1, len(stream) + 1):
        splitter = Splitter(10)
        asked = []

        def idle(data, at, asked=asked):
            asked.append(data[at : data.find(b"\n", at)])
            return data[at : at + 4] == b"idle"

        splitter.idle = idle
        lines = []
        for at in range(0, len(stream), size):
            lines.extend(splitter.feed(stream[at : at + size]))
        assert lines == [b"said", b"said too"], size
        assert asked == [b"idle 1\r", b"said\r", b"idle 2", b"said too"], size
        assert splitter.overlong == 1
