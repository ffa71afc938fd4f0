"""The cluster under siege: three nodes, a gateway, a consumer, patrols that report all the time; and one node
after the other is killed or cut off. Counts what the consumer got."""

import asyncio
import contextlib
import random
import time

from protocol import coap
from tests.brokers.consumer import Steady
from tests.brokers.nats import Cluster
from tests.brokers.process import until
from tests.brokers.proxy import Proxies
from tests.gateway.bench import Bench

BROKER = {"protocol": "3.1.1", "stall_ms": 1500, "keepalive_s": 5}
# What must have come by the end, at the latest so long after the last blow.
SETTLE_S = 90.0


class Patrols:
    """Terminals that report as fast as they are answered, `pause_s` between."""

    def __init__(self, bench, pause_s=0.02):
        self._bench = bench
        self._pause_s = pause_s
        self._ended = asyncio.Event()
        self._tasks = []
        self.clients = []

    async def start(self, count):
        for n in range(count):
            self.clients.append(await self._bench.terminal(f"vr-{n}"))
        self._tasks = [asyncio.create_task(self._drive(client)) for client in self.clients]
        return self

    async def _drive(self, client):
        while not self._ended.is_set():
            assert (await client.post(client.terminal.frame())).code == coap.CHANGED
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), self._pause_s)

    async def stop(self):
        self._ended.set()
        await asyncio.gather(*self._tasks)

    @property
    def names(self):
        return {
            (c.terminal.kid, boot, seq)
            for c in self.clients
            for boot in (c.terminal.boot,)
            for seq in range(c.terminal.seq)
        }


def verdict(consumer, names, started):
    """Counts, as the tests print and judge them."""
    got = set(consumer.frames)
    return {
        "frames": len(names),
        "lost": len(names - got),
        "unknown": len(got - names),
        "repeats": consumer.repeats,
        "conflicts": len(consumer.conflicts),
        "seconds": round(time.monotonic() - started, 1),
    }


async def progress(consumer, more, limit_s=60.0):
    """Wait until the consumer has so many frames more than now: the blow has been survived."""
    goal = len(consumer.frames) + more
    await until(lambda: len(consumer.frames) >= goal, limit_s)


async def settled(bench, consumer, names):
    """Everything relayed and arrived; False when it did not come in time."""

    async def done():
        return names <= set(consumer.frames) and not (await bench.count())["unrelayed"]

    with contextlib.suppress(TimeoutError):
        await until(done, SETTLE_S)
        return True
    return False


async def besiege(folder, blows, seed=1, terminals=4, pause_s=0.02, say=print):
    """`blows`: ("kill" | "cut", node) one after the other; node None is drawn. Returns the counts."""
    rng = random.Random(seed)
    proxies = Proxies()
    cluster = Cluster(folder, proxies)
    started = time.monotonic()
    bench = consumer = patrols = None
    try:
        await cluster.start()
        consumer = await Steady([node.port for node in cluster.nodes], silence_s=3).start()
        bench = await Bench(folder).also(broker={**BROKER, "host": cluster.hosts}).start()
        patrols = await Patrols(bench, pause_s).start(terminals)
        await progress(consumer, 40)
        for what, node in blows:
            node = rng.randrange(3) if node is None else node
            await strike(cluster, consumer, what, node, rng)
            say(f"{what} n{node}: {len(consumer.frames)} frames, {consumer.repeats} repeats")
        await patrols.stop()
        await settled(bench, consumer, patrols.names)
        counts = await bench.count()
        report = verdict(consumer, patrols.names, started)
        report["stored"], report["unrelayed"] = counts["frames"], counts["unrelayed"]
        report["reconnects"] = len(bench.events("relay.up")) - 1
        return report
    finally:
        if patrols is not None:
            await asyncio.gather(patrols.stop(), return_exceptions=True)
        if bench is not None:
            await bench.stop()
        if consumer is not None:
            consumer.close()
        cluster.kill()
        proxies.close()


async def strike(cluster, consumer, what, node, rng):
    """One blow: the node is gone, frames go on arriving without it, and it comes back."""
    if what == "kill":
        cluster.nodes[node].kill()
    else:
        cluster.cut(node)
    await progress(consumer, rng.randrange(20, 60))
    if what == "kill":
        cluster.nodes[node].launch()
    else:
        cluster.mend(node)
    await cluster.ready()
    await progress(consumer, 20)
