"""Security contexts in the journal: generations, grace, deletion, kill -9."""

import asyncio
import os
import random
import signal
import sqlite3

import pytest

from gateway.clock import Clock
from gateway.contexts import GRACE_MS, Contexts
from gateway.journal.base import ContextError, Spent
from gateway.journal.records import CURRENT, NEXT, RETIRING, Claim, Claimed, NewContext
from gateway.journal.sqlite import connect
from gateway.log import Log
from protocol import coap
from protocol.replay import ReplayWindow
from tests.gateway.bench import Bench, call_cli, config_text, enroll, enrolled, key_of, states
from tests.gateway.initiator import Asker, Ours, body, made, third
from tests.gateway.served import Served
from tests.gateway.terminal import Client, Terminal
from tests.gateway.test_journal import KID, terminal


@pytest.fixture
async def journal(store):
    journal = store.make()
    await journal.open()
    await journal.write(lambda tx: tx.enroll(terminal()))
    yield journal
    await journal.close()


def new(name, kid=KID):
    return NewContext(name, kid, b"\x01", b"secret of " + name, b"salt")


async def shown(journal):
    return [(c.oscore_id, c.state, c.generation) for c in await journal.read(lambda tx: tx.contexts(KID))]


async def test_states_and_generations(journal):
    await journal.write(lambda tx: tx.add_context(new(b"a"), 10))
    assert await shown(journal) == [(b"a", NEXT, 1)]
    await journal.write(lambda tx: tx.add_context(new(b"b"), 11))
    assert await shown(journal) == [(b"b", NEXT, 2)], "an unused one gives way"
    await journal.write(lambda tx: tx.use_context(b"b", 2, 12, 312))
    assert await shown(journal) == [(b"b", CURRENT, 2)]
    await journal.write(lambda tx: tx.use_context(b"b", 2, 99, 399))
    (row,) = await journal.read(lambda tx: tx.contexts(KID))
    assert (row.made_ms, row.used_ms, row.retire_ms) == (11, 12, None), "the first request alone counts"
    await journal.write(lambda tx: tx.add_context(new(b"c"), 20))
    await journal.write(lambda tx: tx.use_context(b"c", 3, 21, 321))
    assert await shown(journal) == [(b"b", RETIRING, 2), (b"c", CURRENT, 3)]
    await journal.write(lambda tx: tx.use_context(b"b", 2, 22, 322))
    assert await shown(journal) == [(b"b", RETIRING, 2), (b"c", CURRENT, 3)], "there is no way back"
    await journal.write(lambda tx: tx.add_context(new(b"d"), 30))
    await journal.write(lambda tx: tx.use_context(b"d", 4, 31, 331))
    assert await shown(journal) == [(b"c", RETIRING, 3), (b"d", CURRENT, 4)]
    assert await journal.write(lambda tx: tx.retire_contexts(330, 900)) == []
    over = await journal.write(lambda tx: tx.retire_contexts(331, 900))
    assert [c.oscore_id for c in over] == [b"c"]
    assert await shown(journal) == [(b"d", CURRENT, 4)]


async def test_a_clock_that_ran_ahead_keeps_nothing_alive(journal):
    for name, generation in ((b"a", 1), (b"b", 2)):
        await journal.write(lambda tx, name=name: tx.add_context(new(name), 1))
        await journal.write(lambda tx, name=name, n=generation: tx.use_context(name, n, 10**9, 10**9 + 300))
    assert await journal.write(lambda tx: tx.retire_contexts(5, 10**9 + 300)) == []
    assert len(await journal.write(lambda tx: tx.retire_contexts(5, 10**9))) == 1


async def test_what_may_not_be_made(journal):
    await journal.write(lambda tx: tx.add_context(new(b"a"), 10))
    with pytest.raises(ContextError, match="taken"):
        await journal.write(lambda tx: tx.add_context(new(b"a"), 10))
    with pytest.raises(ContextError, match="unknown"):
        await journal.write(lambda tx: tx.add_context(new(b"z", b"nobody12"), 10))
    await journal.write(lambda tx: tx.set_state(KID, "suspended", 11))
    await journal.write(lambda tx: tx.add_context(new(b"b"), 10))
    await journal.write(lambda tx: tx.set_state(KID, "revoked", 11))
    with pytest.raises(ContextError, match="revoked"):
        await journal.write(lambda tx: tx.add_context(new(b"c"), 10))
    (row,) = await journal.read(lambda tx: tx.contexts())
    assert (row.oscore_id, row.secret, row.salt) == (b"b", b"", b"")


async def test_a_number_is_claimed_once_and_belongs_to_one_generation(journal):
    """Against the window of the protocol, for numbers in any order."""
    await journal.write(lambda tx: tx.add_context(new(b"a"), 1))
    shadow = ReplayWindow()
    order = random.Random(5)
    at = 0
    for _ in range(60):
        at += order.choice((0, 0, 1, 1, 2, 30, 64, 65, 200))
        numbers = [max(0, at - order.randrange(80)) for _ in range(order.randrange(1, 12))]
        got = await journal.write(lambda tx, numbers=numbers: tx.claim([Claim(b"a", 1, n) for n in numbers]))
        for number, outcome in zip(numbers, got, strict=True):
            assert isinstance(outcome, Spent) == shadow.seen(number)
            if not shadow.seen(number):
                shadow.mark(number)
        row = await journal.read(lambda tx: tx.context(b"a"))
        assert (row.highest, row.bitmap) == shadow.state()
    wrong = [Claim(b"a", 2, at + 1), Claim(b"b", 1, at + 1), Claim(b"a", 2, None, 256)]
    got = await journal.write(lambda tx: tx.claim([*wrong, Claim(b"a", 1, at + 1)]))
    assert [type(outcome) for outcome in got] == [ContextError, ContextError, ContextError, Claimed]


async def test_blocks_of_own_numbers_never_overlap(journal):
    await journal.write(lambda tx: tx.add_context(new(b"a"), 1))
    blocks = []
    for count in (256, 0, 1, 256):
        (got,) = await journal.write(lambda tx, count=count: tx.claim([Claim(b"a", 1, None, count)]))
        blocks.append(got.block)
    assert blocks == [(0, 256), None, (256, 257), (257, 513)]

    def failing(tx):
        tx.claim([Claim(b"a", 1, None, 256)])
        raise KeyError

    with pytest.raises(KeyError):
        await journal.write(failing)
    (got,) = await journal.write(lambda tx: tx.claim([Claim(b"a", 1, 5, 256)]))
    assert got.block == (513, 769)  # what was not committed was nobody's
    (got,) = await journal.write(lambda tx: tx.claim([Claim(b"a", 1, 5, 256)]))
    assert isinstance(got, Spent)
    assert (await journal.read(lambda tx: tx.context(b"a"))).sequence == 769


async def test_a_revoked_terminals_context_claims_nothing(journal):
    await journal.write(lambda tx: tx.add_context(new(b"a"), 1))
    await journal.write(lambda tx: tx.set_state(KID, "revoked", 5))
    (got,) = await journal.write(lambda tx: tx.claim([Claim(b"a", 1, 0, 256)]))
    assert type(got) is ContextError


class Later(Clock):
    """A wall clock that can be set ahead."""

    ahead_ms = 0

    def wall_ms(self):
        return super().wall_ms() + self.ahead_ms


def on_disk(folder):
    return b"".join(p.read_bytes() for p in folder.iterdir() if p.name.startswith("patrola.sqlite"))


async def test_after_the_grace_the_secret_is_nowhere_in_the_files(tmp_path):
    clock = Later()
    bench = await Bench(tmp_path).start(clock=clock)
    unit = await enrolled(bench, context=True)
    secret = (await states(bench, unit))[CURRENT].secret
    client = await bench.client(unit)
    assert (await client.post(unit.frame())).code == coap.CHANGED
    old = unit.context
    asker = await Asker.open(bench)
    unit.context = await asker.handshake(Ours(unit, key_of(bench)))
    asker.close()
    assert (await client.post(unit.frame())).code == coap.CHANGED
    clock.ahead_ms = GRACE_MS - 5000
    await bench.app.contexts.sweep()
    assert set(await states(bench, unit)) == {RETIRING, CURRENT} and secret in on_disk(tmp_path)
    clock.ahead_ms = GRACE_MS + 5000
    await bench.app.contexts.sweep()
    await bench.until(lambda: secret not in on_disk(tmp_path))
    (told,) = bench.events("context.retired")
    assert told["context"] == old.sender_id.hex()
    assert (await client.post(unit.frame())).code == coap.CHANGED
    unit.context = old
    answer = await client.exchange(unit.post(unit.frame()))
    assert (answer.code, answer.option(coap.OSCORE)) == (coap.UNAUTHORIZED, None)
    assert len(bench.app.peers) == len(bench.app.contexts) == 1
    await bench.stop()


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_somebody_who_reads_the_journal_delays_the_scrubbing_and_nothing_else(tmp_path, journal):
    reader = connect(tmp_path / "j.sqlite")
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM contexts").fetchall()
    await journal.write(lambda tx: tx.add_context(new(b"a"), 1))
    assert not await journal.scrub()
    await journal.write(lambda tx: tx.add_context(new(b"b"), 1))
    reader.execute("ROLLBACK")
    assert await journal.scrub()
    log = (tmp_path / "j.sqlite-wal").read_bytes()
    assert log == b"" and b"secret of a" not in (tmp_path / "j.sqlite").read_bytes()
    assert b"secret of b" in (tmp_path / "j.sqlite").read_bytes()
    reader.close()


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_what_a_killed_process_left_in_the_log_is_scrubbed_at_the_next_start(tmp_path, journal):
    assert (tmp_path / "j.sqlite-wal").stat().st_size > 0
    await Contexts(journal, Log(), Clock()).sweep()
    assert (tmp_path / "j.sqlite-wal").stat().st_size == 0


async def test_kill_9_at_any_moment_of_a_renewal(tmp_path):
    """The terminal keeps what it has proof of: the old context, or from message_4 on the new one. Whatever
    was killed in between, its next frame is taken, and none is lost or doubled."""
    (tmp_path / "gateway.toml").write_text(config_text())
    moment = random.Random(9)
    unit = enroll(tmp_path, Terminal())
    key = bytes.fromhex(call_cli(tmp_path, "key")["gateway_key"])
    kills = int(os.environ.get("PATROLA_KILLS", "8"))
    served = Served(tmp_path)
    for number in range(kills):
        client = await Client.open(unit, served.address)
        assert (await client.post(unit.frame())).code == coap.CHANGED
        initiator = Ours(unit, key)
        c_r, message_3 = await Asker(client.socket).begin(initiator)
        client.socket.send(third(c_r, message_3))
        frame = unit.frame()
        if number % 4 == 1:
            # The commit, or its answer, may be just under way.
            await asyncio.sleep(moment.random() * 0.01)
        elif number % 4 > 1:
            message_4 = body(coap.decode(await client.socket.get()))
            unit.context = made(initiator, c_r, message_4)
            if number % 4 == 3:
                client.socket.send(unit.post(frame)[0])
                await asyncio.sleep(moment.random() * 0.01)
        assert served.end(signal.SIGKILL) == -signal.SIGKILL
        client.close()
        served = Served(tmp_path)
        client = await Client.open(unit, served.address)
        assert (await client.post(frame)).code == coap.CHANGED, number
        client.close()
    assert served.end() == 0
    database = sqlite3.connect(tmp_path / "patrola.sqlite")
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    rows = database.execute("SELECT seq FROM frames ORDER BY seq").fetchall()
    assert [seq for (seq,) in rows] == list(range(2 * kills))
    assert database.execute("SELECT count(*) FROM conflicts").fetchone() == (0,)
    contexts = dict(database.execute("SELECT state, count(*) FROM contexts GROUP BY state"))
    database.close()
    assert contexts[CURRENT] == 1 and max(contexts.values()) == 1
    print(f"{kills} kills in renewals, {len(rows)} frames answered, 0 lost, 0 doubled, contexts {contexts}")
