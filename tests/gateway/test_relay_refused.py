"""A broker that refuses, stays silent, or allows little: nothing is lost, the other terminals go on."""

import asyncio

from gateway import relay as relay_module
from gateway.journal.records import NewFrame
from protocol import coap
from tests.gateway.bench import Bench
from tests.gateway.strict_broker import StrictBroker, connack


async def start(tmp_path, at, **sections):
    bench = await Bench(tmp_path, broker_port=at.port).also(**sections).start()
    await bench.until(lambda: bench.app.relay.connected)
    return bench


async def unrelayed(bench):
    return (await bench.count())["unrelayed"]


async def test_a_refused_unit_waits_and_the_others_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr(relay_module, "HOLD_S", 0.3)
    allowed = set()
    broker = await StrictBroker(
        lambda topic: 0 if "/vr-2/" in topic or "state" in topic or allowed else 0x87
    ).start()
    bench = await start(tmp_path, broker)
    first, second = await bench.terminal("vr-1"), await bench.terminal("vr-2")
    for _ in range(5):
        assert (await first.post(first.terminal.frame())).code == coap.CHANGED
        assert (await second.post(second.terminal.frame())).code == coap.CHANGED
    await bench.until(lambda: len(bench.events("frame.relayed")) == 5)
    assert {e["kid"] for e in bench.events("frame.relayed")} == {second.terminal.kid.hex()}
    assert bench.events("relay.refused")[0]["kid"] == first.terminal.kid.hex()
    assert await unrelayed(bench) == 5
    assert broker.connections == 1
    allowed.add(True)
    await bench.until(lambda: len(bench.events("frame.relayed")) == 10)
    mine = [e["seq"] for e in bench.events("frame.relayed") if e["kid"] == first.terminal.kid.hex()]
    assert mine == [0, 1, 2, 3, 4]
    await bench.stop()
    await broker.stop()


async def test_a_silent_broker_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(relay_module, "_LOOK_S", 0.1)
    silent = [True]
    broker = await StrictBroker(
        lambda topic: None if silent and topic.endswith(("frame", "position")) else 0
    ).start()
    bench = await start(tmp_path, broker, broker={"stall_ms": 200})
    client = await bench.terminal()
    await client.post(client.terminal.frame())
    await bench.until(lambda: broker.connections >= 2)
    silent.clear()
    await bench.until(lambda: bench.events("frame.relayed"))
    assert bench.events("relay.lost")[0]["error"] == "the broker confirms nothing"
    await bench.stop()
    await broker.stop()


async def test_the_brokers_receive_maximum_is_kept(tmp_path):
    """MQTT 5, 3.3.4: not more unconfirmed messages than the broker allows."""
    waiting = []
    broker = await StrictBroker(lambda topic: waiting.append(topic), connack(0, b"\x21\x00\x03")).start()
    bench = await start(tmp_path, broker)
    assert bench.events("relay.up")[0]["window"] == 3
    client = await bench.terminal()
    for _ in range(5):
        await client.post(client.terminal.frame())
    await bench.until(lambda: len(broker.published) == 3)
    assert broker.on("/state") + broker.on("/frame") + broker.on("/position") == broker.published
    assert await unrelayed(bench) == 5
    await bench.stop()
    await broker.stop()


async def test_wrong_password_is_logged_and_tried_again(tmp_path):
    broker = await StrictBroker(hello=connack(0x86)).start()
    bench = await Bench(tmp_path, broker_port=broker.port).also(broker={"protocol": "5"}).start()
    await bench.until(lambda: broker.connections >= 3)
    assert "refused" in bench.events("relay.down")[0]["error"]
    client = await bench.terminal()
    assert (await client.post(client.terminal.frame())).code == coap.CHANGED
    broker.hello = connack()
    await bench.until(lambda: bench.events("frame.relayed"))
    await bench.stop()
    await broker.stop()


async def test_a_broken_broker_does_not_end_the_relay(tmp_path):
    broker = await StrictBroker(hello=b"\x20\xff\xff\xff\xff\x7f garbage").start()
    bench = await Bench(tmp_path, broker_port=broker.port).start()
    await bench.until(lambda: broker.connections >= 3)
    broker.hello = connack()
    bench.app.relay._connector.five = True
    client = await bench.terminal()
    await client.post(client.terminal.frame())
    await bench.until(lambda: bench.events("frame.relayed"), timeout=20)
    assert (await bench.count())["unrelayed"] == 0
    await bench.stop()
    await broker.stop()


class Slow(StrictBroker):
    """Takes its time over each packet."""

    async def _packet(self, reader):
        packet = await super()._packet(reader)
        await asyncio.sleep(0.05)
        return packet


async def test_a_quiet_time_is_no_silence_of_the_broker(tmp_path, monkeypatch):
    """Nothing to confirm for long, then a frame: the broker has its time from then on."""
    monkeypatch.setattr(relay_module, "_LOOK_S", 0.001)
    broker = await Slow().start()
    bench = await Bench(tmp_path, broker_port=broker.port).also(broker={"stall_ms": 300}).start()
    client = await bench.terminal()
    await bench.until(lambda: bench.app.relay.connected)
    await asyncio.sleep(0.6)
    await client.post(client.terminal.frame())
    await bench.until(lambda: bench.events("frame.relayed"))
    assert not bench.events("relay.lost")
    await bench.stop()
    await broker.stop()


async def test_what_was_kept_although_the_disk_said_no_is_found_in_busy_times_too(tmp_path, monkeypatch):
    """A commit whose fsync fails may be there after all; nobody offers its frames to the relay."""
    monkeypatch.setattr(relay_module, "_LOOK_S", 0.3)
    broker = await StrictBroker().start()
    bench = await Bench(tmp_path, broker_port=broker.port).start()
    client = await bench.terminal()
    await client.post(client.terminal.frame())
    await bench.until(lambda: bench.events("frame.relayed"))
    new = NewFrame(9, 9, 1, None, client.terminal.frame(seq=9))
    await bench.app.journal.write(lambda tx: tx.insert_frame(client.terminal.kid, new, 0))
    async with asyncio.timeout(5):
        while not any(e["boot"] == 9 for e in bench.events("frame.relayed")):
            await client.post(client.terminal.frame())
    assert len(bench.events("relay.missed")) == 1
    await bench.stop()
    await broker.stop()
