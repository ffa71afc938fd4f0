"""Frames come in: stored once, answered when durable, refused whole when anything in the batch is wrong."""

import asyncio

from protocol import cbor, coap, report
from tests.gateway.terminal import Terminal


async def test_a_frame_is_stored_before_it_is_answered(bench):
    client = await bench.terminal()
    response = await client.post(client.terminal.frame())
    assert coap.code_text(response.code) == "2.04"
    body = cbor.decode(response.payload)
    assert body[1] == 3
    assert abs(body[0] - bench.app.clock.wall_ms()) < 5000
    assert (await bench.count())["frames"] == 1
    (event,) = bench.events("frame.stored")
    assert (event["kid"], event["boot"], event["seq"], event["kind"]) == (
        client.terminal.kid.hex(),
        1,
        0,
        "position",
    )


async def test_six_frames_in_one_datagram_and_each_kind(bench):
    client = await bench.terminal()
    t = client.terminal
    kinds = [
        (report.KIND_STATUS, {report.STATUS: 3}),
        (report.KIND_HEALTH, {report.HEALTH: {0: 13_800}}),
        (report.KIND_EVENT, {report.EVENT: {0: 4, 1: 9}}),
        (report.KIND_TASK, {report.TASK: {0: 7, 1: 2}}),
        (report.KIND_TRACK, {report.TRACK: [None, 450_000_000, 190_000_000, None, None]}),
    ]
    frames = [t.frame()] + [t.frame(kind, fields) for kind, fields in kinds]
    response = await client.post(*frames)
    assert response.code == coap.CHANGED, response.payload
    assert (await bench.count())["frames"] == 6


async def test_a_repeat_is_answered_again_and_changes_nothing(bench):
    client = await bench.terminal()
    frame = client.terminal.frame()
    for _ in range(3):
        assert (await client.post(frame)).code == coap.CHANGED
    assert (await bench.count())["frames"] == 1
    assert bench.app.intake.repeats == 2


async def test_one_wrong_frame_refuses_the_whole_batch(bench):
    client = await bench.terminal()
    t = client.terminal
    good, bad = t.frame(), bytearray(t.frame())
    bad[-1] ^= 1
    response = await client.post(good, bytes(bad))
    assert response.code == coap.BAD_REQUEST
    assert response.payload == b"frame 1: signature"
    assert (await bench.count())["frames"] == 0


async def test_nobody_speaks_for_another(bench):
    first, second = await bench.terminal("vr-1"), await bench.terminal("vr-2")
    response = await first.post(second.terminal.frame())
    assert response.code == coap.BAD_REQUEST
    assert b"is not the sender" in response.payload
    # Signed by the sender's own key, but in another's name.
    response = await first.post(first.terminal.frame(kid=second.terminal.kid))
    assert response.code == coap.BAD_REQUEST
    assert (await bench.count())["frames"] == 0


async def test_too_many_frames_and_none(bench):
    client = await bench.terminal()
    t = client.terminal
    frames = [t.frame(fields={report.FIX: [None] * 8}) for _ in range(7)]
    assert (await client.post(*frames)).code == coap.TOO_LARGE
    assert (await client.post()).code == coap.BAD_REQUEST
    assert (await bench.count())["frames"] == 0


async def test_a_name_taken_by_other_bytes_is_kept_aside_and_an_alarm_in_it_is_raised(bench):
    """A terminal that lost its counters: nothing it says is thrown away."""
    client = await bench.terminal()
    t = client.terminal
    assert (await client.post(t.panic(seq=0))).code == coap.CHANGED
    assert (await client.post(t.frame(seq=1))).code == coap.CHANGED
    assert (await client.post(t.frame(seq=1, fields={report.TIME: 5}))).code == coap.CHANGED
    assert (await client.post(t.panic(seq=0))).code == coap.CHANGED  # signed anew: other bytes
    counts = await bench.count()
    assert (counts["frames"], counts["conflicts"], counts["panics_unacknowledged"]) == (2, 2, 1)
    assert len(bench.events("frame.conflict")) == 2
    assert len(bench.events("panic.open")) == 2
    assert counts["notices_waiting"] == 1


async def test_wrong_path_method_option(bench):
    client = await bench.terminal()
    t = client.terminal
    frame = t.frame()
    assert (await client.exchange(t.protect(coap.POST, "/g", frame))).code == coap.NOT_FOUND
    assert (await client.exchange(t.protect(coap.GET, "/f"))).code == coap.METHOD_NOT_ALLOWED
    assert (await client.exchange(t.protect(coap.PUT, "/c"))).code == coap.METHOD_NOT_ALLOWED
    critical = [(coap.IF_MATCH, b"x")]
    assert (
        await client.exchange(t.protect(coap.POST, "/f", frame, options=critical))
    ).code == coap.BAD_OPTION
    assert (await bench.count())["frames"] == 0
    assert (await client.post(frame)).code == coap.CHANGED


async def test_many_terminals_at_once_share_commits(bench):
    clients = [await bench.terminal(f"vr-{n}") for n in range(8)]

    async def drive(client):
        for _ in range(10):
            assert (await client.post(client.terminal.frame(), client.terminal.frame())).code == coap.CHANGED

    await asyncio.gather(*(drive(client) for client in clients))
    assert (await bench.count())["frames"] == 160
    journal = bench.app.journal
    assert 0 < journal.groups < 80


async def test_non_confirmable_requests_are_answered_likewise(bench):
    client = await bench.terminal()
    t = client.terminal
    response = await client.exchange(t.protect(coap.POST, "/f", t.frame(), kind=coap.NON))
    assert (response.code, response.type) == (coap.CHANGED, coap.NON)


async def test_a_terminal_enrolled_while_serving_is_known_within_a_second(bench):
    from tests.gateway.bench import enroll

    client = await bench.client(enroll(bench.folder, Terminal(), "vr-9"))
    kid = client.terminal.kid
    # Its keys are read right after its name: whoever speaks in between is told to come again.
    await bench.until(lambda: bench.app.registry.by_kid(kid) and bench.app.contexts.of(kid), timeout=1)
    assert (await client.post(client.terminal.frame())).code == coap.CHANGED


class Still:
    """A loop whose clock stands: whatever it is asked after a pause, the pause lacks a last bit."""

    def __init__(self, loop):
        self._loop = loop

    def time(self):
        return 1.0

    def __getattr__(self, name):
        return getattr(self._loop, name)


async def test_a_pause_between_commits_is_over_when_its_timer_says_so(bench):
    client = await bench.terminal()
    bench.app.intake._loop = Still(asyncio.get_running_loop())
    async with asyncio.timeout(10):
        for _ in range(3):
            assert (await client.post(client.terminal.frame())).code == coap.CHANGED
    assert (await bench.count())["frames"] == 3
