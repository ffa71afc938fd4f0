"""Floods of message_1: bounded work and memory, counted and not timed, and honest terminals get through."""

import asyncio
import itertools
import random

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.clock import Clock
from gateway.floodgate import COOKIE_S, GO, HOLD_MS, MAX_HOSTS, PROVE, WAIT, Floodgate
from gateway.sessions import LIFE_MS, Session, Sessions
from protocol import coap, edhoc
from tests.gateway.bench import enrolled, key_of
from tests.gateway.initiator import ECHO, Asker, Ours, first, third, x_of
from tests.gateway.terminal import Client

RATE = 50


class Hand(Clock):
    """A clock that is turned by hand."""

    def __init__(self):
        self.now_ms = 1_000_000.0

    def mono_ms(self):
        return self.now_ms


def invented(n):
    """Address and port of nobody."""
    return f"198.51.{n >> 8 & 255}.{n & 255}", 1024 + n % 60000


def gate(rate=RATE):
    return Floodgate(rate, bytes(32), 0.0)


def come(gate, source, now_ms, crowded=False):
    """As an honest one does: with the cookie, if asked for it."""
    verdict = gate.admit(source, None, now_ms, crowded)
    if verdict == PROVE:
        verdict = gate.admit(source, gate.cookie(source, now_ms), now_ms, crowded)
    return verdict


def test_in_quiet_times_nobody_is_asked():
    g = gate()
    for second in range(600):
        assert g.admit(invented(second), None, second * 1000.0, False) == GO
    assert (g.begun, g.hosts) == (0, 0)


def test_invented_addresses_get_the_upper_half_now_and_then_and_honest_ones_always_get_in():
    """A minute at 5,000 a second: the honest ones, one a second, never wait."""
    g = gate()
    runs = 0
    for n in range(300_000):
        now_ms = n / 5
        runs += g.admit(invented(n), None, now_ms, False) == GO
        if n % 5000 == 2500:
            assert come(g, ("203.0.113.9", n), now_ms) == GO
    assert RATE / 2 <= runs <= RATE / 2 * (60_000 / HOLD_MS + 1) + 10
    assert g.hosts == 1, "no state for who did not prove his address"


def test_a_crowded_table_asks_too():
    g = gate()
    assert g.admit(invented(1), None, 0.0, True) == PROVE
    assert come(g, invented(1), 0.0, True) == GO
    assert g.admit(invented(2), None, HOLD_MS - 1.0, False) == PROVE, "for some time"
    assert g.admit(invented(3), None, HOLD_MS + 1.0, False) == GO


def test_one_true_address_that_floods_leaves_room_for_the_others():
    """It answers every Echo, at 1,000 a second; each of twenty others comes once a second and gets in."""
    g = gate()
    runs, refused = 0, 0
    for n in range(60_000):
        now_ms = float(n)
        greedy = ("203.0.113.1", 5000 + n % 7)
        verdict = g.admit(greedy, g.cookie(greedy, now_ms), now_ms, False)
        runs += verdict == GO
        refused += verdict == WAIT
        if n % 50 == 25:
            runs += 1
            assert come(g, (f"203.0.113.{100 + n // 50 % 20}", 5683), now_ms) == GO
    assert runs <= RATE * 60 + RATE
    assert refused > 50_000
    # And it still gets what is left: it may be a whole directorate behind one address.
    assert runs > RATE * 60 * 0.9


def test_the_table_of_hosts_is_bounded():
    g = gate()
    for n in range(5 * MAX_HOSTS):
        now_ms = n * 1000 / RATE
        g.admit(invented(n), g.cookie(invented(n), now_ms), now_ms, True)
    assert g.hosts == MAX_HOSTS


def test_a_cookie_is_for_one_address_and_a_minute():
    source = ("203.0.113.1", 5683)
    g = gate()
    cookie = g.cookie(source, 500_000.0)

    def takes(echo, source=source, now_ms=500_000.0, g=g):
        return g.admit(source, echo, now_ms, True) == GO

    assert takes(cookie) and takes(cookie, now_ms=500_000.0 + COOKIE_S * 1000)
    assert not takes(cookie, ("203.0.113.1", 5684))
    assert not takes(cookie, ("203.0.113.2", 5683))
    assert not takes(cookie, now_ms=500_000.0 + (COOKIE_S + 2) * 1000)
    assert not takes(cookie, now_ms=490_000.0), "from the future"
    assert not takes(cookie, g=Floodgate(RATE, b"\x01" * 32, 0.0))
    for wrong in (b"", cookie[:4], cookie[:-1], cookie + b"\0", bytes(12), cookie[:-1] + b"?"):
        assert not takes(wrong), wrong


def session(n, source=None):
    return Session(source or invented(n), n.to_bytes(32, "big"), b"\x01", n.to_bytes(3, "big"), None, b"")


def test_sessions_end_and_are_bounded_and_a_host_pushes_out_its_own_first():
    table = Sessions(100)
    mine = [session(n, ("203.0.113.1", n)) for n in range(1, 4)]
    for n, one in enumerate(mine):
        table.put(one, float(n))
    for n in range(10, 200):
        table.put(session(n), 10.0)
        assert len(table) <= 100
    assert table.get(mine[0].c_r) is None, "the oldest of all gave way"
    late = [session(n, ("203.0.113.7", n)) for n in range(300, 303)]
    table = Sessions(100)
    eldest = session(400)
    table.put(eldest, 0.0)
    for one in late[:2]:
        table.put(one, 0.0)
    for n in range(97):
        table.put(session(n), 1.0)
    table.put(late[2], 2.0)
    assert [table.get(one.c_r) for one in (eldest, *late)] == [eldest, None, late[1], late[2]]
    assert table.repeated(late[0].source, late[0].first) is None
    assert table.repeated(late[1].source, late[1].first) is late[1]
    table.sweep(LIFE_MS + 0.5)
    assert table.get(late[1].c_r) is None and len(table) == 98
    table.sweep(LIFE_MS + 2.0)
    assert len(table) == 0 and not table._by_first and not table._by_host


def test_at_the_highest_rate_a_session_has_twenty_seconds():
    """The bound on the rate and that on the table together: nobody is pushed out while he answers."""
    table = Sessions(1024)
    honest = session(1, ("203.0.113.1", 1))
    table.put(honest, 0.0)
    for n in range(20 * RATE):
        table.put(session(1000 + n), n * 1000.0 / RATE)
    assert table.get(honest.c_r) is honest


@pytest.fixture
async def flooded(bench):
    """A bench whose clock stands, and whose answers to invented addresses are kept and not sent."""
    clock = Hand()
    await bench.stop()
    await bench.start(clock=clock)
    answers = []
    send = bench.app.endpoint.send

    def keep(datagram, source):
        if source[0].startswith("198.51."):
            answers.append(datagram)
        else:
            send(datagram, source)

    bench.app.endpoint.send = keep
    return bench, clock, answers


POINTS = [x_of(ec.generate_private_key(ec.SECP256R1())) for _ in range(20)]


def contents(kind, n):
    """A message_1 of one kind, never the same twice where it can be helped."""
    draw = random.Random(n)
    head = b"\x03\x02\x58\x20"
    if kind == "true":
        return head + POINTS[n % 20] + b"\x01\x00\x44" + draw.randbytes(4)
    if kind == "off the curve":
        return head + draw.randbytes(32) + b"\x01\x00\x44" + draw.randbytes(4)
    if kind == "wrong suite":
        return b"\x03\x06\x58\x20" + draw.randbytes(32) + b"\x01"
    return draw.randbytes(draw.randrange(1, 120))


@pytest.mark.parametrize("kind", ["true", "off the curve", "wrong suite", "garbage"])
async def test_a_flood_from_invented_addresses(flooded, kind):
    """5,000 datagrams in no time: few runs of lakers, a bounded table, answers no longer than requests,
    alarms of others taken all the while, and an honest handshake at its end."""
    bench, clock, answers = flooded
    other = await enrolled(bench, "vr-102", context=True)
    urgent = await bench.client(other)
    for n in range(5000):
        datagram = first(contents(kind, n))
        before = len(answers)
        bench.app.exchange.receive(datagram, invented(n))
        assert len(answers) == before + 1 and len(answers[-1]) <= len(datagram)
        if n % 500 == 250:
            assert (await urgent.post(other.panic(65537 + n))).code == coap.CHANGED
    app = bench.app
    assert app.edhoc.runs <= RATE / 2 + 1
    assert len(app.edhoc.sessions) <= app.edhoc.runs
    assert (len(app.contexts), app.edhoc.gate.hosts, len(app.edhoc._tasks)) == (1, 0, 0)
    assert not app.exchange.under_way
    if kind in ("true", "off the curve"):
        asked = [coap.decode(answer).option(ECHO) for answer in answers]
        assert sum(cookie is not None for cookie in asked) >= 5000 - RATE
        assert len(bench.events("edhoc.flood")) == 1
    assert len(bench.events()) < 1500, "the log is bounded too"
    # And now one that is meant.
    terminal = await enrolled(bench, "vr-103")
    asker = await Asker.open(bench)
    terminal.context = await asker.handshake(Ours(terminal, key_of(bench)))
    asker.close()
    client = await Client.open(terminal, app.address)
    assert (await client.post(terminal.frame())).code == coap.CHANGED
    client.close()
    assert (await bench.count())["frames"] == 11


async def test_many_honest_terminals_while_addresses_are_invented(flooded):
    """Twenty terminals renew in the middle of it; each gets in at its first try, with one Echo."""
    bench, clock, answers = flooded
    terminals = [await enrolled(bench, f"vr-{n}") for n in range(20)]
    key = key_of(bench)
    numbers = itertools.count()

    def flood(n=100):
        for _ in range(n):
            number = next(numbers)
            bench.app.exchange.receive(first(contents("true", number)), invented(number))

    flood()
    for terminal in terminals:
        clock.now_ms += 1000 / RATE * 2
        asker = await Asker.open(bench)
        initiator = Ours(terminal, key)
        c_r, message_3 = await asker.begin(initiator)
        flood()
        answer = await asker.ask(third(c_r, message_3))
        assert answer.code == coap.CHANGED
        asker.close()
    assert bench.app.edhoc.established == 20
    assert bench.app.edhoc.runs <= RATE / 2 + 1 + 2 * 20


async def test_a_flood_of_message_3(flooded):
    """Made-up identifiers cost a look-up each, no run."""
    bench, clock, answers = flooded
    for n in range(5000):
        bench.app.exchange.receive(third(n.to_bytes(3, "big"), b"\x58\x1a" + bytes(26)), invented(n))
    assert len(answers) == 5000
    assert all(edhoc.error(coap.decode(a).payload) == (1, "session") for a in answers)
    assert (bench.app.edhoc.runs, len(bench.app.edhoc.sessions)) == (0, 0)


async def test_the_work_for_one_address_that_answers_is_bounded_too(flooded):
    """It proves its address each time and never goes on: two seconds leave at most two seconds' runs."""
    bench, clock, answers = flooded
    source = invented(7)
    for n in range(2000):
        clock.now_ms += 1
        cookie = bench.app.edhoc.gate.cookie(source, clock.now_ms)
        bench.app.exchange.receive(first(contents("true", n), [(ECHO, cookie)]), source)
    assert bench.app.edhoc.runs <= 3 * RATE
    assert len(bench.app.edhoc.sessions) <= 3 * RATE
    codes = {coap.code_text(coap.decode(a).code) for a in answers}
    assert codes == {"2.04", "5.03"}
    clock.now_ms += LIFE_MS
    bench.app.edhoc.sweep()
    assert len(bench.app.edhoc.sessions) == 0
    await asyncio.sleep(0)
