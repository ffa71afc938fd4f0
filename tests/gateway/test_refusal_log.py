"""Refusals in the log: once for each peer and minute, with the number; counted all the same."""

import io
import json

from gateway.log import Log
from gateway.refusals import MAX_PEERS, Refusals
from tests.gateway.bench import Hand
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


def test_the_silent_minute_is_summed_up():
    stream, clock = io.StringIO(), Hand()
    refusals = Refusals(Log("info", stream, clock), clock, 60)

    def lines():
        return [json.loads(line) for line in stream.getvalue().splitlines()]

    for n in range(5):
        refusals.note("a", "replayed" if n else "unknown", "4.01")
    # Each kind has its line at once: a forger must not hide behind a repeat.
    assert [(row["reason"], row["count"]) for row in lines()] == [("unknown", 1), ("replayed", 1)]
    clock.ms = 59_999
    refusals.sweep()
    assert len(lines()) == 2
    clock.ms = 60_000
    refusals.sweep()
    assert (lines()[2]["count"], lines()[2]["reasons"]) == (3, {"replayed": 3})
    refusals.note("a", "replayed", "4.01")  # goes on: the next sum has it
    refusals.note("a", "signature", "4.00")  # is new: told at once
    assert (len(lines()), lines()[3]["reason"]) == (4, "signature")
    clock.ms = 120_000
    refusals.sweep()
    assert lines()[4]["reasons"] == {"replayed": 1}
    clock.ms = 180_000
    refusals.sweep()
    clock.ms = 240_000
    refusals.sweep()
    assert len(lines()) == 5
    refusals.note("a", "unknown", "4.01")
    assert lines()[5]["count"] == 1


def test_the_end_of_the_service_keeps_no_refusal_back():
    stream, clock = io.StringIO(), Hand()
    refusals = Refusals(Log("info", stream, clock), clock, 60)
    for _ in range(3):
        refusals.note("a", "unknown", "4.01")
    refusals.sweep(ending=True)
    assert json.loads(stream.getvalue().splitlines()[-1])["count"] == 2


def test_a_flood_of_addresses_fills_neither_memory_nor_log():
    stream, clock = io.StringIO(), Hand()
    refusals = Refusals(Log("info", stream, clock), clock, 60)
    for n in range(5000):
        refusals.note(f"10.0.{n >> 8}.{n & 255}", "unknown", "4.01")
    assert len(stream.getvalue().splitlines()) == MAX_PEERS + 1
    assert refusals.counts == {"unknown": 5000}
