"""The window over paho: it does not stall, a new connection does not exceed it, and nothing is dropped when
it is full. Each of these is a trap that clients with a queue of their own fall into."""

import asyncio

from gateway.journal.records import NewFrame
from protocol import coap, report
from tests.gateway.bench import Bench, enroll
from tests.gateway.strict_broker import StrictBroker
from tests.gateway.terminal import Terminal

WINDOW = 6


class Counting(StrictBroker):
    """Holds confirmations back while `held` is set; counts, for each connection, how many were out at most,
    and confirms what it held in the order that `release` gives."""

    def __init__(self, **options):
        super().__init__(**options)
        self.held = True
        self.most = []
        self._waiting = {}

    async def _serve(self, reader, writer):
        self.most.append(0)
        self._waiting = {}
        self._writer = writer
        await super()._serve(reader, writer)

    def _answer(self, head, body):
        answer = super()._answer(head, body)
        if head >> 4 != 3 or body[2:].startswith(b"patrola/v1/gateway"):
            return answer
        self._waiting[answer[2:4]] = answer
        self.most[-1] = max(self.most[-1], len(self._waiting))
        if self.held:
            return b""
        return self.release()

    def release(self, order=reversed):
        out = b"".join(order(list(self._waiting.values())))
        self._waiting.clear()
        return out

    def open(self):
        self.held = False
        self._writer.write(self.release())

    def hang_up(self):
        self._writer.transport.abort()


async def start(folder, broker, **more):
    bench = await Bench(folder, broker_port=broker.port).also(broker={"window": WINDOW, **more}).start()
    await bench.until(lambda: bench.app.relay.connected)
    return bench


async def post(bench, client, count):
    for _ in range(count):
        assert (await client.post(client.terminal.frame())).code == coap.CHANGED


async def relayed(bench):
    return not (await bench.count())["unrelayed"]


def seqs(bench, broker):
    topic = "patrola/v1/vranje/ps-vranje/vr-101/position"
    return [int(p.split(b'"seq":', 1)[1].split(b",", 1)[0]) for p in broker.payloads.get(topic, [])]


async def test_a_full_window_goes_on_when_the_broker_does(tmp_path):
    """Confirmed in the reverse order and in bursts: every place is used again."""
    broker = await Counting().start()
    bench = await start(tmp_path, broker)
    client = await bench.terminal()
    await post(bench, client, 40)
    assert (await bench.count())["unrelayed"] == 40
    for _ in range(3):
        await bench.until(lambda: len(broker._waiting) >= WINDOW - 1)
        broker._writer.write(broker.release())
    broker.open()
    await bench.until(lambda: relayed(bench))
    assert seqs(bench, broker) == list(range(40))
    assert max(broker.most) <= WINDOW
    await bench.stop()
    await broker.stop()


async def test_a_new_connection_begins_with_an_empty_window(tmp_path):
    """What was under way is sent again within the window, not on top of it; in order, nothing left out."""
    broker = await Counting().start()
    bench = await start(tmp_path, broker)
    client = await bench.terminal()
    await post(bench, client, 30)
    for n in range(4):
        await bench.until(lambda: len(broker._waiting) >= WINDOW - 1)
        broker.hang_up()
        await bench.until(lambda n=n: len(broker.most) == n + 2)
    await bench.until(lambda: len(broker._waiting) >= WINDOW - 1)
    broker.open()
    await bench.until(lambda: relayed(bench))
    assert max(broker.most) <= WINDOW
    assert seqs(bench, broker)[-30:] == list(range(30))
    await bench.stop()
    await broker.stop()


async def test_nothing_is_dropped_however_much_waits(tmp_path):
    """Many more than the relay keeps in memory, oldest first; and the newest comes too."""
    broker = await Counting().start()
    bench = await start(tmp_path, broker)
    await bench.stop()
    terminal = enroll(tmp_path, Terminal(), "vr-101")
    frames = [NewFrame(1, n, report.KIND_POSITION, None, terminal.frame(seq=n)) for n in range(1500)]
    bench = await start(tmp_path, broker)
    await bench.app.journal.write(lambda tx: tx.insert_frames([(terminal.kid, one) for one in frames], 1))
    bench.app.relay.stir()
    await bench.until(lambda: len(broker._waiting) >= WINDOW - 1)
    broker.open()
    await bench.until(lambda: relayed(bench), timeout=60)
    assert seqs(bench, broker) == list(range(1500))
    assert max(broker.most) <= WINDOW
    await bench.stop()
    await broker.stop()


class Deaf(StrictBroker):
    """Takes no byte from its socket while `deaf` is set."""

    def __init__(self):
        super().__init__()
        self.hears = asyncio.Event()
        self.hears.set()

    async def _packet(self, reader):
        await self.hears.wait()
        return await super()._packet(reader)


async def test_a_broker_that_reads_nothing_pushes_back_and_terminals_notice_nothing(tmp_path):
    broker = await Deaf().start()
    bench = await start(tmp_path, broker)
    client = await bench.terminal()
    broker.hears.clear()
    await post(bench, client, 60)
    assert bench.app.relay.in_flight <= WINDOW
    broker.hears.set()
    await bench.until(lambda: relayed(bench))
    assert seqs(bench, broker) == list(range(60))
    await bench.stop()
    await broker.stop()


async def test_what_is_being_marked_is_not_read_once_more(tmp_path, monkeypatch):
    """Marks go beside the publications, and a read that saw the journal before a mark comes back after it."""
    broker = await StrictBroker().start()
    bench = await start(tmp_path, broker)
    await bench.stop()
    terminal = enroll(tmp_path, Terminal(), "vr-101")
    frames = [NewFrame(1, n, report.KIND_POSITION, None, terminal.frame(seq=n)) for n in range(1200)]
    bench = await start(tmp_path, broker)
    journal, relay = bench.app.journal, bench.app.relay
    read, write = journal.read, journal.write

    async def late(work):
        seen = await read(work)
        if relay._marking is not None:
            await asyncio.wait({relay._marking})
        return seen

    async def slow(work):
        await asyncio.sleep(0.03)  # there is always one under way
        return await write(work)

    monkeypatch.setattr(journal, "read", late)
    monkeypatch.setattr(journal, "write", slow)
    await journal.write(lambda tx: tx.insert_frames([(terminal.kid, one) for one in frames], 1))
    relay.stir()
    client = await bench.client(terminal)
    for n in range(3):
        # An alarm asks for all of its terminal's that are not marked.
        await bench.until(lambda n=n: len(seqs(bench, broker)) > 200 + 300 * n)
        await client.post(terminal.panic(seq=2000 + n))
    await bench.until(lambda: relayed(bench), timeout=60)
    assert len(broker.on("/panic")) >= 3
    assert seqs(bench, broker) == list(range(1200))
    await bench.stop()
    await broker.stop()
