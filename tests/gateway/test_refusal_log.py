"""Refusals in the log: once for each peer and minute, with the number; counted all the same."""

import io
import json

from gateway.clock import Clock
from gateway.log import Log
from gateway.refusals import MAX_PEERS, Refusals
from tests.gateway.terminal import Socket, stranger


async def test_logged_once_per_peer_and_minute(bench):
    client = await bench.terminal()
    forger = stranger(client.terminal.context.sender_id)
    socket = await Socket.open(bench.app.address)
    for _ in range(50):
        socket.send(forger.post(b"x" * 100)[0])
        socket.send(stranger().post(b"x" * 100)[0])
    await bench.until(lambda: sum(bench.app.refusals.counts.values()) >= 100)
    socket.close()
    rows = bench.events("refused")
    assert sorted((row["peer"], row["reason"], row["count"]) for row in rows) == sorted(
        [(client.terminal.kid.hex(), "unauthentic", 1), ("127.0.0.1", "unknown", 1)]
    )
    assert bench.app.refusals.counts == {"unauthentic": 50, "unknown": 50}


class Hand(Clock):
    """A clock that is turned by hand."""

    def __init__(self):
        self.ms = 0.0

    def mono_ms(self):
        return self.ms


def test_the_silent_minute_is_summed_up():
    stream, clock = io.StringIO(), Hand()
    refusals = Refusals(Log("info", stream, clock), clock, 60)

    def lines():
        return [json.loads(line) for line in stream.getvalue().splitlines()]

    for n in range(5):
        refusals.note("a", "replayed" if n else "unknown", "4.01")
    assert [row["count"] for row in lines()] == [1]
    clock.ms = 59_999
    refusals.sweep()
    assert len(lines()) == 1
    clock.ms = 60_000
    refusals.sweep()
    assert (lines()[1]["count"], lines()[1]["reasons"]) == (4, {"replayed": 4})
    clock.ms = 120_000
    refusals.sweep()
    assert len(lines()) == 2
    refusals.note("a", "unknown", "4.01")
    assert lines()[2]["count"] == 1


def test_a_flood_of_addresses_fills_neither_memory_nor_log():
    stream, clock = io.StringIO(), Hand()
    refusals = Refusals(Log("info", stream, clock), clock, 60)
    for n in range(5000):
        refusals.note(f"10.0.{n >> 8}.{n & 255}", "unknown", "4.01")
    assert len(stream.getvalue().splitlines()) == MAX_PEERS + 1
    assert refusals.counts == {"unknown": 5000}
