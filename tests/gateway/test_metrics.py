"""/metrics, /healthz and /readyz as a scraper and a balancer see them."""

import asyncio
import json

from prometheus_client.parser import text_string_to_metric_families as families

from gateway.gauges import Distribution
from gateway.http import MAX_REQUEST
from gateway.journal.base import JournalError
from tests.gateway.bench import Bench
from tests.gateway.terminal import Socket, stranger

METRICS = {"host": "127.0.0.1", "port": 0}


async def get(bench, path, raw=None):
    """(status, headers, body) of one request."""
    reader, writer = await asyncio.open_connection(*bench.app.pages_address)
    writer.write(raw or f"GET {path} HTTP/1.1\r\nHost: gateway\r\n\r\n".encode())
    try:
        data = await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]) if lines[0] else 0, headers, body


async def numbers(bench):
    """{(sample name, label values): value}."""
    status, headers, body = await get(bench, "/metrics")
    assert status == 200 and headers["content-type"].startswith("text/plain; version=")
    assert int(headers["content-length"]) == len(body)
    found = {}
    for family in families(body.decode()):
        for sample in family.samples:
            found[(sample.name, *sample.labels.values())] = sample.value
    return found


async def test_the_numbers_are_those_of_what_happened(tmp_path, broker, consumers):
    bench = await Bench(tmp_path, broker_port=broker.port_v5, metrics=METRICS).start()
    consumer = await consumers(broker.port_v5)
    await bench.until(lambda: bench.app.relay.connected)
    client = await bench.terminal()
    terminal = client.terminal
    for frame in (terminal.frame(), terminal.frame(), terminal.panic()):
        await client.post(frame)
    await client.post(terminal.frame(seq=0))
    socket = await Socket.open(bench.app.address)
    for _ in range(3):
        socket.send(stranger().post(b"x" * 100)[0])
        await socket.get()
    socket.close()
    await bench.until(lambda: len(consumer.on("/frame")) == 3)
    await bench.until(lambda: bench.app.relay.settled)
    found = await numbers(bench)
    expected = {
        ("patrola_frames_stored_total", "position"): 2,
        ("patrola_frames_stored_total", "panic"): 1,
        ("patrola_frames_stored_total", "status"): 0,
        ("patrola_refusals_total", "oscore", "unknown"): 3,
        ("patrola_relay_frames_total",): 3,
        ("patrola_frames_unrelayed",): 0,
        ("patrola_journal_position",): 3,
        ("patrola_terminals", "enrolled"): 1,
        ("patrola_terminals", "revoked"): 0,
        ("patrola_panics_unacknowledged",): 1,
        ("patrola_broker_connected",): 1,
        ("patrola_broker_messages_in_flight",): 0,
        ("patrola_contexts",): 1,
        ("patrola_answer_duration_seconds_count",): 4,
        ("patrola_relay_duration_seconds_count",): 2,
        ("patrola_alarm_relay_duration_seconds_count",): 1,
    }
    assert {name: found.get(name) for name in expected} == expected
    assert found[("patrola_frames_repeated_total",)] + found[("patrola_frames_conflicting_total",)] == 1
    assert found[("patrola_datagrams_received_total",)] >= 7
    commits = found[("patrola_commit_duration_seconds_count",)]
    assert found[("patrola_commit_works_sum",)] >= found[("patrola_commit_works_count",)] == commits >= 4
    assert found[("process_resident_memory_bytes",)] > 1 << 20
    await bench.stop()


async def test_names_and_units_follow_the_conventions(tmp_path):
    bench = await Bench(tmp_path, metrics=METRICS).start()
    _, _, body = await get(bench, "/metrics")
    await bench.stop()
    seen = list(families(body.decode()))
    assert len(seen) > 30
    for family in seen:
        assert family.name.split("_")[0] in ("patrola", "process", "python"), family.name
        assert family.documentation, family.name
        if family.type == "histogram" and "works" not in family.name:
            assert family.name.endswith("_seconds"), family.name
        assert not family.name.endswith(("_ms", "_count", "_total")), family.name


async def test_ready_says_no_while_the_disk_fails_and_yes_again_by_itself(tmp_path, monkeypatch):
    bench = await Bench(tmp_path, metrics=METRICS).start()
    assert (await get(bench, "/readyz"))[0] == 200
    write, broken = bench.app.journal.write, True

    async def failing(work):
        if broken:
            raise JournalError("database or disk is full")
        return await write(work)

    monkeypatch.setattr(bench.app.journal, "write", failing)
    bench.app._unstored("database or disk is full")
    status, _, body = await get(bench, "/readyz")
    assert (status, json.loads(body)["reason"]) == (503, "database or disk is full")
    # A new start has no more room: the supervisor need not try.
    assert (await get(bench, "/healthz"))[0] == 200
    broken = False
    assert (await get(bench, "/readyz"))[0] == 200
    bench.app.health.draining = True
    status, _, body = await get(bench, "/readyz")
    assert (status, json.loads(body)["reason"]) == (503, "ending")
    await bench.stop()


async def test_health_says_no_when_the_journal_does_not_answer(tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.health.STUCK_S", 0.05)
    bench = await Bench(tmp_path, metrics=METRICS).start()
    with monkeypatch.context() as stuck:
        stuck.setattr(bench.app.journal, "write", lambda work: asyncio.Event().wait())
        status, _, body = await get(bench, "/healthz")
    assert status == 503 and "has not answered" in json.loads(body)["reason"]
    assert (await get(bench, "/healthz"))[0] == 200
    await bench.stop()


async def test_what_is_no_request_gets_a_short_no(tmp_path):
    bench = await Bench(tmp_path, metrics=METRICS).start()
    assert (await get(bench, "/secrets"))[0] == 404
    assert (await get(bench, "/metrics?x=1"))[0] == 200
    assert (await get(bench, "", b"POST /metrics HTTP/1.1\r\n\r\n"))[0] == 405
    assert (await get(bench, "", b"\x16\x03\x01\r\n\r\n"))[0] == 400
    status, headers, body = await get(bench, "", b"HEAD /healthz HTTP/1.1\r\n\r\n")
    assert (status, body) == (200, b"") and int(headers["content-length"]) > 10
    assert (await get(bench, "", b"G" * (MAX_REQUEST + 64)))[0] == 0
    assert (await get(bench, "/healthz"))[0] == 200
    await bench.stop()


async def test_without_a_host_there_is_no_port(bench):
    assert bench.app.pages_address is None


def test_a_distribution_counts_what_is_at_most_each_bound():
    one = Distribution((1, 2, 5))
    for value in (0.5, 1, 1.5, 5, 6):
        one.note(value)
    assert one.cumulative() == [("1.0", 2), ("2.0", 3), ("5.0", 4), ("+Inf", 5)]
    assert (one.count, one.total) == (5, 14)
