"""A consumer asks for what it missed: from a journal position or a time, of some kinds, of one unit."""

import base64
import json

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway.replay_request import parse
from gateway.requests import BadRequest
from protocol import report
from tests.gateway.bench import Bench, call_cli
from tests.gateway.strict_broker import StrictBroker

REPLY = "consumer/replayed"


def ask(consumer, body, correlation=b"c-1", reply=REPLY, topic="patrola/v1/replay"):
    properties = Properties(PacketTypes.PUBLISH)
    if reply:
        properties.ResponseTopic = reply
    if correlation:
        properties.CorrelationData = correlation
    consumer.publish(topic, body, properties)


def answers(consumer):
    return [json.loads(m[1]) for m in consumer.messages if m[0] == REPLY]


def frames(consumer):
    return [body for body in answers(consumer) if "position" in body]


def results(consumer):
    return [body["result"] for body in answers(consumer) if "result" in body]


@pytest.fixture
async def told(relayed, consumers, broker):
    """A gateway with 30 relayed frames of two units, and a consumer that has just come."""
    bench, _ = relayed
    clients = [await bench.terminal(f"vr-{n}") for n in (1, 2)]
    posted = []
    for n in range(15):
        for client in clients:
            kind = (report.KIND_STATUS, {report.STATUS: 1}) if n % 5 == 4 else ()
            posted.append(client.terminal.frame(*kind))
            await client.post(posted[-1])

    async def all_relayed():
        return not (await bench.count())["unrelayed"]

    await bench.until(all_relayed)
    consumer = await consumers(broker.port_v5, topics=("patrola/#", "consumer/#"))
    return bench, consumer, posted, clients


async def test_everything_from_a_position_in_order_with_the_frames_own_bytes(told):
    bench, consumer, posted, _ = told
    ask(consumer, {"id": "r-1", "from": 11})
    await bench.until(lambda: "complete" in results(consumer))
    got = frames(consumer)
    assert [body["position"] for body in got] == list(range(11, 31))
    assert [base64.b64decode(body["frame"]) for body in got] == posted[10:]
    assert {body["replay"] for body in got} == {"r-1"}
    assert got[0]["topic"] == "patrola/v1/vranje/ps-vranje/vr-1/position"
    assert got[0]["feature"]["properties"]["seq"] == 5
    assert [body["feature"]["properties"]["journal_position"] for body in got] == list(range(11, 31))
    assert answers(consumer)[0] == {"replay": "r-1", "result": "started", "first": 11, "last": 30}
    assert answers(consumer)[-1] == {"replay": "r-1", "result": "complete", "next": 31, "count": 20}
    assert {m[3].CorrelationData for m in consumer.messages if m[0] == REPLY} == {b"c-1"}
    # Where live frames are told, nothing came twice.
    assert not consumer.on("/frame")


@pytest.mark.parametrize(
    ("wish", "count", "following"),
    [
        ({}, 30, 31),
        ({"to": 12}, 12, 13),
        ({"from": 5, "to": 4}, 0, 5),
        ({"kinds": ["status"]}, 6, 31),
        ({"kinds": ["status", "position"]}, 30, 31),
        ({"kinds": ["panic"]}, 0, 31),
        ({"unit": "vranje/ps-vranje/vr-2", "kinds": ["position"]}, 12, 31),
        ({"directorate": "vranje"}, 30, 31),
        ({"directorate": "bor"}, 0, 31),
        ({"limit": 7, "from": 3}, 7, 10),
        ({"from": 1000}, 0, 1000),
        ({"since_ms": 0}, 30, 31),
        ({"since_ms": 1 << 50}, 0, 31),
    ],
    ids=str,
)
async def test_what_is_asked_for(told, wish, count, following):
    bench, consumer, _, _ = told
    ask(consumer, wish)
    await bench.until(lambda: "complete" in results(consumer))
    assert len(frames(consumer)) == count
    assert (answers(consumer)[-1]["count"], answers(consumer)[-1]["next"]) == (count, following)


async def test_since_a_time(told):
    bench, consumer, _, _ = told
    rows = await bench.app.journal.read(lambda tx: tx.frames(0, 99))
    ask(consumer, {"since_ms": rows[20].stored_ms})
    await bench.until(lambda: "complete" in results(consumer))
    first = min(n for n, row in enumerate(rows) if row.stored_ms >= rows[20].stored_ms)
    assert frames(consumer)[0]["position"] == rows[first].id


async def test_the_reply_topic_may_stand_in_the_request(told):
    """MQTT 3.1.1 has no response topic."""
    bench, consumer, _, _ = told
    ask(consumer, {"reply": REPLY, "limit": 1}, correlation=None, reply=None)
    await bench.until(lambda: "complete" in results(consumer))
    assert len(frames(consumer)) == 1


async def test_a_wrong_request_is_refused_with_the_reason(told):
    bench, consumer, _, _ = told
    ask(consumer, {"from": -1})
    await bench.until(lambda: results(consumer))
    assert answers(consumer)[0]["result"] == "refused"
    assert answers(consumer)[0]["reason"].startswith("from: must be a whole number")
    ask(consumer, {"unit": "vranje/ps-vranje/vr-9"})
    await bench.until(lambda: len(results(consumer)) == 2)
    assert "not enrolled" in answers(consumer)[1]["reason"]
    # Nowhere to answer, or where frames are told: said in the log only.
    ask(consumer, {}, reply="patrola/v1/vranje/ps-vranje/vr-1/frame")
    await bench.until(lambda: len(bench.events("replay.refused")) == 3)
    assert not consumer.on("/frame")


async def test_who_has_no_response_topic_is_told_too(told):
    """MQTT 3.1.1: `reply` and `id` are in the request, and count as far as they are right."""
    bench, consumer, _, _ = told
    topic = "patrola/v1/replay"
    for body in (
        {"id": "a", "reply": REPLY, "form": 1},
        {"id": 7, "reply": REPLY},
        {"id": "c", "reply": "patrola/v1/vranje/ps-vranje/vr-1/frame", "from": "x"},
        {"id": "d", "reply": REPLY, "from": "x"},
    ):
        consumer.publish(topic, body)
    await bench.until(lambda: len(bench.events("replay.refused")) == 4)
    await bench.until(lambda: len(answers(consumer)) == 3)
    assert [(row["replay"], row["result"]) for row in answers(consumer)] == [
        ("a", "refused"), ("", "refused"), ("d", "refused")
    ]  # fmt: skip
    assert not consumer.on("/frame")


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"[]", b"{", b'{"form": 1}', b'{"from": 1.5}', b'{"from": true}', b'{"from": 1, "since_ms": 1}',
        b'{"kinds": "panic"}', b'{"kinds": ["alarm"]}', b'{"kinds": [[]]}', b'{"unit": "a/b"}',
        b'{"directorate": "a/b"}', b'{"directorate": "A"}', b'{"id": 5}', b'{"limit": -1}', b"[" * 4000,
        b'{"id": "\\ud800"}', b" " * 5000,
    ],
)  # fmt: skip
def test_requests_that_are_refused(payload):
    with pytest.raises(BadRequest):
        parse(payload, REPLY, "patrola/v1")


async def test_two_consumers_are_served_side_by_side_and_new_frames_before_both(told, consumers, broker):
    bench, consumer, _, clients = told
    bench.app.config.values["northbound.replay_rate"] = 1000
    for n in range(6):
        ask(consumer, {"id": f"r-{n}"}, correlation=str(n).encode())
    client = clients[0]
    await client.post(client.terminal.frame())
    await bench.until(lambda: results(consumer).count("complete") == 6)
    by = {n: [b["position"] for b in frames(consumer) if b["replay"] == f"r-{n}"] for n in range(6)}
    assert all(by[n][:30] == list(range(1, 31)) for n in range(6))
    assert len(consumer.on("/frame")) == 1


async def test_a_broken_connection_goes_on_where_it_was(tmp_path):
    """The broker confirms ten frames of it and then no more; on the next connection the rest follows."""
    silent = [True]
    replayed = []

    def judge(topic):
        if topic != REPLY:
            return 0
        replayed.append(topic)
        return None if silent and len(replayed) > 11 else 0

    strict = await StrictBroker(judge).start()
    bench = await Bench(tmp_path, broker_port=strict.port).also(broker={"stall_ms": 100}).start()
    client = await bench.terminal()
    for _ in range(5):
        await client.post(*(client.terminal.frame() for _ in range(6)))
    await bench.until(lambda: bench.app.relay.settled and bench.app.relay.connected)
    strict.deliver("patrola/v1/replay", json.dumps({"reply": REPLY}).encode())
    await bench.until(lambda: len(replayed) > 12)
    bench.app.relay.reconnect()
    silent.clear()
    await bench.until(lambda: bench.events("replay.complete"))
    assert bench.events("replay.complete")[0]["count"] == 30
    assert strict.connections >= 2
    positions = [json.loads(p).get("position") for p in strict.payloads[REPLY]]
    frames_of = [p for p in positions if p]
    assert sorted(set(frames_of)) == list(range(1, 31))
    # What had been confirmed did not come again.
    assert [frames_of.count(n) for n in range(1, 11)] == [1] * 10
    await bench.stop()
    await strict.stop()


async def test_the_command_line_goes_from_a_position_too(told):
    bench, _, posted, _ = told
    shown = call_cli(bench.folder, "journal", "--from", "29")["frames"]
    assert [row["id"] for row in shown] == [29, 30]
    assert [bytes.fromhex(row["frame"]) for row in shown] == posted[28:]
