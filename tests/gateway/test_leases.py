"""Several nodes in the journal alone: who lives, who leads, and whose rows they are to relay."""

import pytest

from protocol.limits import KID
from tests.gateway.test_journal import frame


async def test_a_lease_runs_out_and_the_name_is_ones_own(store):
    """The journal alone: who lives, who leads, whose rows they are."""
    first, second = (
        store.make(name=name, **({"shared": True} if store.kind == "sqlite" else {})) for name in "xy"
    )
    for journal in (first, second):
        await journal.open()
        assert (await journal.write(lambda tx, j=journal: tx.renew(j.token, True))).known
    await first.write(lambda tx: tx.insert_frames([(b"k" * KID, frame(n)) for n in range(5)], 1))
    # The next frame of that terminal, stored by the other, is for the first to relay.
    handed = await second.write(lambda tx: (tx.insert_frame(b"k" * KID, frame(5), 1), tx.handed))
    assert handed[1] == {handed[0][0]}
    assert (await first.read(lambda tx: tx.standing())).handed == 1
    assert await second.read(lambda tx: tx.first_unrelayed()) is None
    assert not (await second.write(lambda tx: tx.renew(second.token, True))).took
    # It is silent: the second takes over, and leads.
    await second.write(
        lambda tx: tx._run("UPDATE nodes SET until_ms = until_ms - 9000 WHERE id = ?", (first.node,))
    )
    standing = await second.write(lambda tx: tx.renew(second.token, True))
    assert standing.took and standing.leads
    assert len(await second.read(lambda tx: tx.frames(0, 99, unrelayed=True))) == 6
    assert await first.read(lambda tx: tx.first_unrelayed()) is None
    # Another start under its name: the first is told that it is no longer itself.
    third = store.make(name="x", **({"shared": True} if store.kind == "sqlite" else {}))
    await third.open()
    assert third.node == first.node
    assert not (await first.write(lambda tx: tx.renew(first.token, True))).known
    for journal in (first, second, third):
        await journal.close()


async def test_one_alone_takes_what_several_left(store):
    """`serve` after `serve --workers 2`, the other way round, and what the command line left for nobody."""
    if store.kind == "postgres":
        pytest.skip("there a node is never alone")
    several = store.make(name="x", shared=True)
    await several.open()
    await several.write(lambda tx: tx.renew(several.token, True))
    await several.write(lambda tx: tx.insert_frames([(b"k" * KID, frame(n)) for n in range(5)], 1))
    await several.write(lambda tx: tx.add_notice(b"k" * KID, "t", b"p", None, 1))
    await several.close()
    alone = store.make(name="x")
    await alone.open()
    assert len(await alone.read(lambda tx: tx.frames(0, 99, unrelayed=True))) == 5
    assert len(await alone.read(lambda tx: tx.notices(0, 9))) == 1
    await alone.close()
    with store.transaction() as tx:
        tx.add_notice(b"k" * KID, "t", b"of the command line", None, 1)
    again = store.make(name="y", shared=True)
    await again.open()
    assert await again.read(lambda tx: tx.first_unrelayed()) is None
    assert (await again.write(lambda tx: tx.renew(again.token, True))).took
    assert len(await again.read(lambda tx: tx.frames(0, 99, unrelayed=True))) == 5
    assert [n.payload for n in await again.read(lambda tx: tx.notices(0, 9))] == [
        b"p",
        b"of the command line",
    ]
    await again.close()


async def test_nothing_overtakes_what_a_dead_node_has(store):
    """Stored by the living one before it has taken over, in the same moment, and after."""
    options = {"shared": True} if store.kind == "sqlite" else {}
    dead, alive = store.make(name="x", **options), store.make(name="y", **options)
    for journal in (dead, alive):
        await journal.open()
        await journal.write(lambda tx, j=journal: tx.renew(j.token, True))
    car = b"k" * KID
    await dead.write(lambda tx: tx.insert_frame(car, frame(0), 1))
    await dead.write(
        lambda tx: tx._run("UPDATE nodes SET until_ms = until_ms - 9000 WHERE id = ?", (dead.node,))
    )
    before = await alive.write(lambda tx: (tx.insert_frame(car, frame(1), 1), tx.handed, tx.called))
    assert before[1] == {before[0][0]}  # for the dead one, and so for whoever takes over

    def both(tx):
        standing = tx.renew(alive.token, True)
        return standing, tx.insert_frame(car, frame(2), 1), tx.handed, tx.called

    standing, _, handed, called = await alive.write(both)
    assert standing.took and not handed
    assert called == before[2] + 1  # so the relay reads before it takes what is offered
    other = await alive.write(lambda tx: (tx.insert_frame(b"o" * KID, frame(0), 1), tx.handed, tx.called))
    assert other[1:] == (set(), called)
    rows = await alive.read(lambda tx: tx.frames(0, 9, unrelayed=True))
    assert [(row.kid, row.seq) for row in rows] == [(car, 0), (car, 1), (car, 2), (b"o" * KID, 0)]
    assert not (await alive.write(lambda tx: tx.renew(alive.token, True))).took
    for journal in (dead, alive):
        await journal.close()
