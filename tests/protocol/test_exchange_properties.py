"""Both sides of an exchange against arbitrary datagrams: nothing escapes, nothing grows."""

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import coap
from protocol.coap import Message
from protocol.exchange import BULK, URGENT, Client
from protocol.responder import Reply, Request, Server

near_messages = st.builds(
    lambda kind, code, mid, token, options, payload, cut: (
        bytes([0x40 | kind << 4 | len(token), code])
        + mid.to_bytes(2, "big")
        + token
        + coap.encode_options(sorted(options, key=lambda option: option[0]))
        + (b"\xff" + payload if payload else b"")
    )[: cut or None],
    st.integers(0, 3),
    st.sampled_from((0, 1, 2, 0x44, 0x45, 0x81, 0x83, 0xA3, 0x20, 0xE0)),
    st.integers(0, 5),
    st.sampled_from((b"", b"\0\0\0\1", b"\0\0\0\2", b"zz")),
    st.lists(st.tuples(st.sampled_from((6, 9, 11, 14, 300)), st.binary(max_size=6)), max_size=3),
    st.binary(max_size=6),
    st.sampled_from((0, 0, 0, 0, 5, -1, -2)),
)
datagrams = st.lists(
    st.tuples(st.one_of(near_messages, near_messages, st.binary(max_size=40)), st.integers(0, 40000)),
    max_size=40,
)


@settings(deadline=None)
@given(datagrams)
def test_client_takes_anything_and_its_urgent_lane_goes_on(sequence):
    it = Client(lambda: 0)
    urgent = it.request(Message(0, coap.POST, payload=b"panic"), URGENT, 0)
    it.request(Message(0, coap.POST, payload=b"positions"), BULK, 0)
    it.request(Message(0, coap.GET, options=[(coap.OBSERVE, b"")]), BULK, 0)
    now = 0
    for data, pause in sequence:
        assert [whose for _, whose in it.due(now)].count(urgent) <= 1
        for kind, handle, message in it.receive(data, now):
            assert (message is None) == (kind in (3, 4))
            if kind == 1 and handle.lane == BULK:
                it.done(handle)
        assert it.wait_ms(now) is not None and it.wait_ms(now) <= 500
        now += pause
    assert len(it._small) <= 16 and len(it._seen) <= 16 and len(it._exchanges) <= 3
    it.due(now)
    assert urgent in [whose for _, whose in it.due(now + 500)]


@settings(deadline=None)
@given(datagrams, st.integers(0, 2**20))
def test_server_takes_anything_answers_no_larger_and_stays_bounded(sequence, seed):
    it = Server(lambda: seed & 0xFFFF, limit=5)
    now = 0
    for number, (data, pause) in enumerate(sequence):
        outcome = it.receive(data, number % 2, now)
        if isinstance(outcome, Reply):
            assert outcome.datagram is None or outcome.reason is None or len(outcome.datagram) <= len(data)
        elif isinstance(outcome, Request):
            reply = Message(0, coap.CHANGED)
            step = (seed >> number % 20) % 4
            if step == 0:
                it.begin(outcome)
            elif step == 1:
                it.ack(outcome)
                assert coap.decode(it.respond(outcome, reply, now_ms=now)).type == coap.CON
            else:
                datagram = it.respond(outcome, reply, remember=step == 2)
                assert coap.decode(datagram).token == outcome.message.token
        if number % 3 == 0:
            it.notify(number % 2, b"ob", Message(0, coap.CONTENT, options=[(coap.OBSERVE, b"")]), now)
        for datagram, _ in it.due(now):
            coap.decode(datagram)
        assert len(it._cache) <= 5 and len(it._sendings) <= 5 and len(it._tokens) <= 5
        now += pause
    it.outcomes()
    for _ in range(40):
        now += 50000
        it.due(now)
    assert it.wait_ms(now) is None and not it._sendings and not it._tokens
