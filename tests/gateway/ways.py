"""The same datagrams on the short way and on the long one, and all that both leave behind compared."""

import shutil

from gateway.clock import Clock
from tests.gateway.bench import Bench, enroll

HERE, ELSEWHERE = ("192.0.2.1", 40000), ("192.0.2.2", 50000)


class Still(Clock):
    def wall_ms(self):
        return 1_790_000_000_123

    def mono_ms(self):
        return 5_000_000.0


class Both:
    """Two gateways with the same journal; the second knows no short way."""

    def __init__(self, folder):
        self.folders = [folder / "short", folder / "long"]
        self.folders[0].mkdir()
        self.benches = []
        self.short = 0

    async def start(self, *terminals, **sections):
        Bench(self.folders[0], **sections)
        for number, terminal in enumerate(terminals):
            enroll(self.folders[0], terminal, f"vr-{number}")
        shutil.copytree(*self.folders)
        self.benches = [Bench(folder, **sections) for folder in self.folders]
        for bench in self.benches:
            await bench.start(Still(), random=lambda n: bytes(n))
            bench.sent = []
            bench.app.endpoint.send = lambda data, source, bench=bench: bench.sent.append((data, source))
        first, second = (bench.app.exchange._posting for bench in self.benches)
        take = first.take

        def counted(data, source):
            taken = take(data, source)
            self.short += taken
            return taken

        first.take = counted
        second.take = lambda data, source: False
        return self

    async def put(self, data, source=HERE):
        """What both send, which is the same."""
        for bench in self.benches:
            bench.sent.clear()
            bench.app.exchange.receive(data, source)
            await bench.app.exchange.settled()
        short, long = (bench.sent for bench in self.benches)
        assert short == long, (short, long)
        return list(short)

    async def stop(self):
        """Both did the same to the disk, to the contexts in memory, to the counts."""
        kept = []
        for bench in self.benches:
            app = bench.app
            rows = await app.journal.read(lambda tx: [row[1:] for row in tx.frames(0, 1000)])
            contexts = await app.journal.read(lambda tx: tx.contexts())
            counts = await bench.count()
            windows = sorted(
                (e.oscore_id, p.context.window.state(), p.busy) for e, p in app.peers._peers.items()
            )
            kept.append(
                (rows, contexts, counts, windows, app.refusals.counts, app.intake.stored, app.intake.repeats)
            )
            assert not bench.events("datagram.failed") and not bench.events("internal")
            await bench.stop()
        assert kept[0] == kept[1], kept
        return kept[0]
