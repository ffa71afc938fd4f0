"""Two gateways on one journal: one of them answers consumers, tells alarms again and prunes; the other
does it when that one goes."""

import asyncio

from gateway.journal.retention import DAY_MS
from gateway.retention import Retention
from protocol import coap
from tests.gateway.test_nodes import relayed, relaying  # noqa: F401
from tests.gateway.test_replay import ask, frames, results


async def leader(pair):
    """(the one that leads, the other)."""
    await pair.nodes[0].until(lambda: sum(node.app.journal.leading for node in pair.nodes) == 1)
    return sorted(pair.nodes, key=lambda node: not node.app.journal.leading)


async def test_a_replay_is_answered_once(relaying, consumers, broker):  # noqa: F811
    pair, _ = relaying
    terminal, clients = await pair.car()
    for n in range(20):
        assert (await clients[n % 2].post(terminal.frame())).code == coap.CHANGED
    await pair.nodes[0].until(lambda: relayed(pair.nodes[0]))
    first, second = await leader(pair)
    consumer = await consumers(broker.port_v5, topics=("consumer/#",))
    ask(consumer, {"id": "one"})
    await first.until(lambda: "complete" in results(consumer))
    first.app.relay.stop()
    await first.app.journal.write(lambda tx: tx.leave())
    await second.until(lambda: second.app.journal.leading)
    ask(consumer, {"id": "two"})
    await second.until(lambda: results(consumer).count("complete") == 2)
    for name in ("one", "two"):
        mine = [body["position"] for body in frames(consumer) if body["replay"] == name]
        assert len(mine) == 20 and mine == sorted(set(mine))
    assert results(consumer) == ["started", "complete"] * 2


class Relay:
    """Counts what it is to tell again."""

    connected, reminding = True, False

    def __init__(self):
        self.told = 0

    def remind(self, reminders):
        self.told += len(reminders)


async def test_an_alarm_is_told_again_by_one_of_them(relaying):  # noqa: F811
    pair, _ = relaying
    terminal, clients = await pair.car()
    await clients[0].post(terminal.panic())
    await pair.nodes[0].until(lambda: relayed(pair.nodes[0]))
    first, second = await leader(pair)
    counts = []
    for node in (first, second):
        reminders = node.app.reminders
        reminders._relay, reminders._clock = Relay(), Late()
        await reminders.round()
        counts.append(reminders._relay.told)
    assert counts == [1, 0]


class Late:
    def wall_ms(self):
        return 1 << 42

    def mono_ms(self):
        return 0.0


async def test_one_of_them_prunes(relaying):  # noqa: F811
    pair, _ = relaying
    terminal, clients = await pair.car()
    for client in clients:
        await client.post(terminal.frame())
    await pair.nodes[0].until(lambda: relayed(pair.nodes[0]))
    first, second = await leader(pair)
    for node in pair.nodes:
        node.app.config.values["retention.position_days"] = 1
        node.app.config.values["retention.pause_ms"] = 1
    assert Late().wall_ms() > 2 * DAY_MS
    services = [Retention(n.app.config, n.app.journal, n.app.log, Late()) for n in (second, first)]
    assert [await service.round() for service in services] == [0, 2]
    repeat = terminal.frame(seq=0)
    answers_ = await asyncio.gather(*(client.post(repeat) for client in clients))
    assert {answer.code for answer in answers_} == {coap.CHANGED}
    assert (await first.count())["frames"] == 0
