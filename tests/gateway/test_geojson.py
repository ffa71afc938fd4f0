"""Features written straight: byte for byte what the dict gives."""

from dataclasses import replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway import northbound, topics
from gateway.journal.records import ENROLLED, Row, Terminal
from protocol import report
from tests.protocol.test_report import EXAMPLES

KID = bytes.fromhex("00ff10a0b0c0d0e0")
NAME = st.text(st.characters(codec="utf-8"), max_size=12)
MAYBE = st.none() | st.integers(0, 36000)
FIX = st.tuples(
    st.none() | st.tuples(st.integers(-900000000, 900000000), st.integers(-1800000000, 1800000000)),
    st.none() | st.integers(-100000, 1000000),
    st.none() | st.integers(0, 100000),
    *(MAYBE, MAYBE, st.none() | st.integers(0, 255), st.none() | st.integers(0, 2**32 - 1)),
).map(lambda got: [*(got[0] or (None, None)), *got[1:]])
FIELDS = st.fixed_dictionaries(
    {report.BOOT: st.just(7), report.SEQ: st.just(0), report.KIND: st.integers(1, 7)},
    optional={
        report.TIME: st.integers(0, 2**48 - 1),
        report.FIX: FIX,
        report.STATUS: st.integers(0, 65535),
        report.PANIC: st.just({0: 9, 1: 4, 2: 1}) | st.just({0: 9, 1: 1}),
        report.HEALTH: st.just({}) | st.just({0: 12600, 1: -200, 9: 1, 14: b'"\xff'}),
        report.EVENT: st.just({0: 2}) | st.just({0: 2, 1: 9}),
        report.TASK: st.just({0: 41, 1: 2}),
        report.TRACK: st.just([None, 1, 2, None, 3]),
        11: st.just(True),
    },
)


def check(fields, unit="vr-101", vehicle="Škoda Octavia"):
    terminal = Terminal(KID, b"p" * 64, "vranje", "ps-vranje", unit, vehicle, "Vranje 101", ENROLLED, 1, 1)
    row = Row(5, KID, fields[0], fields[1], fields[3], None, 1790000000999, None, b"frame")
    theirs = northbound.encode(northbound.feature(terminal, row, fields))
    assert northbound.written(terminal, row, fields) == theirs


@settings(max_examples=200, deadline=None)
@given(FIELDS, NAME, NAME)
@example({0: 1, 1: 2, 3: 1, 2: 253_402_300_800_000}, '"\\', "\x00\x1f\u2028\x7f")
def test_every_report_is_written_as_its_dict(fields, unit, vehicle):
    check(fields, unit, vehicle)


def test_the_examples():
    for fields in EXAMPLES:
        check(fields)


def test_a_terminal_that_moved_is_told_of_where_it_is_now():
    """What its messages have in common is kept; not longer than it is true."""
    first = Terminal(KID, b"p" * 64, "vranje", "ps-vranje", "vr-1", "x", "y", ENROLLED, 1, 1)
    moved = replace(first, station="ps-bujanovac", unit="bu-1", call_sign="Bujanovac 1")
    row = Row(5, KID, 7, 0, 1, None, 1790000000999, None, b"frame")
    for prefix, terminal in (("a", first), ("a", first), ("a", moved), ("b", moved), ("a", first)):
        fields = {report.BOOT: 7, report.SEQ: 0, report.KIND: 1}
        signed, told = northbound.publications(prefix, terminal, row, fields)
        base = f"{prefix}/vranje/{terminal.station}/{terminal.unit}"
        assert (signed.topic, told.topic) == (f"{base}/frame", f"{base}/position")
        assert told.payload == northbound.encode(northbound.feature(terminal, row, fields))


def test_what_terminals_messages_have_in_common_is_kept_for_so_many(monkeypatch):
    monkeypatch.setattr(topics, "_MOST", 2)
    monkeypatch.setattr(topics, "_abouts", {})
    cars = [
        Terminal(bytes(7) + bytes((n,)), b"p" * 64, "d", "s", f"u{n}", "x", "y", ENROLLED, 1, 1)
        for n in range(5)
    ]
    for car in (*cars, *cars):
        assert topics.about_of("p", car).frame == f"p/d/s/{car.unit}/frame"
        assert len(topics._abouts) <= 2
