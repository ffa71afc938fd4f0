"""An alarm on its way: each stage told when it happened, and only then."""

import asyncio

from gateway.journal.records import ACCEPTED
from protocol import coap
from tests.gateway.bench import UNIT, Bench, call_cli


def ask(consumer, **body):
    consumer.publish(f"{UNIT}/command", {"id": "op-1", **body})


def results(consumer):
    return [(r["id"], r["result"]) for r in consumer.json("/command/result")]


async def test_a_panic_goes_all_the_way(relayed):
    bench, consumer = relayed
    client = await bench.terminal()
    t = client.terminal
    assert await client.observe() == []
    await client.post(t.panic())
    number = 65537
    # The broker has it: stage 4 to the terminal.
    command = await client.command()
    assert (command[1], command[3]) == (3, {0: number, 1: 4})
    assert (await client.answer(command[0])).code == coap.CHANGED
    await bench.until(lambda: consumer.on("/panic"))
    (raised,) = consumer.json("/panic")
    assert raised["properties"]["stage"] == "stored"
    assert raised["properties"]["state"] == "raised"
    assert not bench.events("panic.acknowledged")

    ask(consumer, command="acknowledge", panic=number, operator="desk-1")
    command = await client.command()
    assert (command[1], command[3]) == (3, {0: number, 1: 5})
    # Whoever looks at the journal may tell the terminal before who wrote there has told the log.
    await bench.until(lambda: len(bench.events("panic.acknowledged")) == 1)
    assert not bench.events("panic.shown")
    await client.answer(command[0])
    await bench.until(lambda: bench.events("panic.shown"))
    assert [(e["kid"], e["panic"]) for e in bench.events("panic.shown")] == [(t.kid.hex(), number)]

    ask(consumer, id="op-2", command="clear", panic=number, operator="desk-1")
    command = await client.command()
    assert (command[1], command[3]) == (3, {0: number, 1: 7})
    await client.answer(command[0])
    await bench.until(lambda: len(consumer.json("/panic")) == 4)
    assert [p["properties"]["stage"] for p in consumer.json("/panic")] == [
        "stored", "acknowledged", "shown", "cleared"
    ]  # fmt: skip
    last = consumer.json("/panic")[-1]
    assert last["properties"]["operator"] == "desk-1"
    assert set(last["properties"]["stages"]) == {"stored", "accepted", "acknowledged", "shown", "cleared"}
    assert (last["properties"]["boot"], last["properties"]["seq"]) == (1, 0)
    await bench.until(lambda: len(results(consumer)) == 6)
    assert results(consumer) == [
        ("op-1", "queued"), ("op-1", "delivered"), ("op-1", "shown"),
        ("op-2", "queued"), ("op-2", "delivered"), ("op-2", "shown"),
    ]  # fmt: skip
    panic = await bench.app.journal.read(lambda tx: tx.panic(t.kid, number))
    assert None not in (panic.accepted_ms, panic.acknowledged_ms, panic.shown_ms, panic.cleared_ms)


async def test_nobody_is_sent_to_look_for_what_an_alarm_did_not_bring(bench):
    """A look is a read of the journal, and a message on the air."""
    client = await bench.terminal()
    t, app, poked, noticed = client.terminal, bench.app, [], []
    await client.post(t.frame())
    app.observers.poke = poked.append
    app.resources.on_notices = lambda: noticed.append(True)
    await client.post(t.panic())
    assert (poked, noticed) == ([], [])
    # Other bytes under the alarm's name: it is told without its frame.
    await client.post(t.panic(65538, seq=t.seq - 1))
    assert (poked, noticed) == ([], [True])
    await app.journal.write(lambda tx: tx.reach(t.kid, 65537, ACCEPTED, 1))
    await client.post(t.panic(65537))
    assert (poked, noticed) == ([t.kid], [True])


async def test_a_second_acknowledgement_is_told_who_was_first(relayed):
    bench, consumer = relayed
    client = await bench.terminal()
    await client.post(client.terminal.panic())
    ask(consumer, command="acknowledge", panic=65537, operator="desk-1")
    await bench.until(lambda: results(consumer))
    ask(consumer, id="op-2", command="acknowledge", panic=65537, operator="desk-2")
    await bench.until(lambda: len(results(consumer)) == 2)
    assert consumer.json("/command/result")[1]["reason"].startswith("already acknowledged by desk-1 at ")


async def test_a_drill_is_marked_at_every_step(relayed):
    bench, consumer = relayed
    client = await bench.terminal()
    await client.post(client.terminal.panic(state=4))
    await bench.until(lambda: bench.events("panic.accepted"))
    ask(consumer, command="acknowledge", panic=65537)
    await bench.until(lambda: len(consumer.json("/panic")) == 2)
    assert [p["properties"]["drill"] for p in consumer.json("/panic")] == [True, True]
    assert {e["drill"] for e in bench.events() if e["event"].startswith("panic.")} == {True}


async def test_raised_again_after_a_reboot_it_is_the_same_alarm_and_learns_how_far_it_is(relayed):
    bench, consumer = relayed
    client = await bench.terminal()
    t = client.terminal
    await client.post(t.panic())
    await bench.until(lambda: bench.events("panic.accepted"))
    ask(consumer, command="acknowledge", panic=65537)
    await bench.until(lambda: bench.events("panic.acknowledged"))
    (waiting,) = await client.observe()
    await client.answer(waiting[0])
    t.boot, t.seq = 2, 0
    await client.post(t.panic(65537))
    (again,) = await client.notification()
    assert again[3] == {0: 65537, 1: 5}
    assert len(bench.events("panic.open")) == 1


async def test_an_alarm_nobody_acknowledged_is_told_again(tmp_path, broker, consumers):
    bench = await Bench(tmp_path, broker_port=broker.port_v5).also(panic={"republish_s": 1}).start()
    consumer = await consumers(broker.port_v5)
    client = await bench.terminal()
    await client.post(client.terminal.panic())
    await bench.until(lambda: len(consumer.json("/panic")) >= 2)
    reminder = consumer.json("/panic")[1]["properties"]
    assert (reminder["reminder"], reminder["boot"], reminder["seq"], reminder["panic"]) == (True, 1, 0, 65537)
    ask(consumer, command="acknowledge", panic=65537)
    await bench.until(lambda: bench.events("panic.acknowledged"))
    await asyncio.sleep(0.2)
    told = len(consumer.json("/panic"))
    await asyncio.sleep(2.2)
    assert len(consumer.json("/panic")) == told
    await bench.stop()


async def test_a_broker_that_forgets_is_told_of_open_alarms_at_once(tmp_path, broker, consumers):
    """It had confirmed the alarm, died, and came back empty: nobody waits half an hour for a reminder."""
    bench = await Bench(tmp_path, broker_port=broker.port_v5).also(panic={"republish_s": 1800}).start()
    first = await consumers(broker.port_v5)
    client = await bench.terminal()
    await client.post(client.terminal.panic())
    await client.post(client.terminal.frame())
    await bench.until(lambda: bench.events("panic.accepted"))
    assert not [p for p in first.json("/panic") if p["properties"].get("reminder")]
    broker.kill()
    await broker.start()
    late = await consumers(broker.port_v5)
    await bench.until(lambda: late.json("/panic"), timeout=20)
    told = late.json("/panic")[0]["properties"]
    assert (told["reminder"], told["boot"], told["seq"], told["panic"]) == (True, 1, 0, 65537)
    ask(late, command="acknowledge", panic=65537)
    await bench.until(lambda: bench.events("panic.acknowledged"))
    broker.kill()
    await broker.start()
    again = await consumers(broker.port_v5)
    await bench.until(lambda: bench.app.relay.connected)
    await client.post(client.terminal.frame())
    await bench.until(lambda: again.on("/position"))
    assert not [p for p in again.json("/panic") if p["properties"].get("reminder")]
    await bench.stop()


async def test_the_alarm_of_a_terminal_that_was_replaced_since_can_be_ended(relayed):
    """It is told under the unit's name until somebody acknowledges it, and the unit is another terminal by
    now; who has an alarm of the same number."""
    bench, consumer = relayed
    old = await bench.terminal()
    await old.post(old.terminal.panic())
    await bench.until(lambda: bench.events("panic.accepted"))
    call_cli(bench.folder, "revoke", old.terminal.kid.hex())
    new = await bench.terminal()
    ask(consumer, id="op-1", command="acknowledge", panic=65537)
    ask(consumer, id="op-1", command="acknowledge", panic=65537)
    await bench.until(lambda: len(results(consumer)) == 2)
    assert results(consumer) == [("op-1", "queued")] * 2
    assert (await bench.count())["panics_unacknowledged"] == 0
    await new.post(new.terminal.panic())
    await bench.until(lambda: len(bench.events("panic.accepted")) == 2)
    # The fresh one first, then the old one.
    call_cli(bench.folder, "send", "vranje/ps-vranje/vr-101", "clear", "--panic", "65537")
    ask(consumer, id="op-2", command="acknowledge", panic=65537)
    ask(consumer, id="op-3", command="clear", panic=65537)
    await bench.until(lambda: len(bench.events("panic.cleared")) == 1)
    both = [old.terminal.kid, new.terminal.kid]
    ends = ("panic.acknowledged", "panic.cleared")
    told = [(e["event"], e["kid"]) for e in bench.events() if e["event"] in ends]
    assert told == [
        ("panic.acknowledged", both[0].hex()),
        ("panic.acknowledged", both[1].hex()),
        ("panic.cleared", both[0].hex()),
    ]
    alarms = await bench.app.journal.read(lambda tx: [tx.panic(kid, 65537) for kid in both])
    assert all(alarm.acknowledged_ms and alarm.cleared_ms for alarm in alarms)
