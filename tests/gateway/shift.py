"""A gateway on a clock of its own, and one car that is on duty: for tests of who falls silent."""

import json

from gateway.clock import Clock
from protocol import coap, report
from tests.gateway.bench import Bench

AVAILABLE, OFF_DUTY = 1, 5
# A terminal's `keepalive_s`, where nothing else was set.
DEFAULT_S = 40


class Hand(Clock):
    """Wall and monotonic time, turned by hand; `wall_ms` may be set apart."""

    def __init__(self):
        self.ms = 1_800_000_000_000
        self.offset_ms = 0

    def wall_ms(self):
        return self.ms + self.offset_ms

    def mono_ms(self):
        return float(self.ms - 1_790_000_000_000)

    def turn(self, seconds):
        self.ms += int(seconds * 1000)


def status(terminal, code, seq=None):
    return terminal.frame(report.KIND_STATUS, {report.STATUS: code}, seq=seq)


class Shift:
    """A gateway on a clock of its own, with one car that speaks when it is told to."""

    def __init__(self, folder, **sections):
        self.clock = Hand()
        self.bench = Bench(folder, **sections)

    async def begin(self):
        await self.bench.start(self.clock)
        self.client = await self.bench.terminal()
        self.car = self.client.terminal
        return self

    async def says(self, *frames):
        assert (await self.client.post(*frames)).code == coap.CHANGED

    async def after(self, seconds, step=2):
        """Time goes by, and the gateway looks every two seconds."""
        for _ in range(int(seconds / step)):
            self.clock.turn(step)
            await self.bench.app.presences.round()

    async def told(self):
        """What was published: (word, silent or not, ...) in order."""
        rows = await self.bench.app.journal.read(lambda tx: tx.notices(0, 100))
        return [json.loads(row.payload) for row in rows if row.topic.endswith("/presence")]

    async def words(self):
        return [body["properties"]["presence"] for body in await self.told()]
