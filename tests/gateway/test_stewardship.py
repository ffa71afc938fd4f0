"""Silent cars, operators, neighbours, the audit log, depths: the same in both kinds of journal."""

from gateway.journal.offices import ACTIVE, AuditRow, Neighbours, Operator
from gateway.journal.records import ENROLLED, NewContext, Terminal
from tests.gateway.stores import store  # noqa: F401 - a fixture

KID = b"terminal"


def enroll(tx):
    tx.enroll(Terminal(KID, bytes(64), "vranje", "ps-vranje", "vr-1", "Škoda", "VR-1", ENROLLED, 1, 1))


def test_presence(store):  # noqa: F811
    with store.transaction() as tx:
        enroll(tx)
        tx.note_duty(KID, 1, 5, 1, 1000)
        tx.note_duty(KID, 1, 4, 5, 1001)
        tx.note_duty(KID, 1, 6, None, 1002)
    with store.transaction(write=False) as tx:
        row = tx.presence(KID)
        assert (row.boot, row.seq, row.status, row.heard_ms, row.lost_ms) == (1, 5, 1, 1000, None)
        assert tx.silent_since(999, 10**9) == []
        assert [one.kid for one in tx.silent_since(1000, 10**9)] == [KID]
        assert [one.kid for one in tx.silent_since(0, 500)] == [KID]
    with store.transaction() as tx:
        tx.note_heard([(KID, 5000, 60), (b"unknown!", 5000, 60)], 6000)
        tx.note_heard([(KID, 4000, 60)], 6000)
    with store.transaction() as tx:
        assert (tx.presence(KID).heard_ms, tx.presence(KID).every_s) == (5000, 60)
        assert tx.presence(b"unknown!") is None and len(tx.presences()) == 1
        assert not tx.set_lost(KID, 4999, 9000)
        assert tx.set_lost(KID, 5000, 9000) and not tx.set_lost(KID, 5000, 9001)
        assert [one.lost_ms for one in tx.lost()] == [9000] and tx.silent_since(10**9, 10**10) == []
        assert not tx.set_found(KID, 9001) and tx.set_found(KID, 9000) and not tx.set_found(KID, 9000)
    with store.transaction() as tx:
        # A time that a wrong clock wrote gives way.
        tx.note_heard([(KID, 10**9, 60)], 10**9)
        tx.note_heard([(KID, 7000, 60)], 7000)
        assert tx.presence(KID).heard_ms == 7000
        tx.note_duty(KID, 1, 7, 5, 8000)
        assert tx.silent_since(10**9, 10**10) == []
        tx.open_panic(KID, 1, False, 1, 0, 8000)
        assert len(tx.silent_since(10**9, 10**10)) == 1
        tx.reach(KID, 1, 7, 8001)
        assert tx.silent_since(10**9, 10**10) == []


def test_operators_neighbours_and_audit(store):  # noqa: F811
    duty = Operator("duty", ("vranje", "uzice/tp"), bytes(64), ACTIVE, 1, 2)
    with store.transaction() as tx:
        tx.put_operator(duty)
        tx.put_operator(Operator("desk", ("*",), None, ACTIVE, 1, 1))
        tx.put_operator(Operator("desk", ("uzice",), None, "revoked", 1, 3))
        tx.put_neighbours("vranje", "leskovac", False)
        tx.put_neighbours("leskovac", "vranje", True)
        tx.put_neighbours("uzice", "vranje", False)
        for number in range(5):
            actor, target = ("duty", "vranje/ps/1") if number % 2 else ("desk", "vranjska/ps/1")
            tx.add_audit(AuditRow(0, number, actor, "local", "x", target, "done", "", "{}"))
    with store.transaction() as tx:
        assert tx.operator("duty") == duty and tx.operator("nobody") is None
        assert [(o.name, o.areas, o.state) for o in tx.operators()] == [
            ("desk", ("uzice",), "revoked"), ("duty", ("vranje", "uzice/tp"), ACTIVE)
        ]  # fmt: skip
        assert tx.neighbours() == [
            Neighbours("leskovac", "vranje", True),
            Neighbours("uzice", "vranje", False),
        ]
        assert tx.drop_neighbours("vranje", "uzice") and not tx.drop_neighbours("vranje", "uzice")
        rows = tx.audit(0, 100, None, None)
        assert [row.at_ms for row in rows] == [0, 1, 2, 3, 4]
        assert [row.at_ms for row in tx.audit(rows[1].id, 2, None, None)] == [2, 3]
        assert [row.at_ms for row in tx.audit(0, 9, "duty", None)] == [1, 3]
        assert [row.at_ms for row in tx.audit(0, 9, None, "vranje")] == [1, 3]
        assert [row.at_ms for row in tx.audit(0, 9, None, "vranje/ps/1")] == [1, 3]


def test_what_a_copy_must_forget_and_what_a_scrape_reads(store):  # noqa: F811
    with store.transaction() as tx:
        enroll(tx)
        made = tx.add_context(NewContext(b"abc", KID, b"\x01", b"s" * 16, b"salt"), 1)
        tx.set_secret(b"abc", made.generation, b"sealed")
        tx.mark_alive(1)
        tx.mark_alive(2)
        tx.add_audit(AuditRow(0, 1, "a", "local", "x", "y", "done", "", "{}"))
    with store.transaction() as tx:
        assert tx.context(b"abc").secret == b"sealed"
        depths = tx.depths()
        assert (depths["terminals_enrolled"], depths["unrelayed"], depths["lost"]) == (1, 0, 0)
        assert tx.living() == 0
        assert tx.drop_contexts() == 1
        tx.skip_ids(1 << 40)
    with store.transaction() as tx:
        assert tx.contexts() == []
        tx.add_audit(AuditRow(0, 2, "a", "local", "x", "y", "done", "", "{}"))
        assert [row.id > 1 << 40 for row in tx.audit(0, 9, None, None)] == [False, True]
