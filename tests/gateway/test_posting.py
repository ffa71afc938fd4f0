"""The short way and the long one: the same datagrams, the same answers, the same journal."""

import asyncio

import pytest

from gateway.journal.base import JournalError
from gateway.journal.records import Claim
from gateway.ordinary import outer
from protocol import cbor, coap, report
from tests.gateway.bench import call_cli
from tests.gateway.terminal import Terminal, stranger
from tests.gateway.ways import ELSEWHERE, HERE, Both, Still


@pytest.fixture
def both(tmp_path):
    return Both(tmp_path)


async def test_a_day_of_datagrams(both):
    car, other, gone, idle = (Terminal() for _ in range(4))
    await both.start(car, other, gone, idle)
    for folder in both.folders:
        call_cli(folder, "revoke", gone.kid.hex())
        call_cli(folder, "suspend", idle.kid.hex())
    for bench in both.benches:
        await bench.app.registry.refresh()
    first, _, binding = car.post(car.frame())
    ((answer, to),) = await both.put(first)  # its context is loaded: the long way, for both
    assert both.short == 0 and to == HERE
    inner = car.context.unprotect_response(coap.decode(answer), binding)
    assert (inner.code, cbor.decode(inner.payload)) == (coap.CHANGED, {0: Still().wall_ms(), 1: 3})
    again = car.frame()
    event, status = {report.EVENT: {0: 2, 1: 9}}, {report.STATUS: 3}
    ordinary = [
        car.post(car.frame()),
        car.post(*(car.frame() for _ in range(6))),
        car.post(car.frame(report.KIND_STATUS, status)),
        car.post(car.frame(report.KIND_EVENT, event), car.frame()),
        car.post(car.panic()),
        car.post(car.frame(report.KIND_HEALTH, {report.HEALTH: {0: 12600}})),
        car.post(again),
        car.post(again),
        car.post(car.frame(seq=0)),  # signed anew: other bytes under a name that is taken
        car.post(car.panic(state=report.PANIC_CANCELLED)),
    ]
    for count, (data, _, binding) in enumerate(ordinary, 1):
        ((answer, _),) = await both.put(data)
        assert car.context.unprotect_response(coap.decode(answer), binding).code == coap.CHANGED
        assert both.short == count
    # The same bytes again; from elsewhere; with another message id.
    data = ordinary[0][0]
    assert (await both.put(data))[0][1] == HERE
    assert (await both.put(data, ELSEWHERE))[0][1] == ELSEWHERE
    ((answer, _),) = await both.put(data[:3] + bytes([data[3] ^ 1]) + data[4:])
    assert coap.decode(answer).code == coap.UNAUTHORIZED
    assert both.short == len(ordinary) + 3
    # A bit turned over, of one that was used and of one that was not.
    for true in (data, car.post(car.frame())[0]):
        before = both.short
        for at in range(len(true)):
            await both.put(true[:at] + bytes([true[at] ^ 1 << at % 8]) + true[at + 1 :])
        assert both.short > before + len(true) - 20, "what is forged costs little"
    # Not for the short way, each for a reason of its own.
    wrong = car.frame()
    seldom = [
        car.post(wrong[:-1] + bytes([wrong[-1] ^ 1])),
        car.post(car.frame(), wrong[:-1] + bytes([wrong[-1] ^ 1])),
        car.post(other.frame()),
        car.post(*(car.frame() for _ in range(7))),
        car.post(b"\x00" * 60),
        car.protect(coap.POST, "/f"),
        car.protect(coap.POST, "/f", car.frame(), kind=coap.NON),
        car.protect(coap.POST, "/c", cbor.encode({0: 1, 1: 1})),
        car.protect(coap.GET, "/c", observe=0),
        car.protect(coap.POST, "/f/", car.frame()),
        car.protect(coap.POST, "/f", car.frame(), options=[(coap.ACCEPT, b"\x00")]),
        stranger().post(other.frame()),
        gone.post(gone.frame()),
        idle.post(idle.frame()),
        idle.post(idle.frame()),
    ]
    for data, *_ in seldom:
        assert len(await both.put(data)) == 1, data
    rows, *_ = await both.stop()
    assert len(rows) == 18 and both.short > 100


async def test_a_signature_that_does_not_hold(both):
    car = Terminal()
    await both.start(car)
    await both.put(car.post(car.frame())[0])
    wrong = car.frame()
    data, _, binding = car.post(car.frame(), wrong[:-1] + bytes([wrong[-1] ^ 1]))
    ((answer, _),) = await both.put(data)
    inner = car.context.unprotect_response(coap.decode(answer), binding)
    assert (inner.code, inner.payload) == (coap.BAD_REQUEST, b"frame 1: signature")
    assert both.short == 1
    assert len((await both.stop())[0]) == 1


async def test_a_disk_that_fails_and_comes_back(both):
    """5.03 under a number of our own; the same bytes again are stored, and answered under another one."""
    car = Terminal()
    await both.start(car)
    await both.put(car.post(car.frame())[0])
    data, _, binding = car.post(car.frame())
    for bench in both.benches:
        bench.write = bench.app.journal.write

        async def fails(work):
            raise JournalError("no")

        bench.app.journal.write = fails
    ((answer, _),) = await both.put(data)
    assert car.context.unprotect_response(coap.decode(answer), binding).code == coap.SERVICE_UNAVAILABLE
    for bench in both.benches:
        bench.app.journal.write = bench.write
    ((answer, _),) = await both.put(data)
    assert car.context.unprotect_response(coap.decode(answer), binding).code == coap.CHANGED
    assert both.short == 1
    assert len((await both.stop())[0]) == 2


async def test_a_number_that_another_node_used(both):
    """The claim fails: nothing of this request is stored, and the others in its transaction are."""
    car, other = Terminal(), Terminal()
    await both.start(car, other)
    for each in (car, other):
        await both.put(each.post(each.frame())[0])
    piv = car.context.sequence
    for bench in both.benches:
        (context,) = await bench.app.journal.read(lambda tx: tx.contexts(car.kid))
        claim = Claim(context.oscore_id, context.generation, piv)
        await bench.app.journal.write(lambda tx, claim=claim: tx.claim([claim]))
        bench.sent.clear()
    posts = [car.post(car.panic())[0], other.post(other.frame())[0]]
    for bench in both.benches:
        for data in posts:
            bench.app.exchange.receive(data, HERE)
        await bench.app.exchange.settled()
    sent = [
        sorted(coap.code_text(coap.decode(data).code) for data, _ in bench.sent) for bench in both.benches
    ]
    assert sent == [["2.04", "4.01"]] * 2 and both.short == 2
    rows, _, counts, *_ = await both.stop()
    assert len(rows) == 3 and counts["panics_unacknowledged"] == 0


async def test_nothing_is_answered_before_it_is_committed(both):
    car = Terminal()
    await both.start(car)
    await both.put(car.post(car.frame())[0])
    bench = both.benches[0]
    held, write = asyncio.Event(), bench.app.journal.write

    async def slow(work):
        await held.wait()
        return await write(work)

    bench.app.journal.write = slow
    bench.sent.clear()
    data = car.post(car.frame())[0]
    bench.app.exchange.receive(data, HERE)
    bench.app.exchange.receive(data, HERE)
    for _ in range(20):
        await asyncio.sleep(0)
    assert bench.sent == [] and bench.app.exchange.under_way == 1
    held.set()
    await bench.app.exchange.settled()
    assert len(bench.sent) == 1 and both.short == 2
    for each in both.benches:
        await each.stop()


async def test_an_alarm_goes_before_all_that_waits(both):
    """At the check and at the commit; and where positions are told to wait there is still a place for it."""
    cars = [Terminal() for _ in range(6)]
    await both.start(*cars, journal={"queue_limit": 80})
    for car in cars:
        await both.put(car.post(car.frame())[0])
    bench = both.benches[0]
    bench.sent.clear()
    exchange, order = bench.app.exchange, []
    bindings = {}
    for _ in range(10):
        for car in cars:
            data, outer, binding = car.post(car.frame())
            bindings[outer.token] = (car, binding, "position")
            exchange.receive(data, HERE)
    data, outer, binding = cars[0].post(cars[0].panic())
    bindings[outer.token] = (cars[0], binding, "panic")
    exchange.receive(data, HERE)
    # Each of the cars has more under way than a sound one: half of the 40 places for bulk are kept from them.
    # What is thrown away each car is told once.
    assert bench.app.refusals.counts["overloaded"] == len(cars)
    assert [coap.decode(answer).code for answer, _ in bench.sent] == [coap.SERVICE_UNAVAILABLE] * len(cars)
    assert exchange.under_way == 21
    await exchange.settled()
    for answer, _ in bench.sent:
        message = coap.decode(answer)
        if message.code == coap.CHANGED:
            order.append(bindings[message.token][2])
    assert len(order) == 21
    assert order[0] == "panic"
    for each in both.benches:
        await each.stop()


async def test_what_was_put_off_is_known_by_its_bytes(both, monkeypatch):
    """Bulk that comes again while there is still no room is not read again; once there is, it is taken."""
    cars = [Terminal() for _ in range(12)]
    await both.start(*cars, journal={"queue_limit": 20})
    for car in cars:
        await both.put(car.post(car.frame())[0])
    bench, posts = both.benches[0], [car.post(car.frame()) for car in cars]
    exchange, posting = bench.app.exchange, bench.app.exchange._posting
    read = []
    monkeypatch.setattr("gateway.posting.outer", lambda data: read.append(data) or outer(data))
    bench.sent.clear()
    for data, *_ in posts:
        exchange.receive(data, HERE)
    assert exchange.under_way == 10 and len(read) == 12
    late, silent = [data for data, *_ in posts[10:]], bench.app.admission.silent
    for data in late:
        exchange.receive(data, HERE)
        exchange.receive(data[:3] + bytes([data[3] ^ 1]) + data[4:], HERE)  # other bytes are others
    assert len(read) == 14 and not set(late) & set(read[12:])
    assert bench.app.admission.silent == silent + 4, "each car was told already"
    exchange.receive(cars[11].post(cars[11].panic())[0], HERE)
    assert exchange.under_way == 11
    await exchange.settled()
    for data in late:
        exchange.receive(data, HERE)
    await exchange.settled()
    assert read[-2:] == late and not posting._put_off
    codes = [coap.decode(answer).code for answer, _ in bench.sent]
    assert codes.count(coap.CHANGED) == 13 and codes.count(coap.SERVICE_UNAVAILABLE) == 2
    for each in both.benches:
        await each.stop()


async def test_one_that_is_wrong_does_not_take_the_others_along(both):
    """What goes wrong in a transaction and is nobody's disk falls on the one who brought it."""
    cars = [Terminal() for _ in range(3)]
    await both.start(*cars)
    for car in cars:
        await both.put(car.post(car.frame())[0])
    bench = both.benches[0]

    def trouble(tx, terminal, new, fields, now_ms):
        if terminal.kid == cars[1].kid:
            raise ValueError("this one")

    bench.app.intake.on_frame = trouble
    bench.sent.clear()
    posts = {}
    for car in cars:
        data, outer, binding = car.post(car.frame(report.KIND_STATUS, {report.STATUS: 1}))
        posts[outer.token] = (car, binding)
        bench.app.exchange.receive(data, HERE)
    await bench.app.exchange.settled()
    codes = {}
    for answer, _ in bench.sent:
        message = coap.decode(answer)
        car, binding = posts[message.token]
        codes[car.kid] = coap.code_text(car.context.unprotect_response(message, binding).code)
    assert [codes[car.kid] for car in cars] == ["2.04", "5.00", "2.04"]
    assert (await bench.count())["frames"] == 5
    for each in both.benches:
        await each.stop()
