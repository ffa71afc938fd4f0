"""Replays at a broker that has its defaults."""

from tests.brokers.mosquitto import Mosquitto, needs_mosquitto
from tests.gateway.bench import UNIT, Bench, Consumer


@needs_mosquitto
async def test_an_order_does_not_wait_for_replays(tmp_path):
    """A request is confirmed when its replay is over, and mosquitto hands over no more than twenty messages
    that were not confirmed (3.1.1): twenty long replays kept acknowledgements from the gateway for hours."""
    broker = await Mosquitto(tmp_path, inflight=20).start()
    bench = Bench(tmp_path, broker_port=broker.port, northbound={"replay_rate": 1})
    await bench.also(broker={"protocol": "3.1.1"}).start()
    consumer = await Consumer(broker.port, topics=("patrola/#", "desk/#")).ready()
    try:
        await bench.until(lambda: bench.app.relay.connected)
        client = await bench.terminal()
        for _ in range(5):
            await client.post(*(client.terminal.frame() for _ in range(6)))
        for n in range(25):
            consumer.publish("patrola/v1/replay", {"id": f"r-{n}", "reply": "desk/r"})
        # Whoever hears nothing asks again.
        for _ in range(25):
            consumer.publish("patrola/v1/replay", {"id": "r-0", "reply": "desk/r"})
        consumer.publish(f"{UNIT}/command", {"id": "o-1", "command": "message", "text": "x"})
        await bench.until(lambda: consumer.on("/command/result"))
        assert consumer.json("/command/result")[0]["result"] == "queued"
        refused = [told for told in consumer.json("desk/r") if told.get("result") == "refused"]
        assert len(refused) == 17 and "ask again later" in refused[0]["reason"]
    finally:
        consumer.close()
        await bench.stop()
        broker.kill()
