"""Commands from the operations centre: checked, stored, delivered, answered, each told to who asked."""

import asyncio
import json

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway import commands, requests
from gateway.journal.records import Command
from protocol import cbor, coap
from protocol.limits import MAX_COMMANDS
from tests.gateway.bench import UNIT, Bench, call_cli


def ask(consumer, **body):
    consumer.publish(f"{UNIT}/command", {"id": "op-1", **body})


def results(consumer):
    return [(r["id"], r["result"]) for r in consumer.json("/command/result")]


async def test_message_and_task(relayed):
    bench, consumer = relayed
    client = await bench.terminal()
    await client.observe()
    ask(consumer, command="message", text="Позовите станицу", operator="desk-1")
    (message,) = await client.notification()
    assert (message[1], message[3]) == (2, {0: "Позовите станицу"})
    ask(consumer, id="op-2", command="task", task=82, text="Accident, km 82", lat=44.97, lon=19.61)
    while len(both := await client.notification()) < 2:
        """The first once more: its confirmation was late."""
    assert both[0] == message
    assert (both[1][1], both[1][3]) == (1, {0: 82, 1: "Accident, km 82", 2: 449700000, 3: 196100000})
    await client.answer(message[0])
    await client.answer(both[1][0], 2)
    await bench.until(lambda: len(results(consumer)) == 6)
    assert ("op-1", "shown") in results(consumer)
    refused = [r for r in consumer.json("/command/result") if r["result"] == "refused"]
    assert [(r["id"], r["reason"]) for r in refused] == [("op-2", "not supported by the terminal")]


async def test_response_topic_and_correlation_data(relayed):
    bench, consumer = relayed
    await bench.terminal()
    properties = Properties(PacketTypes.PUBLISH)
    properties.ResponseTopic = "patrola-desk/answers"
    properties.CorrelationData = b"c-17"
    consumer.publish(f"{UNIT}/command", {"id": "op-1", "command": "message", "text": "x"}, properties)
    await bench.until(lambda: consumer.on("/command/result"))
    (mine,) = [m for m in consumer.messages if m[0].endswith("/command/result")]
    assert mine[3].CorrelationData == b"c-17"


async def test_nobody_makes_the_gateway_speak_where_alarms_are_told(relayed, broker, consumers):
    bench, consumer = relayed
    await bench.terminal()
    desk = await consumers(broker.port_v5, ("desk/#",))
    properties = Properties(PacketTypes.PUBLISH)
    properties.ResponseTopic = f"{UNIT}/panic"
    consumer.publish(f"{UNIT}/command", {"id": "op-1", "command": "message", "text": "x"}, properties)
    properties = Properties(PacketTypes.PUBLISH)
    properties.ResponseTopic = "desk/answers"
    consumer.publish(f"{UNIT}/command", {"id": "op-2", "command": "message", "text": "x"}, properties)
    await bench.until(lambda: desk.on("desk/answers"))
    await bench.until(lambda: len(results(consumer)) == 2)
    assert [r["id"] for r in desk.json("desk/answers")] == ["op-2"]
    assert consumer.on("/panic") == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"not json", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"command": "message", "text": "x"}', "id: missing"),
        (b'{"id": "a", "command": "reboot"}', "command: must be"),
        (b'{"id": "a", "command": "message"}', "text: missing"),
        (b'{"id": "a", "command": "message", "text": "' + b"x" * 500 + b'"}', "text: must be"),
        (b'{"id": "a", "command": "message", "text": "\\ud800"}', "surrogate"),
        (b'{"id": "a", "command": "task", "text": "x"}', "task: missing"),
        (b'{"id": "a", "command": "task", "text": "x", "task": 1, "lat": 1}', "one without the other"),
        (b'{"id": "a", "command": "task", "text": "x", "task": 1, "lat": NaN, "lon": 0}', "lat: must be"),
        (b'{"id": "a", "command": "task", "text": "x", "task": true}', "task: must be"),
        (b'{"id": "a", "command": "acknowledge"}', "panic: missing"),
        (b'{"id": "a", "command": "acknowledge", "panic": 99}', "no alarm 99"),
        (b'{"id": "a", "command": "message", "text": "x", "sudo": 1}', "unknown field"),
        (b"[" * 3000, "not JSON"),
        (b" " * 5000, "5000 bytes"),
    ],
)
async def test_a_wrong_request_is_told_why(tmp_path, bench, body, reason):
    await bench.terminal()
    terminal = bench.app.registry.by_unit("vranje", "ps-vranje", "vr-101")
    link = FakeLink()
    await bench.app.orders.take(link, link.incoming(f"{UNIT}/command", body))
    (notice,) = await bench.app.journal.read(lambda tx: tx.notices(0, 10))
    result = json.loads(notice.payload)
    assert result["result"] == "refused"
    assert reason in result["reason"]
    assert result["id"] == ("a" if b'"id": "a"' in body else None)
    assert link.confirmed == 1
    assert await bench.app.journal.read(lambda tx: tx.open_commands(terminal.kid)) == []


class FakeLink:
    """Stands for the broker's side of one message; counts what was confirmed."""

    def __init__(self):
        self.confirmed = 0

    def confirm(self, incoming):
        self.confirmed += 1

    def incoming(self, topic, body, retain=False):
        from gateway.mqtt import Incoming

        return Incoming(topic, body, 1, 1, retain, None, None)


async def test_the_same_request_twice_is_one_command(relayed):
    bench, consumer = relayed
    client = await bench.terminal()
    await client.observe()
    ask(consumer, command="message", text="once")
    ask(consumer, command="message", text="once")
    await bench.until(lambda: len(results(consumer)) >= 2)
    first = await client.notification()
    assert len(first) == 1
    assert (await bench.count())["commands_waiting"] == 1


async def test_unknown_unit_and_retained_commands_change_nothing(relayed):
    bench, consumer = relayed
    await bench.terminal()
    consumer.publish(
        "patrola/v1/vranje/ps-vranje/vr-999/command", {"id": "x", "command": "message", "text": "x"}
    )
    await bench.until(lambda: bench.events("command.refused"))
    link = FakeLink()
    await bench.app.orders.take(
        link, link.incoming(f"{UNIT}/command", b'{"id":"a","command":"message","text":"x"}', True)
    )
    assert link.confirmed == 1
    assert (await bench.count())["commands_waiting"] == 0


async def test_commands_wait_for_a_terminal_that_is_away_and_expire(relayed):
    bench, consumer = relayed
    client = await bench.terminal()
    ask(consumer, command="message", text="short", expires_s=1)
    ask(consumer, id="op-2", command="message", text="long")
    await bench.until(lambda: len(results(consumer)) == 2)
    await bench.until(lambda: ("op-1", "expired") in results(consumer))
    waiting = await client.observe()
    assert [c[3] for c in waiting] == [{0: "long"}]
    await client.answer(waiting[0][0])
    await bench.until(lambda: ("op-2", "shown") in results(consumer))
    assert ("op-1", "shown") not in results(consumer)


async def test_a_notification_that_is_lost_is_repeated_and_reaches_a_moved_terminal(bench):
    client = await bench.terminal()
    await client.observe()
    client.close()  # the address translation forgot us
    call_cli(bench.folder, "send", UNIT[11:], "message", "--text", "hello")
    await bench.until(lambda: bench.app.observers._observers[client.terminal.kid].under_way)
    moved = await bench.client(client.terminal)
    moved.observation = client.observation
    await moved.post(moved.terminal.frame())
    (command,) = await moved.notification()
    assert command[3] == {0: "hello"}


async def test_reset_ends_the_observation(bench):
    client = await bench.terminal()
    await client.observe()
    call_cli(bench.folder, "send", client.terminal.kid.hex(), "message", "--text", "hello")
    message = coap.decode(await client.socket.get())
    assert message.type == coap.CON
    client.socket.send(coap.Message(coap.RST, coap.EMPTY, message.message_id).encode())
    await bench.until(lambda: len(bench.app.observers) == 0)
    assert (await bench.count())["commands_waiting"] == 1
    assert [c[3] for c in await client.observe()] == [{0: "hello"}]


async def test_deregistration(bench):
    client = await bench.terminal()
    await client.observe()
    assert len(bench.app.observers) == 1
    response = await client.exchange(client.terminal.protect(coap.GET, "/c", observe=1))
    assert (response.code, response.option(coap.OBSERVE)) == (coap.CONTENT, None)
    assert len(bench.app.observers) == 0


async def test_more_commands_than_fit_come_as_others_are_answered(bench):
    client = await bench.terminal()
    for n in range(6):
        call_cli(bench.folder, "send", client.terminal.kid.hex(), "message", "--text", f"{n}" * 300)
    first = await client.observe()
    assert [c[3][0][0] for c in first] == ["0", "1"]
    await client.answer(first[0][0])
    async with asyncio.timeout(10):
        # The service may have looked for new commands just after the registration, and told these two again.
        while (told := [c[3][0][0] for c in await client.notification()]) != ["1", "2"]:
            assert told == ["0", "1"]


def test_the_list_puts_receipts_first_and_keeps_its_bound():
    def one(number, kind, body):
        return Command(
            number,
            b"k" * 8,
            kind,
            cbor.encode(body),
            1,
            None,
            "queued",
            "",
            None,
            "",
            "",
            None,
            None,
            None,
            None,
        )

    waiting = [one(n, 2, {0: "x" * 380}) for n in range(1, 5)] + [one(9, 3, {0: 65537, 1: 5})]
    payload, numbers = commands.listing(waiting, 0)
    assert len(payload) <= MAX_COMMANDS
    assert numbers == [1, 2, 9]
    assert [c[0] for c in cbor.decode(payload)] == numbers
    assert commands.listing([], 0) == (b"\x80", [])


async def test_a_command_sent_while_the_gateway_is_down_waits_at_the_broker(tmp_path, broker, consumers):
    bench = await Bench(tmp_path, broker_port=broker.port_v5).start()
    consumer = await consumers(broker.port_v5)
    await bench.until(lambda: bench.app.relay.connected)
    client = await bench.terminal()
    await bench.stop()
    ask(consumer, command="message", text="while you were away")
    bench = await Bench(tmp_path, broker_port=broker.port_v5).start()
    await bench.until(lambda: results(consumer))
    client = await bench.client(client.terminal)
    assert [c[3] for c in await client.observe()] == [{0: "while you were away"}]
    await bench.stop()


@pytest.mark.parametrize(
    ("topic", "taken"),
    [
        ("desk/answers", True),
        ("пост/одговори", True),
        ("", False),
        ("patrola/v1/vranje/ps-vranje/vr-101/panic", False),
        ("$SYS/broker", False),
        ("$share/group/x", False),
        ("desk/+", False),
        ("desk/#", False),
        ("desk/\x00", False),
        ("desk/\x01", False),
        ("desk/\ufffe", False),
        ("x" * 257, False),
        (None, False),
    ],
)
def test_a_reply_topic_that_a_broker_may_choke_on_is_not_used(topic, taken):
    assert requests.reply_topic(topic, "patrola/v1") == (topic if taken else None)
