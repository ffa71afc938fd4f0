"""Two gateways on one journal, and a terminal whose datagrams go now to the one, now to the other."""

import asyncio
import random

import pytest

from gateway.contexts import SEEKS
from gateway.journal.base import JournalError
from protocol import coap, cose, oscore, report
from tests.gateway.bench import UNIT, Bench, enroll, linked
from tests.gateway.terminal import Socket, Terminal, stranger


class Pair:
    """Nodes `a` and `b`; what each of them sends is kept."""

    def __init__(self, store, folder, broker_port=None):
        self.store, self.folder = store, folder
        self.nodes = []
        self.sent = []
        self._broker_port = broker_port

    async def add(self, name):
        folder = self.folder / name
        folder.mkdir()
        journal = dict(self.store.config)
        if "path" in journal:
            journal["path"] = str(self.store.path)
        sections = {"gateway": {"id": name}, "edhoc": {"key": str(self.folder / "gateway.key")}}
        bench = Bench(folder, broker_port=self._broker_port, journal=journal, **sections)
        bench.also(log={"level": "debug"})
        await bench.start(shared=True)
        plain = bench.app.endpoint.send

        def send(datagram, source):
            self.sent.append((name, datagram))
            plain(datagram, source)

        bench.app.endpoint.send = send
        self.nodes.append(bench)
        return bench

    async def car(self, unit="vr-101"):
        """(terminal, a socket at each node), known to both."""
        terminal = enroll(self.nodes[0].folder, Terminal(), unit)
        for node in self.nodes:
            await node.app.registry.refresh()
        return terminal, [await node.client(terminal) for node in self.nodes]


@pytest.fixture
async def pair(store, tmp_path):
    pair = Pair(store, tmp_path)
    for name in "ab":
        await pair.add(name)
    yield pair
    for node in pair.nodes:
        await node.stop()


@pytest.fixture
async def relaying(store, tmp_path, broker, consumers):
    """(pair at a broker, a consumer of everything there)."""
    consumer = await consumers(broker.port_v5)
    pair = Pair(store, tmp_path, broker.port_v5)
    for name in "ab":
        node = await pair.add(name)
        await node.until(lambda node=node: node.app.relay.connected)
        await node.app.nodes.round()
    yield pair, consumer
    for node in pair.nodes:
        await node.stop()


async def test_every_datagram_may_come_to_another_node_or_to_both(pair):
    """300 requests, each to one node, the other or both at once. One answer under the nonce of each request
    at most, and no number of the gateway's own twice, as seen on the air."""
    dice = random.Random(3)
    terminal, clients = await pair.car()
    names = []
    for n in range(300):
        names.append((terminal.boot, n))
        protected = terminal.post(terminal.frame())
        where = dice.choice(([0], [1], [0, 1], [1, 0]))
        answers = await asyncio.gather(*(clients[i].exchange(protected) for i in where))
        codes = sorted(coap.code_text(answer.code) for answer in answers)
        assert codes in (["2.04"], ["2.04", "4.01"]), (
            codes,
            [e["error"] for n in pair.nodes for e in n.events("internal")],
        )
    rows = await pair.nodes[0].app.journal.read(lambda tx: tx.frames(0, 1000))
    assert [(row.boot, row.seq) for row in rows] == names
    spent = {}
    for name, datagram in pair.sent:
        message = coap.decode(datagram)
        if message.option(coap.OSCORE) is not None:
            piv = oscore.peek(message)[2]
            nonce = ("request", message.token) if piv is None else ("own", piv)
            assert spent.setdefault(nonce, datagram) == datagram, f"a nonce was used twice, by {name}"
    assert len([nonce for nonce in spent if nonce[0] == "request"]) == 300
    assert {event["event"] for event in pair.nodes[1].events("internal")} == set()


async def test_blocks_of_own_numbers_are_the_nodes_own(pair):
    """Both answer under numbers of their own when the disk fails for a while."""
    terminal, clients = await pair.car()
    for client in clients:
        assert (await client.post(terminal.frame())).code == coap.CHANGED
    used = []
    for node, client in zip(pair.nodes, clients, strict=True):
        plain = node.app.journal._attempt

        def fails(group):
            raise OSError("no space left on device")

        node.app.journal._broken = lambda error: True
        node.app.journal._attempt = fails
        for _ in range(3):
            answer = await client.exchange(terminal.post(terminal.frame()))
            assert coap.code_text(answer.code) == "5.03"
        node.app.journal._attempt = plain
    for _, datagram in pair.sent:
        message = coap.decode(datagram)
        if message.option(coap.OSCORE) is not None and oscore.peek(message)[2] is not None:
            used.append(oscore.peek(message)[2])
    assert len(used) == len(set(used)) == 6


async def test_a_handshake_here_and_the_next_request_there(pair):
    """The other node learns of the context when it is asked for it, and of its end likewise."""
    a, b = pair.nodes
    terminal, clients = await pair.car()
    assert (await clients[1].post(terminal.frame())).code == coap.CHANGED
    before = terminal.context
    linked(a.folder, terminal)  # as a handshake at another node leaves it
    assert b.app.contexts.get(terminal.context.sender_id) is None
    assert (await clients[1].post(terminal.frame())).code == coap.CHANGED
    assert b.app.contexts.get(terminal.context.sender_id) is not None
    # Deleted by the one, refused by the other without a look at its memory.
    await a.app.journal.write(lambda tx: tx.retire_contexts(1 << 50, 1 << 60))
    terminal.context = before
    answer = await clients[1].post(terminal.frame())
    assert coap.code_text(answer.code) == "4.01"
    assert b.app.contexts.get(before.sender_id) is None


async def test_whose_context_cannot_be_looked_for_is_told_to_come_again(pair):
    """And not that it is unknown: a whole fleet would begin handshakes when the store is away."""
    a, b = pair.nodes
    terminal, clients = await pair.car()
    linked(a.folder, terminal)
    protected = terminal.post(terminal.frame())
    journal = b.app.journal
    read = journal._read

    def away(work):
        raise JournalError("server closed the connection")

    journal._read = away
    answer = await clients[1].exchange(protected)
    assert coap.code_text(answer.code) == "5.03" and answer.option(coap.OSCORE) is None
    assert b.app.refusals.counts == {"unavailable": 1}
    journal._read = read
    assert (await clients[1].exchange(protected)).code == coap.CHANGED


async def test_looks_for_strangers_contexts_are_few(pair):
    node = pair.nodes[0]
    reads = node.app.journal.read
    count = 0

    async def counting(work):
        nonlocal count
        count += 1
        return await reads(work)

    node.app.contexts._journal.read = counting
    node.app.clock.mono_ms = lambda: 5_000_000.0  # all within one second
    for n in range(SEEKS + 100):
        data = stranger(b"%03d" % (n % 1000)).post(b"x")[0]
        node.app.exchange.receive(data, ("127.0.0.1", 9))
    await node.app.exchange.settled()
    assert SEEKS <= count <= SEEKS + 20  # others look now and then


async def test_a_copy_at_the_other_node_gets_nothing_and_moves_nothing(pair):
    """A replay of what the one has answered, from anywhere: refused, and commands go where they went."""
    a, b = pair.nodes
    terminal, clients = await pair.car()
    await clients[1].observe()
    captured = [terminal.post(terminal.frame()) for _ in range(3)]
    captured.append(terminal.protect(coap.GET, "/c", observe=0))
    for protected in captured:
        assert (await clients[0].exchange(protected)).code in (coap.CHANGED, coap.CONTENT)
    before = await b.count()
    thief = await Socket.open(b.app.address)
    for data, _, _ in captured:
        thief.send(data)
        answer = coap.decode(await thief.get())
        assert coap.code_text(answer.code) == "4.01"
        assert answer.option(coap.OSCORE) is None
    assert await b.count() == before
    reasons = [event["reason"] for event in b.events("refused")]
    assert reasons and set(reasons) == {"replayed"}
    assert all(
        observer.source != thief.transport.get_extra_info("sockname")
        for observer in b.app.observers._observers.values()
    )
    thief.close()


async def test_revoked_at_one_is_refused_by_both_at_once(pair):
    """Before the other node has looked at the registry: its secrets are gone."""
    a, b = pair.nodes
    terminal, clients = await pair.car()
    for client in clients:
        assert (await client.post(terminal.frame())).code == coap.CHANGED
    b.app.registry.refresh = None  # its rounds fail from now on
    await a.app.journal.write(lambda tx: tx.set_state(terminal.kid, "revoked", 5))
    answer = await clients[1].post(terminal.frame())
    assert coap.code_text(answer.code) in ("4.01", "4.03")
    assert (await a.count())["frames"] == 2


async def test_frames_of_one_terminal_go_out_in_order_and_once(relaying):
    """It moves with every frame; whoever has its earlier ones relays the next."""
    pair, consumer = relaying
    terminal, clients = await pair.car()
    for n in range(120):
        assert (await clients[n % 2].post(terminal.frame())).code == coap.CHANGED
    a = pair.nodes[0]
    await a.until(lambda: len(consumer.on("/frame")) >= 120)
    await a.until(lambda: relayed(a))
    seqs = [report.decode(payload(one))[report.SEQ] for one in consumer.on("/frame")]
    assert seqs == list(range(120))


def payload(frame):
    return cose.sign1_parse(frame).payload


async def relayed(node):
    return (await node.count())["unrelayed"] == 0


async def test_a_stage_reaches_the_terminal_at_the_other_node(relaying):
    """It listens at b; its alarm comes to a, the broker confirms it to a."""
    pair, consumer = relaying
    terminal, clients = await pair.car()
    await clients[1].observe()
    assert (await clients[0].post(terminal.panic())).code == coap.CHANGED
    (told,) = await clients[1].notification()
    assert told[1] == 3 and told[2] is not None
    consumer.publish(
        f"{UNIT}/command", {"id": "a", "command": "acknowledge", "panic": 65537, "operator": "x"}
    )
    await pair.nodes[0].until(lambda: consumer.json("/command/result"))
    async with asyncio.timeout(10):
        while not any(command[3] == {0: 65537, 1: 5} for command in told_list(told)):
            told = await clients[1].notification()
    await pair.nodes[0].until(lambda: all_told(pair))
    # Both nodes got the request; its result was told once.
    assert [result["result"] for result in consumer.json("/command/result")][:1] == ["queued"]
    assert len([r for r in consumer.json("/command/result") if r["result"] == "queued"]) == 1


async def all_told(pair):
    counts = [await node.count() for node in pair.nodes]
    return all(count["notices_waiting"] == 0 for count in counts)


def told_list(told):
    return told if isinstance(told, list) else [told]


async def test_what_a_silent_node_had_to_relay_another_takes(relaying):
    pair, consumer = relaying
    a, b = pair.nodes
    terminal, clients = await pair.car()
    # The broker is away for a: it stores, and cannot tell.
    a.app.relay.stop()
    await a.until(lambda: not a.app.relay.connected)
    await a.app.journal.write(lambda tx: tx.leave())
    for _ in range(10):
        assert (await clients[0].post(terminal.frame())).code == coap.CHANGED
    await b.until(lambda: len(consumer.on("/frame")) >= 10)
    await b.until(lambda: relayed(b))
    seqs = [report.decode(payload(one))[report.SEQ] for one in consumer.on("/frame")]
    assert list(dict.fromkeys(seqs)) == list(range(10))
    assert b.app.journal.leading
