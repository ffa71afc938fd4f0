"""Key establishment at the gateway: real handshakes over UDP, by our own initiator and by lakers'."""

import json

import pytest

from gateway.journal.records import CURRENT, NEXT
from protocol import coap
from tests.gateway.bench import Bench, call_cli, enroll, enrolled, key_of, states
from tests.gateway.initiator import Asker, Lakers, Ours, body, first, made, refusal, third


@pytest.mark.parametrize("initiator", [Ours, Lakers])
async def test_a_new_terminal_shakes_hands_and_speaks(bench, asker, initiator):
    terminal = await enrolled(bench)
    context = await asker.handshake(initiator(terminal, key_of(bench)))
    row = (await states(bench, terminal))[NEXT]
    assert (row.oscore_id, row.gateway_id, row.generation, row.used_ms) == (
        context.sender_id,
        b"\x01",
        1,
        None,
    )
    assert len(row.oscore_id) == 3
    terminal.context = context
    client = await bench.client(terminal)
    assert (await client.post(terminal.frame())).code == coap.CHANGED
    rows = await states(bench, terminal)
    assert list(rows) == [CURRENT]
    assert rows[CURRENT].used_ms and rows[CURRENT].highest == 0
    (told,) = bench.events("edhoc.established")
    (used,) = bench.events("context.used")
    assert told["kid"] == used["kid"] == terminal.kid.hex()
    assert told["context"] == used["context"] == context.sender_id.hex()


async def test_a_lost_answer_is_given_again(bench, asker):
    """Every message of the handshake twice: no second run, no second context."""
    terminal = await enrolled(bench)
    initiator = Ours(terminal, key_of(bench))
    datagram = first(initiator.message_1)
    message_2 = body(await asker.ask(datagram))
    assert body(await asker.ask(datagram)) == message_2
    assert body(await asker.ask(first(initiator.message_1))) == message_2, "another message id"
    assert bench.app.edhoc.runs == 1
    c_r, message_3 = initiator.message_3(message_2)
    message_4 = body(await asker.ask(third(c_r, message_3)))
    assert body(await asker.ask(third(c_r, message_3))) == message_4
    moved = await Asker.open(bench)  # an address translation that forgot
    assert body(await moved.ask(third(c_r, message_3))) == message_4
    moved.close()
    assert bench.app.edhoc.runs == 2
    made(initiator, c_r, message_4)
    assert len(bench.events("edhoc.established")) == 1
    assert len(await states(bench, terminal)) == 1


async def test_revoked_between_the_messages_and_the_journal(bench, asker):
    """The registry in memory is a quarter of a second behind: the journal has the last word."""
    terminal = await enrolled(bench)
    c_r, message_3 = await asker.begin(Ours(terminal, key_of(bench)))
    call_cli(bench.folder, "revoke", terminal.kid.hex())
    assert refusal(await asker.ask(third(c_r, message_3))) == (1, "refused")
    assert await states(bench, terminal) == {}


async def test_a_suspended_terminal_shakes_hands_and_is_told_under_oscore(bench, asker):
    terminal = await enrolled(bench)
    call_cli(bench.folder, "suspend", terminal.kid.hex())
    await bench.app.registry.refresh()
    terminal.context = await asker.handshake(Ours(terminal, key_of(bench)))
    client = await bench.client(terminal)
    protected = terminal.post(terminal.frame())
    client.socket.send(protected[0])
    outer = coap.decode(await client.socket.get())
    assert outer.option(coap.OSCORE) is not None
    assert client.open_response(outer, protected[2]).code == coap.FORBIDDEN
    assert list(await states(bench, terminal)) == [CURRENT], "its first authentic request"
    assert (await bench.count())["frames"] == 0


async def test_the_gateway_lost_its_journal_and_the_terminal_recovers(tmp_path):
    """Enrolled again with the same keys: a hint of 4.01, a handshake, and it goes on."""
    bench = await Bench(tmp_path).start()
    terminal = await enrolled(bench, context=True)
    client = await bench.client(terminal)
    assert (await client.post(terminal.frame())).code == coap.CHANGED
    key = key_of(bench)
    await bench.stop()
    for name in ("patrola.sqlite", "patrola.sqlite-wal", "patrola.sqlite-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    await bench.start()
    await enroll_again(bench, terminal)
    assert key_of(bench) == key
    client = await bench.client(terminal)
    answer = await client.exchange(terminal.post(terminal.frame(seq=7)))
    assert (answer.code, answer.option(coap.OSCORE)) == (coap.UNAUTHORIZED, None)
    asker = await Asker.open(bench)
    terminal.context = await asker.handshake(Ours(terminal, key))
    asker.close()
    assert (await client.post(terminal.frame(seq=7))).code == coap.CHANGED
    assert (await bench.count())["frames"] == 1
    await bench.stop()


async def enroll_again(bench, terminal):
    enroll(bench.folder, terminal, context=False)
    await bench.app.registry.refresh()


async def test_another_identifier_than_ours_works_too(bench, asker):
    terminal = await enrolled(bench)
    for c_i in (b"\x37", b"\x05\x06", bytes(7), b""):
        terminal.context = await asker.handshake(Ours(terminal, key_of(bench), c_i=c_i))
        client = await bench.client(terminal)
        assert (await client.post(terminal.frame())).code == coap.CHANGED


async def test_nothing_is_said_before_the_disk_has_it(bench, asker):
    """The journal fails: 5.03, and the same message_3 works once it is back."""
    terminal = await enrolled(bench)
    initiator = Ours(terminal, key_of(bench))
    c_r, message_3 = await asker.begin(initiator)
    bench.app.journal._queue_limit = 0
    answer = await asker.ask(third(c_r, message_3))
    assert coap.code_text(answer.code) == "5.03" and answer.option(coap.MAX_AGE)
    assert bench.app.contexts.get(c_r) is None
    bench.app.journal._queue_limit = 4096
    terminal.context = made(initiator, c_r, body(await asker.ask(third(c_r, message_3))))
    client = await bench.client(terminal)
    assert (await client.post(terminal.frame())).code == coap.CHANGED


async def test_message_4_waits_for_the_commit(bench, asker):
    terminal = await enrolled(bench)
    initiator = Ours(terminal, key_of(bench))
    c_r, message_3 = await asker.begin(initiator)
    held = bench.slow_writes()
    asker.socket.send(third(c_r, message_3))
    asker.socket.send(third(c_r, message_3))
    assert await asker.socket.silent()
    held.set()
    made(initiator, c_r, body(coap.decode(await asker.socket.get())))
    assert await asker.socket.silent(), "the repeat was dropped"
    assert len(bench.events("edhoc.established")) == 1


async def test_without_its_key_file_the_gateway_serves_but_makes_no_context(tmp_path):
    bench = await Bench(tmp_path).start()
    terminal = await enrolled(bench, context=True)
    key = key_of(bench)
    await bench.stop()
    (tmp_path / "gateway.key").rename(tmp_path / "elsewhere")
    await bench.start()
    (told,) = bench.events("edhoc.keyless")
    assert "backup" in told["error"]
    assert not (tmp_path / "gateway.key").exists()
    client = await bench.client(terminal)
    assert (await client.post(terminal.panic())).code == coap.CHANGED
    asker = await Asker.open(bench)
    answer = await asker.ask(first(Ours(terminal, key).message_1))
    assert coap.code_text(answer.code) == "5.03"
    asker.close()
    assert "missing" in call_cli(tmp_path, "key", code=1)["error"]
    await bench.stop()


async def test_the_random_source_is_an_argument(tmp_path):
    """What stands on the air of a bench repeats from its seed."""
    given = iter([bytes(32), b"abc", b"abc", b"abd"])
    bench = Bench(tmp_path)
    await bench.start(random=lambda n: next(given))
    terminal = await enrolled(bench)
    asker = await Asker.open(bench)
    assert (await asker.begin(Ours(terminal, key_of(bench))))[0] == b"abc"
    assert (await asker.begin(Ours(terminal, key_of(bench))))[0] == b"abd", "the other one is taken"
    asker.close()
    await bench.stop()


async def test_a_request_that_wants_no_acknowledgement_gets_none(bench, asker):
    terminal = await enrolled(bench)
    initiator = Ours(terminal, key_of(bench))
    answer = await asker.ask(first(initiator.message_1, kind=coap.NON))
    assert answer.type == coap.NON
    c_r, message_3 = initiator.message_3(body(answer))
    made(initiator, c_r, body(await asker.ask(third(c_r, message_3, kind=coap.NON))))


async def test_the_list_tells_how_old_a_context_is_and_no_secret(bench, asker):
    terminal = await enrolled(bench, context=True)
    secret = (await states(bench, terminal))[CURRENT].secret.hex()
    await asker.handshake(Ours(terminal, key_of(bench)))
    listed = call_cli(bench.folder, "list")
    (row,) = listed["terminals"]
    assert (row["context"]["generation"], row["context"]["used"]) == (2, None)
    assert row["context"]["made"].startswith("20") and secret not in json.dumps(listed)
