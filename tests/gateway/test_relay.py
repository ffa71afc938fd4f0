"""To a real broker: every frame, in order for each terminal, through anything that happens to broker or
gateway."""

import asyncio
import json

import cbor2
import pytest

from gateway.journal.records import NewFrame
from protocol import coap, report
from tests.gateway.bench import Bench, enroll
from tests.gateway.terminal import Terminal


def names(frames):
    """(kid, seq) of COSE frames, read by another CBOR library."""
    out = []
    for frame in frames:
        protected, _, payload, _ = cbor2.loads(frame).value
        out.append((bytes(cbor2.loads(protected)[4]), cbor2.loads(payload)[1]))
    return out


async def test_a_frame_goes_out_signed_and_told(relayed):
    bench, consumer = relayed
    client = await bench.terminal()
    t = client.terminal
    frame = t.frame()
    await client.post(frame)
    await bench.until(lambda: bench.events("frame.relayed"))
    await bench.until(lambda: consumer.on("vranje/ps-vranje/vr-101/position"))
    assert consumer.on("/frame") == [frame]
    (feature,) = consumer.json("/position")
    assert feature["type"] == "Feature"
    assert feature["geometry"] == {"type": "Point", "coordinates": [19.11, 45.05, 78.0]}
    properties = feature["properties"]
    assert (properties["kid"], properties["boot"], properties["seq"]) == (t.kid.hex(), 1, 0)
    assert (properties["kind"], properties["unit"]) == ("position", "vr-101")
    assert (properties["call_sign"], properties["vehicle"]) == ("Vranje vr-101", "Škoda Octavia")
    assert properties["time"] == "2026-09-21T14:13:20.000Z"
    assert properties["speed_km_h"] == 50.0
    (row,) = await bench.app.journal.read(lambda tx: tx.frames(0, 10))
    assert row.relayed_ms is not None


async def test_mqtt_5_properties_and_retained_messages(relayed, broker, consumers):
    bench, consumer = relayed
    client = await bench.terminal()
    t = client.terminal
    await client.post(t.frame(), t.frame(report.KIND_STATUS, {report.STATUS: 3}))
    await bench.until(lambda: consumer.on("/status"))
    found = {topic.rsplit("/", 1)[1]: properties for topic, _, _, properties in consumer.messages}
    assert found["frame"].ContentType == 'application/cose; cose-type="cose-sign1"'
    assert found["position"].ContentType == "application/geo+json"
    assert (found["frame"].PayloadFormatIndicator, found["position"].PayloadFormatIndicator) == (0, 1)
    assert 0 < found["position"].MessageExpiryInterval <= 3600
    assert not hasattr(found["status"], "MessageExpiryInterval")
    late = await consumers(broker.port_v5)
    await bench.until(lambda: late.on("/status", retained=True))
    await bench.until(lambda: late.on("/position", retained=True))
    assert late.json("/status", retained=True)[0]["properties"]["status_name"] == "on_scene"
    assert late.on("/frame", retained=True) == []


async def test_falls_back_to_3_1_1(tmp_path, broker, consumers):
    bench = await Bench(tmp_path, broker_port=broker.port_v4).start()
    consumer = await consumers(broker.port_v4, five=False)
    client = await bench.terminal()
    await client.post(client.terminal.frame())
    await bench.until(lambda: consumer.on("/position"), timeout=30)
    assert bench.events("relay.up")[-1]["mqtt"] == "3.1.1"
    await bench.stop()


async def test_state_topic_online_then_offline_by_farewell_and_by_will(tmp_path, broker, consumers):
    bench = await Bench(tmp_path, broker_port=broker.port_v5).start()
    consumer = await consumers(broker.port_v5)

    def states():
        return [b["state"] for b in consumer.json("patrola/v1/gateway/gateway-1/state", retained=True)]

    await bench.until(lambda: states() == ["online"])
    await bench.stop()
    await bench.until(lambda: states() == ["online", "offline"])
    bench = Bench(tmp_path, broker_port=broker.port_v5)
    # A broker that has the same client back before it saw it go has nobody to speak the will for.
    await bench.also(broker={"retry_first_ms": 1000, "retry_cap_ms": 1000}).start()
    await bench.until(lambda: states() == ["online", "offline", "online"])
    bench.app.relay._link._client.socket()._socket.shutdown(2)  # as a crash would
    await bench.until(lambda: states()[3:4] == ["offline"])
    await bench.until(lambda: states()[-1] == "online")
    assert states() == ["online", "offline", "online", "offline", "online"]
    await bench.stop()


async def test_broker_away_and_back(relayed, broker, consumers):
    """Terminals are answered as ever; afterwards everything arrives, in order for each of them."""
    bench, consumer = relayed
    clients = [await bench.terminal(f"vr-{n}") for n in range(4)]
    for client in clients:
        await client.post(client.terminal.frame())
    await bench.until(lambda: len(consumer.on("/frame")) == 4)
    broker.kill()
    for _ in range(25):
        for client in clients:
            assert (await client.post(client.terminal.frame())).code == coap.CHANGED
    assert (await bench.count())["unrelayed"] >= 99
    await broker.start()
    fresh = await consumers(broker.port_v5)

    async def all_relayed():
        return (await bench.count())["unrelayed"] == 0

    await bench.until(all_relayed, timeout=20)
    await bench.until(lambda: len(bench.events("frame.relayed")) >= 104)
    assert len(bench.events("frame.relayed")) == 104
    got = names(consumer.on("/frame") + fresh.on("/frame"))
    for client in clients:
        mine = [seq for kid, seq in names(fresh.on("/frame")) if kid == client.terminal.kid]
        assert mine == sorted(mine)
    assert {seq for kid, seq in got if kid == clients[0].terminal.kid} >= {0}


async def test_a_slow_broker_gets_a_window_and_no_more(tmp_path, broker, consumers):
    bench = await Bench(tmp_path, broker_port=broker.port_v5).also(broker={"window": 4}).start()
    consumer = await consumers(broker.port_v5)
    client = await bench.terminal()
    most = 0
    for _ in range(30):
        await client.post(client.terminal.frame(), client.terminal.frame())
        if bench.app.relay._outgoing is not None:
            most = max(most, bench.app.relay._outgoing.count)
    await bench.until(lambda: len(consumer.on("/position")) == 60)
    assert names(consumer.on("/frame")) == [(client.terminal.kid, seq) for seq in range(60)]
    assert 0 < most <= 4
    await bench.stop()


async def fill(bench, terminals, rounds):
    """Frames straight into the journal, as a long outage would leave them."""

    def work(tx):
        for _ in range(rounds):
            for t in terminals:
                seq = t.seq
                tx.insert_frame(t.kid, NewFrame(1, seq, report.KIND_POSITION, None, t.frame()), 1)

    await bench.app.journal.write(work)


async def test_a_backlog_drains_in_order_and_an_alarm_overtakes_the_other_terminals(
    tmp_path, broker, consumers
):
    bench = (
        await Bench(tmp_path).also(broker={"host": "127.0.0.1", "port": broker.port_v5, "window": 20}).start()
    )
    await bench.stop()
    consumer = await consumers(broker.port_v5, five=True)
    broker_less = await Bench(tmp_path).start()
    terminals = [enroll(tmp_path, Terminal(), f"vr-{n}") for n in range(5)]
    await fill(broker_less, terminals, 400)
    await broker_less.stop()

    bench = (
        await Bench(tmp_path).also(broker={"host": "127.0.0.1", "port": broker.port_v5, "window": 20}).start()
    )
    await bench.until(lambda: len(consumer.on("/frame")) > 50)
    last = terminals[-1]
    client = await bench.client(last)
    assert (await client.post(last.panic())).code == coap.CHANGED
    # What the broker had; the consumer may be far behind it.
    relay = bench.app.relay
    before = relay.relayed + len(relay._confirmed) + relay.in_flight
    await bench.until(lambda: len(consumer.on("/frame")) == 2001, timeout=60)
    await bench.until(lambda: consumer.on("/panic"))
    got = names(consumer.on("/frame"))
    for t in terminals:
        mine = [seq for kid, seq in got if kid == t.kid]
        assert mine == list(range(t.seq))
    place = got.index((last.kid, 400))
    # Behind its own 400 older frames and what was under way, but before the rest of the others'.
    assert place < before + 400 + 600
    assert place < 1900
    await bench.stop()


async def test_a_restart_goes_on_from_the_journal(tmp_path, broker, consumers):
    bench = await Bench(tmp_path).start()
    client = await bench.terminal()
    for _ in range(10):
        await client.post(client.terminal.frame())
    await bench.stop()
    consumer = await consumers(broker.port_v5)
    bench = await Bench(tmp_path, broker_port=broker.port_v5).start()
    await bench.until(lambda: len(bench.events("frame.relayed")) == 10)
    await bench.until(lambda: len(consumer.on("/frame")) == 10)
    assert names(consumer.on("/frame")) == [(client.terminal.kid, seq) for seq in range(10)]
    await bench.stop()
    bench = await Bench(tmp_path, broker_port=broker.port_v5).start()
    client = await bench.client(client.terminal)
    await client.post(client.terminal.frame())
    await bench.until(lambda: len(consumer.on("/frame")) == 11)
    assert names(consumer.on("/frame"))[-1] == (client.terminal.kid, 10)
    await bench.stop()


@pytest.mark.parametrize("kills", [5])
async def test_broker_killed_again_and_again_under_traffic(relayed, broker, kills):
    bench, consumer = relayed
    clients = [await bench.terminal(f"vr-{n}") for n in range(3)]
    ended = asyncio.Event()

    async def drive(client):
        while not ended.is_set():
            assert (await client.post(client.terminal.frame())).code == coap.CHANGED
            await asyncio.sleep(0.01)

    driving = [asyncio.create_task(drive(client)) for client in clients]
    for n in range(kills):
        await asyncio.sleep(0.1 + 0.05 * n)
        broker.kill()
        await asyncio.sleep(0.1)
        await broker.start()
        await bench.until(lambda: bench.app.relay.connected, timeout=20)
    ended.set()
    await asyncio.gather(*driving)

    async def all_relayed():
        return (await bench.count())["unrelayed"] == 0

    await bench.until(all_relayed, timeout=20)
    await bench.until(lambda: len(bench.events("frame.relayed")) >= sum(c.terminal.seq for c in clients))
    relayed_names = [(e["kid"], e["seq"]) for e in bench.events("frame.relayed")]
    created = {(c.terminal.kid.hex(), seq) for c in clients for seq in range(c.terminal.seq)}
    assert len(relayed_names) == len(set(relayed_names)), "marked twice"
    assert set(relayed_names) == created
    assert not bench.events("relay.missed")


async def test_an_older_position_does_not_replace_the_retained_one(relayed, broker, consumers):
    bench, consumer = relayed
    client = await bench.terminal()
    t = client.terminal
    old, new = t.frame(), t.frame()
    await client.post(new)
    await client.post(old)
    await bench.until(lambda: len(consumer.on("/position")) == 2)
    late = await consumers(broker.port_v5)
    await bench.until(lambda: late.on("/position", retained=True))
    assert [f["properties"]["seq"] for f in late.json("/position", retained=True)] == [1]


async def test_a_track_is_a_line(relayed):
    bench, consumer = relayed
    client = await bench.terminal()
    flat = report.track(
        1_790_000_000_000,
        [(0, 450_000_000, 190_000_000, 1000, None), (5000, 450_010_000, 190_020_000, None, 900)],
    )
    await client.post(client.terminal.frame(report.KIND_TRACK, {report.TRACK: flat}))
    await bench.until(lambda: consumer.on("/track"))
    (feature,) = consumer.json("/track")
    assert feature["geometry"] == {"type": "LineString", "coordinates": [[19.0, 45.0], [19.002, 45.001]]}
    assert feature["properties"]["times"] == ["2026-09-21T14:13:20.000Z", "2026-09-21T14:13:25.000Z"]
    assert feature["properties"]["speeds_km_h"] == [36.0, None]
    assert json.dumps(feature)
