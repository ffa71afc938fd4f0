"""A terminal that was enrolled and has gone bad, or been stolen: it may harm itself, not the others."""

import asyncio
import json

import pytest

from gateway import panics, relay
from gateway.journal.records import ACCEPTED, Row
from gateway.queues import Backlog
from protocol import coap, oscore, report
from protocol.coap import Message
from tests.gateway.bench import UNIT, call_cli
from tests.gateway.terminal import Socket
from tests.gateway.test_commands import FakeLink

YEAR_10889 = (1 << 48) - 1


async def test_a_time_that_no_calendar_has_stops_nobody(relayed):
    """RFC 3339 ends with the year 9999; the report's time does not."""
    bench, consumer = relayed
    bad, good = await bench.terminal("vr-101"), await bench.terminal("vr-102")
    t = bad.terminal
    late = {report.TIME: YEAR_10889}
    alarm = {**late, report.PANIC: {report.PANIC_ID: 7, report.PANIC_STATE: report.PANIC_RAISED}}
    points = [(0, 0, 0, None, None), (429_496_729_500, 1, 1, None, None)]
    track = report.track(253_402_300_700_000, points)
    for frame in (
        t.frame(fields=late),
        t.frame(report.KIND_PANIC, alarm),
        t.frame(report.KIND_TRACK, {report.TRACK: track}),
    ):
        assert (await bad.post(frame)).code == coap.CHANGED
    assert (await good.post(good.terminal.frame())).code == coap.CHANGED
    await bench.until(lambda: len(bench.events("frame.relayed")) == 4)
    assert not bench.events("relay.failed")
    await bench.until(lambda: consumer.on("/track"))
    assert consumer.json("/track")[0]["properties"]["times"] == ["9999-12-31T23:58:20.000Z", None]
    told = [f["properties"] for f in consumer.json("vr-101/position")]
    assert [(p["time"], p["time_ms"]) for p in told] == [(None, YEAR_10889)]
    consumer.publish(f"{UNIT}/command", {"id": "a", "command": "acknowledge", "panic": 7})
    await bench.until(lambda: bench.events("panic.acknowledged"))


async def test_a_row_that_cannot_be_read_holds_its_own_terminal_only(relayed):
    """A bad sector under the journal: the other terminals' frames still go out."""
    bench, _ = relayed
    hurt, well = await bench.terminal("vr-101"), await bench.terminal("vr-102")
    bench.app.relay._backlog._behind = True  # rows are read back from the file
    frame = hurt.terminal.frame()
    original = relay.fields_of

    def parse(data):
        return original(b"\xff" if data == frame else data)

    relay.fields_of = parse
    try:
        await hurt.post(frame)
        await well.post(well.terminal.frame())
        await bench.until(lambda: bench.events("frame.relayed"))
    finally:
        relay.fields_of = original
    assert not bench.events("relay.failed")
    assert [e["kid"] for e in bench.events("relay.refused")] == [hurt.terminal.kid.hex()]


async def sixty_alarms(bench):
    """The terminal that raised them."""
    client = await bench.terminal()
    t = client.terminal
    for first in range(0, 60, 5):
        await client.post(*[t.panic(number) for number in range(first, first + 5)])
    await bench.until(lambda: len(bench.events("panic.accepted")) == 60)
    return t


async def test_many_alarms_wait_as_few_receipts(relayed):
    """Each alarm is kept; of the receipts that nobody fetches only the newest wait."""
    bench, _ = relayed
    t = await sixty_alarms(bench)
    waiting = await bench.app.journal.read(lambda tx: tx.open_commands(t.kid))
    assert len(waiting) <= panics.MAX_RECEIPTS
    assert {c.stage for c in waiting} == {ACCEPTED}
    assert waiting[-1].panic == 59
    assert (await bench.count())["panics_unacknowledged"] == 60


async def test_many_alarms_are_reminded_of_within_bounds(relayed):
    bench, consumer = relayed
    await sixty_alarms(bench)
    bench.app.config.values["panic.republish_s"] = 0
    await bench.app.reminders.round()
    await bench.until(lambda: [p for p in consumer.json("/panic") if p["properties"].get("reminder")])
    await asyncio.sleep(0.2)
    told = [p["properties"]["panic"] for p in consumer.json("/panic") if p["properties"].get("reminder")]
    assert 0 < len(told) <= 16
    assert max(told) == 59, "the newest alarm is among them"


def test_a_long_queue_behind_an_alarm_is_read_in_parts():
    backlog = Backlog(10)
    row = Row(1, b"a", 1, 0, report.KIND_PANIC, 1, 0, None, b"")
    backlog.offer([(row, {})])
    for start in range(1, 2000, 10):
        if backlog.express is None:
            break
        backlog.reading(b"a")
        page = [Row(n, b"a", 1, n, 1, None, 0, None, b"") for n in range(start, start + 10)]
        backlog.express_page(b"a", [(r, None) for r in page], False)
    assert len(backlog._first) <= 20
    while backlog.take() is not None:
        pass
    assert backlog.express is not None, "and the rest follows"


async def test_one_terminal_cannot_take_every_place(bench):
    """While the disk is slow, whoever asks for too much at once is told to wait; the others are served."""
    greedy, modest = await bench.terminal("vr-101"), await bench.terminal("vr-102")
    await greedy.post(greedy.terminal.frame())
    held = bench.slow_writes()
    for _ in range(100):
        greedy.socket.send(greedy.terminal.post(greedy.terminal.frame())[0])
        await asyncio.sleep(0)
    await bench.until(lambda: bench.app.refusals.counts.get("overloaded"))
    assert 0 < bench.app.exchange.under_way <= 40
    waiting = asyncio.create_task(modest.post(modest.terminal.frame()))
    await asyncio.sleep(0.1)
    held.set()
    assert (await waiting).code == coap.CHANGED


async def test_an_authentic_request_that_is_no_message_inside(bench):
    """Sealed with the right key, but no CoAP inside: the terminal is told so, under protection, and once."""
    client = await bench.terminal()
    t = client.terminal
    for inside in (b"\x02\xf0", b"\x45", b"\x02\xff", b"\x01\x65" + b"12345"):
        piv = t.context._next_piv()
        binding = oscore.Binding(t.context.sender_id, piv, t.context._nonce(t.context.sender_id, piv), False)
        sealed = t.context._aead.seal(t.context.sender_key, binding.nonce, oscore._aad(binding), inside)
        option = oscore._option(piv, t.context.sender_id, None)
        outer = Message(coap.CON, coap.POST, 900 + piv[-1], b"tok", [(coap.OSCORE, option)], sealed)
        client.socket.send(outer.encode())
        answer = coap.decode(await client.socket.get())
        assert answer.option(coap.OSCORE) is not None, inside
        inner = t.context.unprotect_response(answer, binding)
        assert coap.code_text(inner.code) == "4.00"
    assert bench.app.refusals.counts == {"malformed": 4}
    saved = await bench.app.journal.read(lambda tx: tx.context(t.context.sender_id))
    assert saved.highest == int.from_bytes(piv, "big")
    await bench.stored_nothing()


async def test_an_answer_under_way_does_not_follow_a_copy_of_the_request(bench):
    """Who copies a request from the air and sends it from elsewhere gets nothing and takes nothing away."""
    client = await bench.terminal()
    held = bench.slow_writes()
    protected = client.terminal.protect(coap.GET, "/c", observe=0)
    client.socket.send(protected[0])
    await bench.until(lambda: bench.app.exchange.under_way)
    thief = await Socket.open(bench.app.address)
    thief.send(protected[0])
    await bench.until(lambda: bench.app.exchange.datagrams == 2)
    held.set()
    answer = coap.decode(await client.socket.get(2))
    assert client.open_response(answer, protected[2]).code == coap.CONTENT
    assert await thief.silent()
    thief.close()


async def test_an_older_registration_that_comes_late_does_not_displace_the_newer(bench):
    client = await bench.terminal()
    older = client.terminal.protect(coap.GET, "/c", observe=0)
    assert await client.observe() == []
    client.socket.send(older[0])
    answer = client.open_response(coap.decode(await client.socket.get()), older[2])
    assert answer.code == coap.CONTENT
    assert answer.option(coap.OBSERVE) is None
    call = {"id": "a", "command": "message", "text": "x"}
    link = FakeLink()
    await bench.app.orders.take(link, link.incoming(f"{UNIT}/command", json.dumps(call).encode()))
    assert len(await client.notification()) == 1


@pytest.mark.parametrize("word", ["suspend", "revoke"])
async def test_the_alarm_of_a_terminal_that_was_cut_off_can_be_ended(relayed, word):
    """A stolen car: its alarm must not be repeated for ever because its terminal was revoked."""
    bench, consumer = relayed
    client = await bench.terminal()
    await client.post(client.terminal.panic())
    await bench.until(lambda: bench.events("panic.accepted"))
    call_cli(bench.folder, word, client.terminal.kid.hex())
    await bench.app.registry.refresh()
    consumer.publish(f"{UNIT}/command", {"id": "a", "command": "acknowledge", "panic": 65537})
    await bench.until(lambda: bench.events("panic.acknowledged"))
    consumer.publish(f"{UNIT}/command", {"id": "b", "command": "message", "text": "x"})
    await bench.until(lambda: [r for r in consumer.json("/command/result") if r["id"] == "b"])
    (told,) = [r for r in consumer.json("/command/result") if r["id"] == "b"]
    assert told["result"] == "refused"
    assert told["reason"] == f"the terminal is {'suspended' if word == 'suspend' else 'revoked'}"
    assert (await bench.count())["panics_unacknowledged"] == 0
