"""A technician's document: what it does to the registry, in both journals, and why it is refused."""

import json
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import key
from gateway.enrolment_document import FRESH_MS, Outcome, Unproven, prove, take
from gateway.journal.offices import ACTIVE, OPERATOR, TECHNICIAN, Operator
from gateway.journal.records import ENROLLED, REVOKED, SUSPENDED
from protocol import cose
from tests.gateway.documents import Technician, kid_of, public_of

NOW = 1_700_000_000_000


def fresh():
    return public_of(ec.generate_private_key(ec.SECP256R1()))


class Desk:
    """A registry with one technician in it, and what each document came to."""

    def __init__(self, store, folder):
        self.store = store
        with store.transaction() as tx:
            self.own = key.settle(folder / "gateway.key", tx)
        self.ana = Technician(self.own.public)
        self.put("ana", self.ana)

    def put(self, name, who, areas=("vranje",), role=TECHNICIAN, state=ACTIVE):
        with self.store.transaction() as tx:
            tx.put_operator(Operator(name, areas, who.public, state, 1, 1, role))

    def take(self, document, now_ms=NOW):
        with self.store.transaction() as tx:
            return take(tx, document, self.own, now_ms, FRESH_MS)

    def unproven(self, document):
        with self.store.transaction(write=False) as tx, pytest.raises(Unproven) as found:
            prove(tx, document)
        return found.value.code

    def registry(self):
        with self.store.transaction(write=False) as tx:
            return {(t.unit, t.kid): t.state for t in tx.terminals()}

    def audit(self):
        with self.store.transaction(write=False) as tx:
            return [(r.actor, r.proof, r.action, r.target, r.result) for r in tx.audit(0, 99, None, None)]


@pytest.fixture
async def desk(store, tmp_path):
    journal = store.make()  # makes the tables
    await journal.open()
    yield Desk(store, tmp_path)
    await journal.close()


async def test_a_document_enrolls_its_terminal_once(desk):
    public = fresh()
    document = desk.ana.document(public, made_ms=NOW)
    done = desk.take(document)
    assert (done.result, done.technician, done.unit) == ("enrolled", "ana", "vranje/ps-vranje/vr-201")
    again = desk.take(document)
    assert (again.result, again.kid) == ("known", done.kid)
    assert desk.take(desk.ana.document(public, made_ms=NOW + 5000), NOW + 6000).result == "known"
    assert desk.registry() == {("vr-201", kid_of(public)): ENROLLED}
    assert desk.audit() == [("ana", "signature", "terminal.enrolled", "vranje/ps-vranje/vr-201", "done")]
    with desk.store.transaction(write=False) as tx:
        (terminal,) = tx.terminals()
        assert json.loads(tx.audit(0, 9, None, None)[0].details)["board"] == "SIM"
    assert (terminal.vehicle, terminal.call_sign) == ("Škoda Octavia, VR-201-PT", "Vranje 201")


async def test_another_terminal_takes_a_units_place_with_a_reason_only(desk):
    old, new = fresh(), fresh()
    first = desk.ana.document(old, made_ms=NOW)
    desk.take(first)
    refused = desk.take(desk.ana.document(new, made_ms=NOW))
    assert (refused.result, refused.code, refused.holder) == ("refused", "taken", kid_of(old))
    assert "--replace-unit" in refused.text
    assert desk.registry() == {("vr-201", kid_of(old)): ENROLLED}
    second = desk.ana.document(new, made_ms=NOW, reason="water damage")
    done = desk.take(second)
    assert (done.result, done.holder) == ("replaced", kid_of(old))
    assert desk.registry() == {("vr-201", kid_of(old)): REVOKED, ("vr-201", kid_of(new)): ENROLLED}
    rows = desk.audit()
    assert [row[2] for row in rows] == ["terminal.enrolled"] * 2 + ["terminal.revoked", "terminal.enrolled"]
    with desk.store.transaction(write=False) as tx:
        told = json.loads(tx.audit(0, 9, None, None)[-1].details)
    assert (told["because"], told["replaced"]) == ("water damage", kid_of(old).hex())
    # Whoever kept the first one, or the second, brings nothing back with it.
    assert desk.take(first).code == "revoked"
    third = fresh()
    desk.take(desk.ana.document(third, made_ms=NOW, reason="again"))
    assert desk.take(second).code == "revoked"
    assert desk.registry()["vr-201", kid_of(third)] == ENROLLED


async def test_a_terminal_moves_to_another_car_with_a_new_key_only(desk):
    public = fresh()
    desk.take(desk.ana.document(public, made_ms=NOW))
    moved = desk.take(desk.ana.document(public, "vr-202", made_ms=NOW, reason="sold"))
    assert (moved.code, "--replace-identity" in moved.text) == ("moved", True)
    assert list(desk.registry()) == [("vr-201", kid_of(public))]


async def test_a_suspended_terminal_stays_suspended(desk):
    public = fresh()
    desk.take(desk.ana.document(public, made_ms=NOW))
    with desk.store.transaction() as tx:
        tx.set_state(kid_of(public), SUSPENDED, NOW)
    done = desk.take(desk.ana.document(public, made_ms=NOW))
    assert (done.result, done.state) == ("known", SUSPENDED)


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ({"directorate": "leskovac"}, "area", "outside the area of ana: vranje"),
        ({"made_ms": NOW - FRESH_MS - 1}, "clock", "set the clock of the technician's computer"),
        ({"made_ms": NOW + 121_000}, "clock", "has not come yet"),
        ({"gateway": b"another!"}, "gateway", 'correct "gateway_key"'),
        ({"station": "PS Vranje"}, "entry", "--station 'PS Vranje'"),
        ({"vehicle": "line\nbreak"}, "entry", "--vehicle"),
        ({"reason": "\u202e"}, "entry", "printable"),
        ({"unit": "state", "directorate": "gateway"}, "entry", "the gateway's own"),
    ],
)
async def test_what_he_may_not_do_is_refused_and_written_down(desk, more, code, words):
    document = desk.ana.document(fresh(), **{"made_ms": NOW, **more})
    done = desk.take(document)
    assert (done.result, done.code) == ("refused", code)
    assert words in done.text
    assert desk.registry() == {}
    assert desk.audit()[0][-1] == "refused"


async def test_limits_of_the_clock_are_inclusive(desk):
    assert desk.take(desk.ana.document(fresh(), made_ms=NOW - FRESH_MS)).result == "enrolled"
    assert desk.take(desk.ana.document(fresh(), "vr-2", made_ms=NOW + 120_000)).result == "enrolled"


async def test_the_gateways_own_key_is_no_terminal(desk):
    assert desk.take(desk.ana.document(desk.own.public, made_ms=NOW)).code == "entry"


async def test_only_a_technician_in_the_registry_is_listened_to(desk):
    public = fresh()
    stranger = Technician(desk.own.public)
    assert desk.unproven(stranger.document(public, made_ms=NOW)) == "technician"
    desk.put("duty-officer", stranger, role=OPERATOR)
    assert desk.unproven(stranger.document(public, made_ms=NOW)) == "technician"
    desk.put("duty-officer", stranger)
    assert desk.take(stranger.document(public, made_ms=NOW)).result == "enrolled"
    desk.put("duty-officer", stranger, state="revoked")
    assert desk.unproven(stranger.document(fresh(), made_ms=NOW)) == "technician"
    # Another's name under the right form.
    assert desk.unproven(stranger.sign(stranger.fields(public), kid=kid_of(desk.ana.public))) == "signature"
    assert len(desk.audit()) == 1


async def test_a_frame_is_no_document_and_a_document_no_frame(desk):
    fields = desk.ana.fields(fresh(), made_ms=NOW)
    assert desk.unproven(desk.ana.sign(fields, aad=b"")) == "signature"
    document = desk.ana.sign(fields)
    parts = cose.sign1_parse(document)
    from gateway.security import load_public_key, verify

    public = load_public_key(desk.ana.public)
    assert verify(public, parts.to_be_signed(b"patrola enrolment 1"), parts.signature)
    assert not verify(public, parts.to_be_signed(), parts.signature)


async def test_every_changed_byte_is_refused(desk):
    document = desk.ana.document(fresh(), made_ms=NOW)
    for at in range(len(document)):
        changed = bytearray(document)
        changed[at] ^= 1 << at % 8
        desk.unproven(bytes(changed))
    for length in range(len(document)):
        desk.unproven(document[:length])
    assert desk.registry() == {}
    assert desk.audit() == []


@pytest.mark.parametrize(
    ("number", "value"),
    [
        *[(1, b"x" * 63), (1, "text"), (2, ""), (4, b"bytes"), (5, "x" * 121), (8, -1), (8, True)],
        *[(8, 2**62), (9, b"short"), (10, b"seven77"), (11, ""), (12, "unknown"), ("1", b""), (6, None)],
    ],
)
async def test_a_wrong_field_is_malformed_though_signed(desk, number, value):
    fields = desk.ana.fields(fresh(), made_ms=NOW) | {number: value}
    assert desk.unproven(desk.ana.sign(fields)) == "malformed"


async def test_a_missing_field_is_malformed(desk):
    fields = desk.ana.fields(fresh(), made_ms=NOW)
    for number in range(1, 11):
        less = {k: v for k, v in fields.items() if k != number}
        assert desk.unproven(desk.ana.sign(less)) == "malformed"


async def test_a_point_off_the_curve_is_refused(desk):
    assert desk.take(desk.ana.document(b"\x01" * 64, made_ms=NOW)).code == "entry"


def test_arbitrary_bytes_never_do_more_than_be_refused(tmp_path_factory):
    from gateway.journal.sqlite import connect, transaction

    folder = tmp_path_factory.mktemp("fuzz")
    connect(folder / "j.sqlite").close()
    with transaction(folder / "j.sqlite", write=True) as tx:
        own = key.settle(folder / "gateway.key", tx)
    ana = Technician(own.public)
    with transaction(folder / "j.sqlite", write=True) as tx:
        tx.put_operator(Operator("ana", ("*",), ana.public, ACTIVE, 1, 1, TECHNICIAN))
    seed = ana.document(fresh(), made_ms=NOW)

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def round_(data):
        document = data.draw(st.binary(max_size=1100)) if data.draw(st.booleans()) else bytearray(seed)
        if not isinstance(document, bytes):
            for _ in range(data.draw(st.integers(0, 4))):
                document[data.draw(st.integers(0, len(document) - 1))] = data.draw(st.integers(0, 255))
            document = bytes(document)
        with transaction(folder / "j.sqlite", write=True) as tx:
            try:
                done = take(tx, document, own, NOW, FRESH_MS)
            except Unproven:
                assert document != seed
            else:
                assert isinstance(done, Outcome)
                assert document == seed

    began = time.process_time()
    round_()
    assert time.process_time() - began < 60
