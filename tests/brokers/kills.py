"""One broker with its default persistence, killed again and again under traffic. What it lost the consumer
asks for; then it has everything, once in effect."""

import asyncio
import random
import time

from hwsim.broker import Broker
from tests.brokers.consumer import Steady
from tests.brokers.mosquitto import PROGRAM, Mosquitto
from tests.brokers.nats import Nats
from tests.brokers.process import until
from tests.brokers.siege import Patrols, progress, settled, verdict
from tests.gateway.bench import Bench

KINDS = ("iotcore", "nats", "mosquitto")


class _Iotcore(Broker):
    def __init__(self, folder):
        super().__init__("iotcore", folder)

    @property
    def port(self):
        return self.port_v5


def make(kind, folder):
    """A broker that `await start()` and `kill()` are enough for, and whether it speaks MQTT 5."""
    made = {"iotcore": _Iotcore, "nats": Nats, "mosquitto": Mosquitto}[kind](folder)
    return made, kind != "nats"


def available(kind):
    return kind != "mosquitto" or bool(PROGRAM)


async def _missed(consumer, names, silence_s=3.0):
    """How many do not come by themselves: nothing has arrived for a while."""
    before = -1
    while names - set(consumer.frames) and before < len(consumer.frames) + consumer.repeats:
        before = len(consumer.frames) + consumer.repeats
        await asyncio.sleep(silence_s)
    return len(names - set(consumer.frames))


async def kill_again_and_again(folder, kind, kills, seed=1, terminals=3, pause_s=0.02, say=print):
    """Returns the counts. `missed`: what the broker lost although it had confirmed it, before the replay."""
    rng = random.Random(seed)
    broker, five = make(kind, folder)
    started = time.monotonic()
    await broker.start()
    consumer = await Steady([broker.port], five=five).start()
    protocol = "5" if five else "3.1.1"
    more = {"host": "127.0.0.1", "port": broker.port, "protocol": protocol, "stall_ms": 2000}
    bench = await Bench(folder).also(broker=more).start()
    patrols = Patrols(bench, pause_s)
    try:
        await patrols.start(terminals)
        for n in range(kills):
            await progress(consumer, rng.randrange(1, 30))
            broker.kill()
            await asyncio.sleep(rng.uniform(0, 0.1))
            await broker.start()
            if n % 10 == 9:
                say(f"{kind}: {n + 1} kills, {len(consumer.frames)} frames, {consumer.repeats} repeats")
        await progress(consumer, 1)
        await patrols.stop()

        async def relayed():
            return not (await bench.count())["unrelayed"]

        await until(relayed, 60)
        missed = await _missed(consumer, patrols.names)
        if missed:
            await consumer.replay(since_ms=0)
        await settled(bench, consumer, patrols.names)
        counts = await bench.count()
        report = {"broker": kind, "kills": kills, **verdict(consumer, patrols.names, started)}
        return report | {"missed": missed, "stored": counts["frames"], "unrelayed": counts["unrelayed"]}
    finally:
        await asyncio.gather(patrols.stop(), return_exceptions=True)
        await bench.stop()
        consumer.close()
        broker.kill()
