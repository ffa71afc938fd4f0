"""Days by kind: what is old goes in small steps, what must stay stays, and a name is for ever nonetheless."""

import asyncio
import io
import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.clock import Clock
from gateway.config import KEYS, check
from gateway.journal.offices import AuditRow
from gateway.journal.records import CLEARED, NewFrame
from gateway.journal.retention import DAY_MS
from gateway.journal.sqlite import SqliteJournal
from gateway.log import Log
from gateway.retention import Retention
from gateway.topics import KINDS
from protocol import coap, report
from protocol.cose import sign1_parse
from tests.gateway.bench import Bench
from tests.gateway.terminal import Terminal

KID = b"kid12345"
POSITION, STATUS, PANIC = report.KIND_POSITION, report.KIND_STATUS, report.KIND_PANIC
NOW_MS = 1000 * DAY_MS
OLD, YOUNG = NOW_MS - 31 * DAY_MS, NOW_MS - 29 * DAY_MS
BEFORE = {POSITION: NOW_MS - 30 * DAY_MS}


def frame(seq, kind=POSITION, panic=None, boot=1, body=b"x"):
    return NewFrame(boot, seq, kind, panic, body)


async def store(journal, *frames, at_ms=OLD, relayed=True, kid=KID):
    """(id, conflict) of each."""

    def work(tx):
        got = [tx.insert_frame(kid, one, at_ms) for one in frames]
        if relayed:
            tx.mark_relayed([number for number, _ in got if number], at_ms)
        return got

    return await journal.write(work)


async def prune(journal, before_ms=None, limit=100, after=0):
    return await journal.write(lambda tx: tx.prune(after, limit, before_ms or BEFORE, NOW_MS))


async def seqs(journal):
    return [row.seq for row in await journal.read(lambda tx: tx.frames(0, 10_000))]


async def ranges(journal):
    def work(tx):
        return [tuple(r) for r in tx._run("SELECT boot, first, last FROM pruned ORDER BY boot, first")]

    return await journal.read(work)


def test_every_kind_has_its_days():
    assert [f"{name}_days" for name in KINDS.values()] == list(KEYS["retention"])[: len(KINDS)]


async def test_old_frames_of_a_kind_go_and_the_rest_stays(journal):
    await store(journal, frame(0), frame(1, STATUS), frame(2))
    await store(journal, frame(3), at_ms=YOUNG)
    done = await prune(journal)
    assert (done.deleted, done.done, done.kept) == (2, True, None)
    assert await seqs(journal) == [1, 3]


async def test_what_the_broker_has_not_confirmed_stays(journal):
    await store(journal, frame(0), relayed=False)
    await store(journal, frame(1))
    done = await prune(journal)
    assert (done.deleted, done.kept) == (1, 1)
    assert await seqs(journal) == [0]
    await journal.write(lambda tx: tx.mark_relayed([1], OLD))
    assert (await prune(journal)).deleted == 1


async def test_an_open_alarm_keeps_all_that_speaks_of_it(journal):
    """The frame that raised it, and the positions made meanwhile; until it is cleared."""
    both = {POSITION: BEFORE[POSITION], PANIC: BEFORE[POSITION]}
    await store(journal, frame(0, PANIC, (7, 1)), frame(1, POSITION, (7, 1)), frame(2))
    await journal.write(lambda tx: tx.open_panic(KID, 7, False, 1, 1, OLD))
    assert (await prune(journal, both)).deleted == 1
    assert await seqs(journal) == [0, 1]
    await journal.write(lambda tx: tx.reach(KID, 7, CLEARED, NOW_MS))
    assert (await prune(journal, both)).deleted == 2


async def test_a_pruned_name_is_a_repeat_and_one_that_never_came_is_new(journal):
    await store(journal, frame(0), frame(1), frame(4), frame(5))
    assert (await prune(journal)).deleted == 4
    assert await ranges(journal) == [(1, 0, 1), (1, 4, 5)]
    again = await store(journal, *(frame(n) for n in (0, 1, 4, 5)), at_ms=NOW_MS)
    assert again == [(0, False)] * 4
    # What a terminal brings a month late, and the next boot, were never seen.
    for late in (frame(2), frame(6), frame(0, boot=2)):
        assert (await store(journal, late, at_ms=NOW_MS))[0][0] > 0
    assert await seqs(journal) == [2, 6, 0]
    many = await journal.write(
        lambda tx: tx.insert_frames([(KID, frame(n)) for n in (0, 1, 2, 3, 4, 5, 6, 7)], NOW_MS)
    )
    assert [bool(number) for number, _ in many] == [False, False, False, True, False, False, False, True]
    assert not any(conflict for _, conflict in many)


async def test_a_boot_is_one_range_also_with_longer_kept_frames_in_it(journal):
    """A status now and then stays for a year; the table does not grow with them."""
    kinds = [STATUS if n % 10 == 9 else POSITION for n in range(200)]
    await store(journal, *(frame(n, kind) for n, kind in enumerate(kinds)))
    done, after = None, 0
    while done is None or not done.done:
        done = await prune(journal, limit=7, after=after)
        after = done.last
    assert await ranges(journal) == [(1, 0, 198)]
    assert len(await seqs(journal)) == 20
    assert await store(journal, frame(9, STATUS), frame(8), at_ms=NOW_MS) == [(0, False)] * 2
    assert await store(journal, frame(9, STATUS, body=b"y"), at_ms=NOW_MS) == [(0, True)]


async def test_another_alarm_under_a_pruned_name_is_no_repeat(journal):
    """Whoever lost its counters uses names again. One alarm too many, not one too few."""
    both = {POSITION: BEFORE[POSITION], PANIC: BEFORE[POSITION]}
    await store(journal, frame(0, PANIC, (7, 1), body=b"first"), frame(1))
    assert (await prune(journal, both)).deleted == 2
    assert await store(journal, frame(0, PANIC, (7, 1), body=b"first"), at_ms=NOW_MS) == [(0, False)]
    assert await store(journal, frame(0, PANIC, (7, 1), body=b"other"), at_ms=NOW_MS) == [(0, True)]
    assert await store(journal, frame(1, PANIC, (8, 1)), at_ms=NOW_MS) == [(0, True)]


async def test_a_frame_made_after_its_name_was_pruned_is_another_one(journal):
    terminal = Terminal()
    made = NewFrame(1, 0, POSITION, None, terminal.frame(seq=0))  # as of September 2026
    other = NewFrame(
        1, 0, POSITION, None, terminal.frame(report.KIND_POSITION, {report.TIME: NOW_MS * 30}, 0)
    )
    at_ms = report.decode(_payload(made.frame))[report.TIME]
    assert len(await store(journal, made, at_ms=at_ms)) == 1
    after = at_ms + 40 * DAY_MS
    done = await journal.write(lambda tx: tx.prune(0, 9, {POSITION: after - 30 * DAY_MS}, after))
    assert done.deleted == 1
    assert await store(journal, made, at_ms=after) == [(0, False)]
    assert await store(journal, other, at_ms=after) == [(0, True)]


def _payload(cose):
    return sign1_parse(cose).payload


async def test_old_rows_of_the_audit_log_go_in_steps(journal):
    """From the oldest on, up to the first that is too young; ids go on where they were."""
    times = [OLD, OLD + 1, OLD, YOUNG, OLD, NOW_MS]

    def work(tx):
        for at_ms in times:
            tx.add_audit(AuditRow(0, at_ms, "duty", "broker", "send", "vranje", "queued", "", "{}"))

    await journal.write(work)
    before_ms = BEFORE[POSITION]
    gone = [await journal.write(lambda tx: tx.prune_audit(before_ms, 2)) for _ in range(3)]
    assert gone == [2, 1, 0]
    left = await journal.read(lambda tx: tx.audit(0, 100, None, None))
    assert [row.at_ms for row in left] == times[3:]
    await journal.write(lambda tx: tx.prune_audit(NOW_MS + 1, 100))
    await journal.write(work)
    first = (await journal.read(lambda tx: tx.audit(0, 1, None, None)))[0]
    assert first.id > left[-1].id


async def test_the_service_prunes_the_audit_log(journal, tmp_path):
    class Year(Clock):
        def wall_ms(self):
            return NOW_MS

    document = {"retention": {"audit_days": 30, "pause_ms": 1, "step": 10}}
    out = io.StringIO()
    pruner = Retention(check(document, tmp_path / "gateway.toml"), journal, Log("info", out), Year())
    assert not pruner.idle
    rows = [AuditRow(0, at, "a", "", "", "", "", "", "") for at in [OLD] * 25 + [YOUNG] * 3]
    await journal.write(lambda tx: [tx.add_audit(row) for row in rows])
    assert await pruner.round() == 0, "no frames"
    assert len(await journal.read(lambda tx: tx.audit(0, 100, None, None))) == 3
    (told,) = [json.loads(line) for line in out.getvalue().splitlines()]
    assert (told["event"], told["count"]) == ("retention.audit", 25)


async def test_a_clock_that_was_wrong_holds_nothing_up(journal):
    await store(journal, frame(0), at_ms=NOW_MS + 3650 * DAY_MS)
    await store(journal, frame(1))
    assert (await prune(journal)).deleted == 1
    assert await seqs(journal) == [0]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(("store", "prune")), st.integers(0, 40), st.sampled_from((POSITION, STATUS))
        ),
        max_size=60,
    )
)
def test_a_name_is_new_once_whatever_was_pruned(steps):
    async def run():
        with tempfile.TemporaryDirectory() as folder:
            journal = SqliteJournal(Path(folder) / "j.sqlite")
            await journal.open()
            seen = set()
            try:
                for what, n, kind in steps:
                    if what == "prune":
                        await prune(journal, limit=1 + n)
                        continue
                    ((number, conflict),) = await store(journal, frame(n, kind, body=bytes([n])))
                    assert (bool(number), conflict) == (n not in seen, False)
                    seen.add(n)
            finally:
                await journal.close()

    asyncio.run(run())


class Later:
    """A clock that can be set; `mono_ms` is the loop's."""

    def __init__(self):
        self.ahead_ms = 0

    def wall_ms(self):
        return 1_790_000_000_000 + self.ahead_ms

    def mono_ms(self):
        return asyncio.get_running_loop().time() * 1000


async def test_the_service_prunes_while_frames_come_in(tmp_path, broker, consumers):
    clock = Later()
    days = {"position_days": 30, "step": 10, "pause_ms": 1}
    bench = await Bench(tmp_path, broker_port=broker.port_v5).also(retention=days).start(clock)
    client = await bench.terminal()
    t = client.terminal
    old = [t.frame() for _ in range(60)]
    for n in range(0, 60, 6):
        await client.post(*old[n : n + 6])
    await client.post(t.frame(report.KIND_STATUS, {report.STATUS: 1}))
    await client.post(t.panic())

    async def relayed():
        return not (await bench.count())["unrelayed"]

    await bench.until(relayed)
    clock.ahead_ms = 31 * DAY_MS
    retention = Retention(bench.app.config, bench.app.journal, bench.app.log, clock)
    one, posted = retention._one, 0

    async def while_a_terminal_is_served(sweep):
        nonlocal posted
        step = asyncio.create_task(one(sweep))
        assert (await client.post(t.frame())).code == coap.CHANGED
        posted += 1
        return await step

    retention._one = while_a_terminal_is_served
    assert (await retention.round(), await retention.round()) == (60, 0)
    assert posted > 6, "ten frames a step"
    assert (await client.post(*old[:6])).code == coap.CHANGED
    assert (await bench.count())["frames"] == 2 + posted
    assert bench.events("retention.pruned")[0]["count"] == 60
    await bench.stop()
