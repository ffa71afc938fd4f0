"""From one security context to the next: no gap, no way back, and the journal has the last word."""

import asyncio
import contextlib

from gateway.journal.records import CURRENT, NEXT, RETIRING
from protocol import coap
from protocol.errors import Unauthentic
from protocol.oscore import peek
from tests.gateway.bench import Bench, call_cli, enrolled, key_of, states
from tests.gateway.initiator import Asker, Ours, body, made, third
from tests.gateway.terminal import Client, Terminal


async def test_a_renewal_leaves_no_gap(bench, asker):
    """The old context serves before, during and, for what is on its way, after the switch."""
    terminal = await enrolled(bench, context=True)
    client = await bench.client(terminal)
    old = terminal.context
    assert (await client.post(terminal.frame())).code == coap.CHANGED
    initiator = Ours(terminal, key_of(bench))
    c_r, message_3 = await asker.begin(initiator)
    assert (await client.post(terminal.frame())).code == coap.CHANGED
    new = made(initiator, c_r, body(await asker.ask(third(c_r, message_3))))
    assert (await client.post(terminal.frame())).code == coap.CHANGED
    assert {state: row.generation for state, row in (await states(bench, terminal)).items()} == {
        CURRENT: 1,
        NEXT: 2,
    }
    terminal.context = new
    assert (await client.post(terminal.frame())).code == coap.CHANGED
    rows = await states(bench, terminal)
    assert {state: row.generation for state, row in rows.items()} == {RETIRING: 1, CURRENT: 2}
    assert rows[RETIRING].retire_ms - rows[CURRENT].used_ms == 300_000
    terminal.context = old
    assert (await client.post(terminal.frame())).code == coap.CHANGED
    terminal.context = new
    assert (await client.post(terminal.frame())).code == coap.CHANGED
    assert (await bench.count())["frames"] == 6


async def test_a_handshake_whose_end_was_lost_leaves_the_old_context(bench, asker):
    """message_4 never comes: the terminal goes on with what it has, and the next handshake replaces that."""
    terminal = await enrolled(bench, context=True)
    client = await bench.client(terminal)
    for generation in (2, 3, 4):
        c_r, message_3 = await asker.begin(Ours(terminal, key_of(bench)))
        await asker.ask(third(c_r, message_3))
        assert (await client.post(terminal.frame())).code == coap.CHANGED
        rows = await states(bench, terminal)
        assert {state: row.generation for state, row in rows.items()} == {CURRENT: 1, NEXT: generation}
    assert len(bench.app.contexts) == 2


async def test_a_revoked_terminals_contexts_are_emptied_and_it_stays_revoked(bench, asker):
    terminal = await enrolled(bench, context=True)
    await asker.handshake(Ours(terminal, key_of(bench)))
    assert (await (await bench.client(terminal)).post(terminal.frame())).code == coap.CHANGED
    call_cli(bench.folder, "revoke", terminal.kid.hex())
    await bench.app.registry.refresh()
    assert len(bench.app.peers) == 0, "nor are there keys in memory"
    rows = await states(bench, terminal)
    assert {(row.secret, row.salt) for row in rows.values()} == {(b"", b"")}
    await bench.stop()
    await bench.start()  # also after a restart it is told so
    client = await bench.client(terminal)
    assert (await client.post(terminal.frame())).code == coap.FORBIDDEN


async def test_two_handshakes_at_once_and_the_later_one_counts(bench, asker):
    terminal = await enrolled(bench)
    key = key_of(bench)
    one, two = Ours(terminal, key), Ours(terminal, key)
    first_one, first_two = await asker.begin(one), await asker.begin(two)
    lost = made(one, first_one[0], body(await asker.ask(third(*first_one))))
    kept = made(two, first_two[0], body(await asker.ask(third(*first_two))))
    client = await bench.client(terminal)
    terminal.context = lost
    assert (await client.post(terminal.frame(seq=1))).code == coap.UNAUTHORIZED
    terminal.context = kept
    assert (await client.post(terminal.frame(seq=1))).code == coap.CHANGED


async def test_a_context_replaced_while_its_first_request_is_under_way(bench, asker):
    """The journal has the last word: no effect in the name of a context that is gone."""
    terminal = await enrolled(bench)
    key = key_of(bench)
    terminal.context = await asker.handshake(Ours(terminal, key))
    later = Ours(terminal, key)
    c_r, message_3 = await asker.begin(later)
    original = bench.app.journal.write
    client = await bench.client(terminal)
    held = bench.slow_writes()
    posted = asyncio.create_task(client.exchange(terminal.post(terminal.frame()), attempts=1))
    await bench.until(lambda: bench.app.exchange.under_way)
    bench.app.journal.write = original
    terminal.context = made(later, c_r, body(await asker.ask(third(c_r, message_3))))
    held.set()
    assert (await posted).code == coap.UNAUTHORIZED
    assert (await bench.count())["frames"] == 0
    assert (await client.post(terminal.frame())).code == coap.CHANGED


async def test_an_observation_moves_to_the_new_context(bench, asker):
    terminal = await enrolled(bench, context=True)
    old = terminal.context
    before = await bench.client(terminal)
    assert await before.observe() == []
    late = terminal.protect(coap.GET, "/c", observe=0)
    terminal.context = await asker.handshake(Ours(terminal, key_of(bench)))
    client = await Client.open(terminal, bench.app.address)
    assert await client.observe() == []
    # A registration under the earlier context that was long on its way takes nothing over.
    before.terminal = Terminal()
    before.terminal.context = old
    answer = await before.exchange(late)
    assert (answer.code, answer.option(coap.OBSERVE)) == (coap.CONTENT, None)
    call_cli(bench.folder, "send", terminal.kid.hex(), "renew")
    await bench.app.registry.refresh()
    (command,) = await client.notification()
    assert (command[1], command[3]) == (6, {})
    client.close()


async def test_renewal_on_demand(bench, asker):
    """`gateway send <terminal> renew`: a command, a handshake, and the answer under whichever context."""
    terminal = await enrolled(bench, context=True)
    client = await bench.client(terminal)
    await client.observe()
    sent = await asyncio.to_thread(call_cli, bench.folder, "send", "vranje/ps-vranje/vr-101", "renew")
    assert sent["result"] == "queued"
    (command,) = await client.notification()
    assert (command[1], command[3]) == (6, {})
    terminal.context = await asker.handshake(Ours(terminal, key_of(bench)))
    assert (await client.answer(command[0])).code == coap.CHANGED
    assert bench.events("command.answered")[0]["result"] == "shown"


async def test_no_partial_iv_of_the_gateways_own_is_used_twice_under_one_context(tmp_path):
    """Notifications before and after a restart, under the old context and the new one: a nonce used twice
    would give both messages away."""
    bench = Bench(tmp_path)
    used = {}
    unit = None
    for start in range(4):
        await bench.start()
        unit = unit or await enrolled(bench, context=True)
        if start == 2:
            asker = await Asker.open(bench)
            unit.context = await asker.handshake(Ours(unit, key_of(bench)))
            asker.close()
        pivs = used.setdefault(unit.context.sender_id, [])
        send = bench.app.endpoint.send

        def listen(datagram, source, send=send, pivs=pivs):
            with contextlib.suppress(Unauthentic):
                pivs.append(peek(coap.decode(datagram))[2])
            send(datagram, source)

        bench.app.endpoint.send = listen
        client = await bench.client(unit)
        await client.observe()
        for n in range(3):
            call_cli(bench.folder, "send", unit.kid.hex(), "message", "--text", f"{start} {n}")
            await bench.app.registry.refresh()
            await client.notification()
        await bench.stop()
    assert len(used) == 2
    for pivs in used.values():
        own = [piv for piv in pivs if piv is not None]
        assert len(own) >= 6 and len(set(own)) == len(own)


async def test_two_renewals_within_the_grace(bench, asker):
    """Three contexts at most: what retired before the last one did is gone, in the journal and in memory."""
    terminal = await enrolled(bench, context=True)
    client = await bench.client(terminal)
    assert (await client.post(terminal.frame())).code == coap.CHANGED
    contexts = [terminal.context]
    for _ in range(2):
        terminal.context = await asker.handshake(Ours(terminal, key_of(bench)))
        contexts.append(terminal.context)
        assert (await client.post(terminal.frame())).code == coap.CHANGED
    rows = await states(bench, terminal)
    assert {state: row.generation for state, row in rows.items()} == {RETIRING: 2, CURRENT: 3}
    assert len(bench.app.contexts) == len(bench.app.peers) == 2
    for context, code in zip(contexts, (coap.UNAUTHORIZED, coap.CHANGED, coap.CHANGED), strict=True):
        terminal.context = context
        assert (await client.post(terminal.frame())).code == code
    assert bench.app.refusals.counts == {"unknown": 1}
