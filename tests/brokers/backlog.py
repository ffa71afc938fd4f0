"""What a long outage of the broker leaves: so many frames in the journal, which then go out in order for each
terminal. The gateway and the broker are processes of their own; their memory and time are measured."""

import asyncio
import contextlib
import select
import time
from pathlib import Path

from gateway.journal.records import NewFrame
from gateway.journal.sqlite import transaction
from hwsim.broker import Broker
from hwsim.load.ear import Ear, name
from hwsim.mqtt_wire import Reader
from protocol import cose, report
from tests.brokers.consumer import Steady
from tests.brokers.nats import Cluster, Nats
from tests.brokers.process import until
from tests.brokers.proxy import Proxies
from tests.gateway.bench import Bench, config_text, enroll
from tests.gateway.served import Served
from tests.gateway.terminal import Terminal

_PIECE = 5000


def unit(number):
    return f"vr-{number}"


def fill(path, terminals, count, say):
    """Well-formed frames with a signature that nobody checks any more: that was done when they came in."""
    signature = bytes(64)
    body = {report.BOOT: 1, report.SEQ: 0, report.KIND: report.KIND_POSITION, report.TIME: 1_790_000_000_000}
    body[report.FIX] = [450_500_000, 191_100_000, 780, 1389, 9000, 9, 11, 0]
    done = 0
    while done < count:
        items = []
        for number in range(done, min(done + _PIECE, count)):
            terminal = terminals[number % len(terminals)]
            body[report.SEQ] = terminal.seq
            frame = cose.sign1_encode(terminal.kid, report.encode(body), lambda _: signature)
            items.append((terminal.kid, NewFrame(1, terminal.seq, report.KIND_POSITION, None, frame)))
            terminal.seq += 1
        with transaction(path, write=True) as tx:
            tx.insert_frames(items, int(time.time() * 1000))
        done += len(items)
        if done % 200_000 == 0:
            say(f"{done} frames stored")


class Order:
    """The next sequence number of each terminal; anything else is out of order, doubled or lost."""

    def __init__(self):
        self.next = {}
        self.frames = self.repeats = self.wrong = 0

    def take(self, heard):
        for _, body in heard:
            reader = Reader(body)
            reader.data()
            reader.take(2)
            reader.properties()
            kid, _, seq = name(reader.take(reader.left))
            expected = self.next.get(kid, 0)
            self.frames += 1
            self.repeats += seq < expected
            self.wrong += seq > expected
            self.next[kid] = max(expected, seq + 1)


def usage(pid):
    """(seconds of processor time, most memory in MB) of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = int(fields[11]) + int(fields[12])
    peak = next(r for r in Path(f"/proc/{pid}/status").read_text().splitlines() if r.startswith("VmHWM"))
    return ticks / 100, int(peak.split()[1]) / 1024


class _Iotcore:
    """Followed by a consumer that checks the order."""

    def __init__(self, folder):
        self._broker = Broker("iotcore", folder)
        self._order = Order()
        self._ear = None

    async def start(self, terminals, count):
        await self._broker.start()
        self._ear = Ear("127.0.0.1", self._broker.port_v5, "patrola/+/+/+/+/frame")
        return {"host": "127.0.0.1", "port": self._broker.port_v5, "protocol": "5"}

    async def follow(self, count, limit_s, say):
        """Until the last frame has come; counts."""
        return await asyncio.to_thread(self._listen, count, limit_s, say)

    def _listen(self, count, limit_s, say):
        order, ear, began, told = self._order, self._ear, time.perf_counter(), 0
        while order.frames - order.repeats < count and time.perf_counter() - began < limit_s:
            ready, _, _ = select.select(ear.socks, [], [], 5)
            if not ready:
                break
            ear.receive(ready[0], began)
            if len(ear.heard) > 2000 or order.frames + len(ear.heard) >= count:
                order.take(ear.heard)
                ear.heard.clear()
                if order.frames // 100_000 > told:
                    told = order.frames // 100_000
                    say(f"{order.frames} frames arrived")
        order.take(ear.heard)
        return order

    @property
    def pids(self):
        return [self._broker._process.pid]

    def kill(self):
        if self._ear is not None:
            self._ear.close()
        self._broker.kill()


class _Nats:
    """One node, or three: how long until all is confirmed. Who subscribes to all costs as much again, so only
    the terminal is listened to that the last frame is of."""

    def __init__(self, folder, nodes):
        self._proxies = Proxies() if nodes > 1 else None
        self._broker = Cluster(folder, self._proxies, direct=True) if nodes > 1 else Nats(folder)
        self._nodes = self._broker.nodes if nodes > 1 else [self._broker]
        self._folder = folder
        self._steady = self._last = None

    async def start(self, terminals, count):
        await self._broker.start()
        number = (count - 1) % len(terminals)
        self._last = terminals[number]
        topics = (f"patrola/+/+/+/{unit(number)}/frame",)
        self._steady = await Steady([node.port for node in self._nodes], topics, name="last").start()
        return {"host": ", ".join(f"127.0.0.1:{node.port}" for node in self._nodes), "protocol": "3.1.1"}

    async def follow(self, count, limit_s, say):
        if await asyncio.to_thread(self._steady.heard, self._last.kid, self._last.seq, limit_s):
            # What went out just before it is confirmed and marked in a moment.
            with contextlib.suppress(TimeoutError):
                await until(lambda: not self._left())
        order = Order()
        order.frames = count - self._left()
        return order

    def _left(self):
        with transaction(self._folder / "patrola.sqlite", write=False) as tx:
            return tx.count()["unrelayed"]

    @property
    def pids(self):
        return [node.process.pid for node in self._nodes]

    def kill(self):
        if self._steady is not None:
            self._steady.close()
        self._broker.kill()
        if self._proxies is not None:
            self._proxies.close()


def _broker(folder, kind):
    return _Iotcore(folder) if kind == "iotcore" else _Nats(folder, 3 if kind == "cluster" else 1)


async def drain(folder, count, terminals=100, limit_s=3600.0, say=print, window=256, kind="iotcore"):
    """Returns counts and figures. Everything is over when the consumer has the last frame."""
    path = folder / "patrola.sqlite"
    # The journal is made by a gateway that has no broker.
    bench = await Bench(folder).start()
    await bench.stop()
    enrolled = [enroll(folder, Terminal(), unit(n), context=False) for n in range(terminals)]
    await asyncio.to_thread(fill, path, enrolled, count, say)
    broker, served = _broker(folder, kind), None
    try:
        settings = await broker.start(enrolled, count) | {"window": window}
        (folder / "gateway.toml").write_text(config_text(broker=settings))
        began = time.perf_counter()
        served = Served(folder)
        order = await broker.follow(count, limit_s, say)
        seconds = time.perf_counter() - began
        cpu_s, peak_mb = usage(served.process.pid)
        broker_s = sum(usage(pid)[0] for pid in broker.pids)
        report = {"broker": kind, "frames": count, "terminals": terminals, "arrived": order.frames}
        if order.next:
            report |= {"repeats": order.repeats, "out_of_order": order.wrong}
            report["complete"] = all(order.next.get(t.kid) == t.seq for t in enrolled)
        return report | {
            "seconds": round(seconds, 1),
            "frames_per_s": round(order.frames / seconds),
            "gateway_cpu_us_a_frame": round(cpu_s / max(1, order.frames) * 1e6),
            "broker_cpu_us_a_frame": round(broker_s / max(1, order.frames) * 1e6),
            "gateway_peak_mb": round(peak_mb),
            "journal_bytes_a_frame": round(path.stat().st_size / count),
        }
    finally:
        if served is not None:
            served.end()
        broker.kill()
