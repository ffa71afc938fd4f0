"""A journal of the version before: read on, brought to this version's form, or left as it was."""

import json
import sqlite3
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.journal.records import CURRENT, RETIRING
from gateway.journal.sqlite import transaction
from protocol import coap
from tests.gateway.bench import Bench, call_cli, key_of, states
from tests.gateway.initiator import Asker, Ours
from tests.gateway.terminal import Terminal


def old_file(folder):
    """A journal of schema 1 as that version left it, and its three terminals: one enrolled, one suspended,
    one revoked."""
    script = (Path(__file__).parent / "journal_v1.sql").read_text()
    notes = dict(line[3:].split(" ", 1) for line in script.splitlines() if line.startswith("-- "))
    database = sqlite3.connect(folder / "patrola.sqlite")
    database.executescript(script)
    database.close()
    terminals = []
    values = [json.loads(notes[name]) for name in ("keys", "links", "used")]
    for private, link, sequence in zip(*values, strict=True):
        one = Terminal()
        one.take(ec.derive_private_key(int(private, 16), ec.SECP256R1()))
        one.link(link)
        one.context.sequence, one.seq = sequence, 1000
        terminals.append(one)
    return terminals


async def test_a_journal_of_the_version_before(tmp_path):
    """Its link secrets go on serving as contexts, no Partial IV works twice, and a handshake follows."""
    active, suspended, revoked = old_file(tmp_path)
    bench = await Bench(tmp_path).start()
    rows = await bench.app.journal.read(lambda tx: tx.contexts())
    assert {row.kid: (row.oscore_id, row.state, row.generation, bool(row.secret)) for row in rows} == {
        active.kid: (active.kid[:7], CURRENT, 1, True),
        suspended.kid: (suspended.kid[:7], CURRENT, 1, True),
        revoked.kid: (revoked.kid[:7], CURRENT, 1, False),
    }
    (row,) = [row for row in rows if row.kid == active.kid]
    assert (row.highest, row.bitmap, row.sequence) == (71, (1 << 64) - 1, 256)
    client = await bench.client(active)
    replay = active.context.sequence - 1
    fresh, active.context.sequence = active.context.sequence, replay
    assert (await client.post(active.frame())).code == coap.UNAUTHORIZED
    active.context.sequence = fresh
    assert (await client.post(active.frame())).code == coap.CHANGED
    assert [command[3] for command in await client.observe()] == [{0: "hello"}]
    assert (await bench.count())["panics_unacknowledged"] == 1
    for one in (suspended, revoked):
        assert (await (await bench.client(one)).post(one.frame())).code == coap.FORBIDDEN
    asker = await Asker.open(bench)
    active.context = await asker.handshake(Ours(active, key_of(bench)))
    asker.close()
    assert (await client.post(active.frame())).code == coap.CHANGED
    assert {s: r.generation for s, r in (await states(bench, active)).items()} == {RETIRING: 1, CURRENT: 2}
    assert [t["state"] for t in call_cli(tmp_path, "list")["terminals"]] == [
        "enrolled",
        "suspended",
        "revoked",
    ]
    await bench.stop()


def test_a_migration_that_is_interrupted_changes_nothing(tmp_path):
    old_file(tmp_path)
    path = tmp_path / "patrola.sqlite"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE gateway_key (x)")  # in the way of the last statement
    database.commit()
    with pytest.raises(Exception, match="gateway_key"), transaction(path, write=True):
        pass
    assert database.execute("PRAGMA user_version").fetchone() == (1,)
    assert database.execute("SELECT count(*) FROM replay").fetchone() == (3,)
    database.execute("DROP TABLE gateway_key")
    database.commit()
    database.close()
    with transaction(path, write=True) as tx:
        assert len(tx.contexts()) == len(tx.terminals()) == 3
