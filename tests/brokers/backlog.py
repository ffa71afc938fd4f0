"""What a long outage of the broker leaves: so many frames in the journal, which then go out in order for each
terminal. The gateway and the broker are processes of their own; their memory and time are measured."""

import asyncio
import select
import time
from pathlib import Path

from gateway.journal.records import NewFrame
from gateway.journal.sqlite import transaction
from hwsim.broker import Broker
from hwsim.load.ear import Ear, name
from hwsim.mqtt_wire import Reader
from protocol import cose, report
from tests.gateway.bench import Bench, config_text, enroll
from tests.gateway.served import Served
from tests.gateway.terminal import Terminal

_PIECE = 5000


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


async def drain(folder, count, terminals=100, limit_s=3600.0, say=print, window=256):
    """Returns counts and figures. Everything is over when the consumer has the last frame."""
    broker = Broker("iotcore", folder)
    (folder / "gateway.toml").write_text(config_text())
    enrolled = []
    # The journal is made by a gateway that has no broker.
    bench = await Bench(folder).start()
    await bench.stop()
    for n in range(terminals):
        enrolled.append(enroll(folder, Terminal(), f"vr-{n}", context=False))
    await asyncio.to_thread(fill, bench_path(folder), enrolled, count, say)
    await broker.start()
    (folder / "gateway.toml").write_text(
        config_text(broker_port=broker.port_v5, broker={"protocol": "5", "window": window})
    )
    ear = Ear("127.0.0.1", broker.port_v5, "patrola/+/+/+/+/frame")
    order = Order()
    served = Served(folder)
    try:
        began = time.perf_counter()
        told = 0
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
        seconds = time.perf_counter() - began
        cpu_s, peak_mb = usage(served.process.pid)
        return {
            "frames": count,
            "terminals": terminals,
            "arrived": order.frames,
            "repeats": order.repeats,
            "out_of_order": order.wrong,
            "complete": all(order.next.get(t.kid) == t.seq for t in enrolled),
            "seconds": round(seconds, 1),
            "frames_per_s": round(order.frames / seconds),
            "gateway_cpu_us_a_frame": round(cpu_s / max(1, order.frames) * 1e6),
            "gateway_peak_mb": round(peak_mb),
        }
    finally:
        served.end()
        ear.close()
        broker.kill()


def bench_path(folder):
    return folder / "patrola.sqlite"
