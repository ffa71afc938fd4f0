"""The journal alone, over SQLite and PostgreSQL: one commit for many, nothing half."""

import asyncio
import sqlite3

import psycopg
import pytest

from gateway.journal.records import ACCEPTED, ACKNOWLEDGED, Command, NewFrame, Row, Terminal

KID = b"kid12345"


def frame(seq, body=b"x", kind=1):
    return NewFrame(1, seq, kind, None, body)


async def test_a_name_is_stored_once(journal):
    assert await journal.write(lambda tx: tx.insert_frame(KID, frame(1), 5)) == (1, False)
    assert await journal.write(lambda tx: tx.insert_frame(KID, frame(1), 6)) == (0, False)
    assert await journal.write(lambda tx: tx.insert_frame(KID, frame(1, b"y"), 7)) == (0, True)
    assert await journal.write(lambda tx: tx.insert_frame(KID, frame(1, b"y"), 8)) == (0, False)
    number, conflict = await journal.write(lambda tx: tx.insert_frame(b"other678", frame(1), 9))
    assert number > 1
    assert not conflict
    counts = await journal.read(lambda tx: tx.count())
    assert (counts["frames"], counts["conflicts"]) == (2, 1)


async def test_many_names_at_once_are_stored_as_one_by_one(journal):
    """New ones, repeats, conflicts and doubles within one call, against the call for one."""
    await journal.write(lambda tx: [tx.insert_frame(KID, frame(n), 5) for n in (3, 4)])
    items = [
        *((KID, frame(n)) for n in (1, 2, 3)),
        *((KID, frame(4, b"other")), (b"other678", frame(1)), (KID, frame(1)), (KID, frame(2, b"other"))),
        *((KID, frame(9)), (KID, frame(4, b"other"))),
    ]
    got = await journal.write(lambda tx: tx.insert_frames(items, 6))
    kinds = ["new" if number else "conflict" if conflict else "repeat" for number, conflict in got]
    assert kinds == ["new", "new", "repeat", "conflict", "new", "repeat", "conflict", "new", "repeat"]
    rows = await journal.read(lambda tx: tx.frames(2, 99))
    stored = [number for number, _ in got if number]
    assert [(row.id, row.kid, row.seq) for row in rows] == list(
        zip(stored, [KID, KID, b"other678", KID], [1, 2, 1, 9], strict=True)
    )
    assert await journal.write(lambda tx: (tx.insert_frames([], 6), tx.claim([]))) == ([], [])
    fresh = await journal.write(lambda tx: tx.insert_frames([(KID, frame(n)) for n in range(50, 80)], 6))
    assert [row.seq for row in await journal.read(lambda tx: tx.frames(fresh[0][0] - 1, 99))] == [
        *range(50, 80)
    ]


async def test_many_works_share_one_commit(journal):
    """500 writers at once: far fewer groups than works, and every one gets its own result."""

    async def one(seq):
        return await journal.write(lambda tx: tx.insert_frame(KID, frame(seq), 5))

    before, works = journal.groups, journal.works
    results = await asyncio.gather(*(one(seq) for seq in range(500)))
    assert len({number for number, _ in results}) == 500
    assert journal.works - works == 500
    assert journal.groups - before < 50


async def test_a_work_that_fails_takes_nobody_with_it(journal):
    def wrong(tx):
        tx.insert_frame(KID, frame(999), 5)
        raise KeyError("caller's fault")

    async def good(seq):
        return await journal.write(lambda tx: tx.insert_frame(KID, frame(seq), 5))

    results = await asyncio.gather(*(good(n) for n in range(5)), journal.write(wrong), return_exceptions=True)
    assert isinstance(results[-1], KeyError)
    assert [conflict for _, conflict in results[:5]] == [False] * 5
    assert [row.seq for row in await journal.read(lambda tx: tx.frames(0, 99))] == [0, 1, 2, 3, 4]


async def test_relay_marks(journal):
    await journal.write(lambda tx: [tx.insert_frame(KID, frame(n), 5) for n in range(10)])
    assert await journal.read(lambda tx: tx.first_unrelayed()) == 1
    await journal.write(lambda tx: tx.mark_relayed([1, 2, 5], 77))
    assert await journal.read(lambda tx: tx.first_unrelayed()) == 3
    rows = await journal.read(lambda tx: tx.frames(3, 3, unrelayed=True))
    assert [row.id for row in rows] == [4, 6, 7]
    await journal.write(lambda tx: tx.mark_relayed(range(1, 11), 99))
    assert await journal.read(lambda tx: tx.first_unrelayed()) is None
    assert [r.relayed_ms for r in await journal.read(lambda tx: tx.frames(0, 3))] == [77, 77, 99]


async def test_panic_stages_happen_once_and_in_the_record(journal):
    assert await journal.write(lambda tx: tx.open_panic(KID, 65537, False, 1, 1, 10))
    assert not await journal.write(lambda tx: tx.open_panic(KID, 65537, False, 1, 2, 11))
    assert not await journal.write(lambda tx: tx.reach(KID, 99, ACKNOWLEDGED, 12))
    assert len(await journal.read(lambda tx: tx.unacknowledged(16))) == 1
    assert await journal.write(lambda tx: tx.reach(KID, 65537, ACCEPTED, 12))
    assert await journal.write(lambda tx: tx.reach(KID, 65537, ACKNOWLEDGED, 13, "desk-1"))
    assert not await journal.write(lambda tx: tx.reach(KID, 65537, ACKNOWLEDGED, 14, "desk-2"))
    panic = await journal.read(lambda tx: tx.panic(KID, 65537))
    assert (panic.stage, panic.operator, panic.acknowledged_ms) == (ACKNOWLEDGED, "desk-1", 13)
    assert await journal.read(lambda tx: tx.unacknowledged(16)) == []


async def test_commands_expire_and_are_found(journal):
    command = Command(0, KID, 2, b"\xa0", 1, 50, "queued", "", "op-1", "message", "", None, None, None, None)
    number = await journal.write(lambda tx: tx.add_command(command))
    assert [c.id for c in await journal.read(lambda tx: tx.open_commands(KID))] == [number]
    assert await journal.read(lambda tx: tx.command(b"other678", number)) is None
    assert await journal.read(lambda tx: tx.expired_commands(49)) == []
    assert len(await journal.read(lambda tx: tx.expired_commands(50))) == 1
    assert await journal.read(lambda tx: tx.commanded_since(0)) == [KID]
    assert await journal.read(lambda tx: tx.commanded_since(number)) == []
    with pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError)):
        await journal.write(lambda tx: tx.add_command(command))  # the operator's id is taken
    assert journal.failed_groups == 0


def terminal(kid=KID, unit="u", state="enrolled"):
    return Terminal(kid, bytes(64), "d", "s", unit, "v", "c", state, 1, 1)


def test_registry_rules(store):
    with store.transaction() as tx:
        tx.enroll(terminal())
    for wrong, word in (
        (terminal(unit="other"), "known already"),
        (terminal(b"another1"), "belongs to terminal"),
    ):
        with pytest.raises(ValueError, match=word), store.transaction() as tx:
            tx.enroll(wrong)
    with store.transaction() as tx:
        before = tx.revision()[0]
        tx.set_state(KID, "revoked", 5)
        assert [t.state for t in tx.terminals(before)] == ["revoked"]
        tx.enroll(terminal(b"another1"))
        assert len(tx.terminals()) == 2


async def test_two_processes_may_write(journal, store):
    with store.transaction() as tx:
        tx.enroll(terminal())
    assert len(await journal.read(lambda tx: tx.terminals())) == 1
    await journal.write(lambda tx: tx.insert_frame(KID, frame(0), 5))


async def test_what_waits_for_the_broker_comes_back_as_it_was(journal):
    """Hundreds of rows are read as one value: bytes, nothing and any text survive that."""
    odd = ['a/"b\\', "č\u2028\x01", ""]
    bodies, tags = (b"", bytes(range(256))), (None, b"", b"\0")
    put = [(KID, topic, body, tag) for topic in odd for body in bodies for tag in tags]
    ids = await journal.write(lambda tx: [tx.add_notice(*each, 5) for each in put])
    notices = await journal.read(lambda tx: tx.notices(0, 99))
    assert [(n.id, n.kid, n.topic, n.payload, n.correlation) for n in notices] == [
        (number, *each) for number, each in zip(ids, put, strict=True)
    ]
    assert [n.id for n in await journal.read(lambda tx: tx.notices(ids[2], 3))] == ids[3:6]


async def test_alarms_that_still_wait_come_with_their_frames(journal):
    raised = NewFrame(1, 7, 3, (5, 1), bytes(range(256)))
    number, _ = await journal.write(lambda tx: tx.insert_frame(KID, raised, 10))

    def alarms(tx):
        tx.open_panic(KID, 5, False, 1, number, 10)
        tx.open_panic(KID, 4, True, 3, 0, 9)  # its frame was kept aside
        tx.open_panic(b"other678", 5, False, 1, number, 11)  # no frame of this terminal's
        tx.open_panic(KID, 6, False, 1, number, 12)
        tx.reach(KID, 6, ACKNOWLEDGED, 13, "desk-1")

    await journal.write(alarms)
    asked = [(KID, 5), (KID, 6), (b"other678", 5), (KID, 4), (KID, 99)]
    still = await journal.read(lambda tx: tx.still_waiting(asked))
    assert [(panic.kid, panic.panic, panic.drill, panic.opened_ms) for panic, _ in still] == [
        (KID, 4, True, 9),
        (KID, 5, False, 10),
        (b"other678", 5, False, 11),
    ]
    assert [row for _, row in still] == [None, Row(number, KID, 1, 7, 3, 5, 10, None, raised.frame), None]
    assert await journal.read(lambda tx: tx.still_waiting([])) == []
