"""What comes with each request as long as something is away fills no log."""

import io
import json

from gateway.log import Log
from tests.gateway.bench import Hand


def test_the_first_is_told_at_once_and_a_minute_of_the_others_in_one_line():
    stream, clock = io.StringIO(), Hand()
    log = Log("info", stream, clock)

    def told():
        rows = [json.loads(line) for line in stream.getvalue().splitlines()]
        return [(row["event"], row["error"], row["count"], "last" in row) for row in rows]

    for n in range(500):
        log.seldom("error", "disk", error=f"E{n}")
        log.seldom("error", "other", error="X")
    first = [("disk", "E0", 1, False), ("other", "X", 1, False)]
    assert told() == first
    clock.ms = 59_999
    log.sweep()
    assert told() == first
    clock.ms = 60_000
    log.seldom("error", "disk", error="E500")  # the minute is over also for who comes before the sweep
    log.sweep()
    summed = [*first, ("disk", "E500", 500, True), ("other", "X", 499, True)]
    assert told() == summed
    clock.ms = 120_000
    log.sweep()  # a quiet minute: forgotten
    assert told() == summed
    log.seldom("error", "disk", error="E501")
    log.seldom("error", "disk", error="E502")
    log.sweep(ending=True)
    assert told() == [*summed, ("disk", "E501", 1, False), ("disk", "E502", 1, True)]


def test_what_is_below_the_level_is_not_told():
    stream, clock = io.StringIO(), Hand()
    log = Log("warning", stream, clock)
    for _ in range(3):
        log.seldom("info", "well")
    log.sweep(ending=True)
    assert not stream.getvalue()


def test_lines_that_belong_together_are_written_at_once_and_only_where_they_are_wanted():
    class Counting(io.StringIO):
        writes = 0

        def write(self, text):
            self.writes += 1
            return super().write(text)

    stream = Counting()
    Log("info", stream, Hand()).together("frame.stored", [{"kid": b"\x01", "seq": n} for n in range(3)])
    rows = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(row["event"], row["level"], row["kid"], row["seq"]) for row in rows] == [
        ("frame.stored", "info", "01", n) for n in range(3)
    ]
    assert stream.writes == 1
    Log("info", stream, Hand()).together("frame.stored", [])
    Log("warning", stream, Hand()).together("frame.stored", [{}])
    assert stream.writes == 1


def test_each_line_that_could_not_be_written_is_counted():
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    log = Log("info", Closed(), Hand())
    log.together("frame.stored", [{"seq": n} for n in range(3)])
    log.info("frame.stored")
    assert log.lost == 4
